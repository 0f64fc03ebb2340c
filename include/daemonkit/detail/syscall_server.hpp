// SPDX-License-Identifier: MIT
#pragma once
// System calls of a server at a path: to make the socket, to accept, to wait for many, to have a thread. Floor 1.
//
// As in syscall.hpp, whose seam they stand behind; here, because their headers are nothing to those who serve nobody.

#include <daemonkit/detail/platform.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <cstdint>
#include <cstdio>  // renameat

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#if DAEMONKIT_OS_LINUX()
#include <sys/epoll.h>
#include <sys/timerfd.h>
#else
#include <sys/event.h>
#endif

namespace daemonkit::detail::sys {

/// bind(2)
inline Result<int> bind(int fd, const ::sockaddr_storage& address, socklen_t size) noexcept {
    return invoke("bind",
                  [&] { return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size); });
}
/// listen(2)
inline Result<int> listen(int fd, int backlog) noexcept {
    return invoke("listen", [&] { return ::listen(fd, backlog); });
}
/// accept(2) of a connection that never blocks, close-on-exec, and without SIGPIPE where that is the socket's to say
inline Result<int> accept_nonblocking(int fd) noexcept {
#if DAEMONKIT_OS_MACOS()
    return invoke("accept", [&] {
        const int made = ::accept(fd, nullptr, nullptr);
        if (made == -1) return made;
        constexpr int on = 1;
        ::fcntl(made, F_SETFD, FD_CLOEXEC), ::fcntl(made, F_SETFL, O_NONBLOCK);
        ::setsockopt(made, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
        return made;
    });
#else
    return invoke("accept",
                  [&] { return ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
#endif
}
#if !DAEMONKIT_OS_LINUX()
/// getpeereid(3)
inline Result<int> getpeereid(int fd, uid_t* user, gid_t* group) noexcept {
    return invoke("getpeereid", [&] { return ::getpeereid(fd, user, group); });
}
#endif

/// pthread_create(3); its error as errno value
inline Result<int> pthread_create(pthread_t* made, void* (*run)(void*), void* argument) noexcept {
    return invoke("pthread_create",
                  [&] { return as_errno(::pthread_create(made, nullptr, run, argument)); });
}

/// rmdir(2)
inline Result<int> rmdir(const char* path) noexcept {
    return invoke("rmdir", [&] { return ::rmdir(path); });
}
/// fstatat(2), of a symbolic link itself
inline Result<int> fstatat(int folder, const char* name, struct ::stat* status) noexcept {
    return invoke("fstatat", [&] { return ::fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW); });
}
/// fchmodat(2)
inline Result<int> fchmodat(int folder, const char* name, mode_t mode) noexcept {
    return invoke("fchmodat", [&] { return ::fchmodat(folder, name, mode, 0); });
}
/// fchownat(2) of the group, and of a symbolic link itself
inline Result<int> fchownat_group(int folder, const char* name, gid_t group) noexcept {
    return invoke("fchownat", [&] {
        return ::fchownat(folder, name, static_cast<uid_t>(-1), group, AT_SYMLINK_NOFOLLOW);
    });
}
/// unlinkat(2)
inline Result<int> unlinkat(int folder, const char* name) noexcept {
    return invoke("unlinkat", [&] { return ::unlinkat(folder, name, 0); });
}
/// renameat(2) from a folder to a path
inline Result<int> renameat(int folder, const char* from, const char* to) noexcept {
    return invoke("renameat", [&] { return ::renameat(folder, from, AT_FDCWD, to); });
}

#if DAEMONKIT_OS_LINUX()
/// epoll_create1(2), close-on-exec
inline Result<int> epoll_create() noexcept {
    return invoke("epoll_create1", [] { return ::epoll_create1(EPOLL_CLOEXEC); });
}
/// epoll_ctl(2)
inline Result<int> epoll_ctl(int queue, int operation, int fd, ::epoll_event* event) noexcept {
    return invoke("epoll_ctl", [&] { return ::epoll_ctl(queue, operation, fd, event); });
}
/// epoll_wait(2)
inline Result<int> epoll_wait(int queue, ::epoll_event* events, int most, int wait_ms) noexcept {
    return invoke("epoll_wait", [&] { return ::epoll_wait(queue, events, most, wait_ms); });
}
/// timerfd_create(2) on the clock that nobody sets, close-on-exec, and never blocking
inline Result<int> timerfd_create() noexcept {
    return invoke("timerfd_create",
                  [] { return ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); });
}
/// timerfd_settime(2) to a point of time; zero is never
inline Result<int> timerfd_settime(int fd, const struct ::timespec& when) noexcept {
    const struct ::itimerspec setting { {}, when };
    return invoke("timerfd_settime",
                  [&] { return ::timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, nullptr); });
}
#else
/// kqueue(2), close-on-exec
inline Result<int> kqueue() noexcept {
    return invoke("kqueue", [] {
        const int made = ::kqueue();
        if (made != -1) ::fcntl(made, F_SETFD, FD_CLOEXEC);
        return made;
    });
}
/// kevent(2)
inline Result<int> kevent(int queue, const struct ::kevent* changes, int count,
                          struct ::kevent* events, int most,
                          const struct ::timespec* wait) noexcept {
    return invoke("kevent", [&] { return ::kevent(queue, changes, count, events, most, wait); });
}
#endif

}  // namespace daemonkit::detail::sys

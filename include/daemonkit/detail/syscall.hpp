// SPDX-License-Identifier: MIT
#pragma once
// Every system call daemonkit makes, under its own name. Floor 1.
//
// Each wrapper makes exactly one call and returns {value, error}, with errno captured in the same expression.
// One seam: a program that defines DAEMONKIT_SYSCALL_HEADER as the name of a header gets that header's
// `daemonkit::detail::sys::invoke` in place of the one below; the fault tests make any call fail that way.

#include <daemonkit/detail/platform.hpp>

#include <cerrno>
#include <csignal>  // sigaction, sigset_t
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uint64_t
#include <cstdio>   // rename
#include <cstdlib>  // setenv

#include <dirent.h>        // opendir
#include <fcntl.h>         // open, fcntl
#include <grp.h>           // getgrnam_r, setgroups
#include <netdb.h>         // getaddrinfo
#include <poll.h>          // poll, ppoll
#include <pthread.h>       // pthread_sigmask, pthread_atfork
#include <pwd.h>           // getpwnam_r
#include <sys/file.h>      // flock
#include <sys/mman.h>      // mmap, madvise
#include <sys/resource.h>  // setrlimit
#include <sys/socket.h>    // socketpair, connect, send, sendmsg, recv
#include <sys/stat.h>      // fstat, fchmod, umask
#include <sys/types.h>
#include <sys/wait.h>  // waitpid
#include <time.h>      // clock_gettime, localtime_r
#include <unistd.h>

#if DAEMONKIT_OS_LINUX()
#include <sys/auxv.h>     // getauxval
#include <sys/prctl.h>    // prctl
#include <sys/syscall.h>  // SYS_close_range, SYS_capget
#include <sys/vfs.h>      // fstatfs
#else
#include <sys/mount.h>  // fstatfs
#endif

// POSIX leaves the declaration to the program.
extern "C" char** environ;  // NOLINT(readability-redundant-declaration)

// Declared here, because <syslog.h> brings macros such as LOG_INFO into every program that includes it.
extern "C" void closelog();  // NOLINT(readability-redundant-declaration)

namespace daemonkit::detail {

/// What a system call returned, and the errno it left; `error` is 0 when the call worked.
template <class Value>
struct Result {
    Value value{};
    int error = 0;
    /// True when the call worked.
    explicit operator bool() const noexcept { return error == 0; }
};

}  // namespace daemonkit::detail

#ifdef DAEMONKIT_SYSCALL_HEADER
#include DAEMONKIT_SYSCALL_HEADER
#else
namespace daemonkit::detail::sys {

/// The errno with which a call that cannot stand behind `invoke` is to fail; 0 here: it is made.
inline int refusal(const char* /*name*/) noexcept { return 0; }

/// Makes the call; `name` is the name of the system call, which the seam's replacement goes by.
template <class Call>
auto invoke(const char* /*name*/, Call call) noexcept -> Result<decltype(call())> {
    const auto value = call();
    return {value, value == static_cast<decltype(value)>(-1) ? errno : 0};
}

}  // namespace daemonkit::detail::sys
#endif

namespace daemonkit::detail::sys {

/// The convention of system calls for a function that returns its error: -1, with the error in errno.
inline int as_errno(int error) noexcept {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

// -- files and descriptors ------------------------------------------------------------------------------------------

/// open(2)
inline Result<int> open(const char* path, int flags, mode_t mode = 0) noexcept {
    return invoke("open", [&] { return ::open(path, flags, mode); });
}
/// close(2)
inline Result<int> close(int fd) noexcept {
    return invoke("close", [&] { return ::close(fd); });
}
/// read(2)
inline Result<ssize_t> read(int fd, void* data, std::size_t size) noexcept {
    return invoke("read", [&] { return ::read(fd, data, size); });
}
/// write(2)
inline Result<ssize_t> write(int fd, const void* data, std::size_t size) noexcept {
    return invoke("write", [&] { return ::write(fd, data, size); });
}
/// pread(2)
inline Result<ssize_t> pread(int fd, void* data, std::size_t size, off_t at) noexcept {
    return invoke("pread", [&] { return ::pread(fd, data, size, at); });
}
/// pwrite(2)
inline Result<ssize_t> pwrite(int fd, const void* data, std::size_t size, off_t at) noexcept {
    return invoke("pwrite", [&] { return ::pwrite(fd, data, size, at); });
}
/// ftruncate(2)
inline Result<int> ftruncate(int fd, off_t size) noexcept {
    return invoke("ftruncate", [&] { return ::ftruncate(fd, size); });
}
/// fstat(2)
inline Result<int> fstat(int fd, struct ::stat* status) noexcept {
    return invoke("fstat", [&] { return ::fstat(fd, status); });
}
/// lstat(2)
inline Result<int> lstat(const char* path, struct ::stat* status) noexcept {
    return invoke("lstat", [&] { return ::lstat(path, status); });
}
#if !defined(__NetBSD__)
/// fstatfs(2)
inline Result<int> fstatfs(int fd, struct ::statfs* status) noexcept {
    return invoke("fstatfs", [&] { return ::fstatfs(fd, status); });
}
#endif
/// stat(2)
inline Result<int> stat(const char* path, struct ::stat* status) noexcept {
    return invoke("stat", [&] { return ::stat(path, status); });
}
/// chmod(2)
inline Result<int> chmod(const char* path, mode_t mode) noexcept {
    return invoke("chmod", [&] { return ::chmod(path, mode); });
}
/// fchmod(2)
inline Result<int> fchmod(int fd, mode_t mode) noexcept {
    return invoke("fchmod", [&] { return ::fchmod(fd, mode); });
}
/// opendir(3); null when the directory cannot be read
inline ::DIR* opendir(const char* path) noexcept { return ::opendir(path); }
/// readdir(3); null after the last entry
inline const ::dirent* readdir(::DIR* directory) noexcept { return ::readdir(directory); }
/// closedir(3)
inline void closedir(::DIR* directory) noexcept { ::closedir(directory); }
/// openat(2)
inline Result<int> openat(int folder, const char* path, int flags) noexcept {
    return invoke("openat", [&] { return ::openat(folder, path, flags); });
}
/// readlinkat(2)
inline Result<ssize_t> readlinkat(int folder, const char* path, char* target,
                                  std::size_t size) noexcept {
    return invoke("readlinkat", [&] { return ::readlinkat(folder, path, target, size); });
}
/// fdopendir(3): the directory owns the descriptor when it worked
inline Result<::DIR*> fdopendir(int fd) noexcept {
    if (const int refused = refusal("fdopendir"); refused != 0) return {nullptr, refused};
    ::DIR* const directory = ::fdopendir(fd);
    return {directory, directory == nullptr ? errno : 0};
}
/// readdir(3), which tells the end (null) from a failure by errno alone
inline Result<const ::dirent*> next_entry(::DIR* directory) noexcept {
    if (const int refused = refusal("readdir"); refused != 0) return {nullptr, refused};
    errno = 0;
    const ::dirent* const entry = ::readdir(directory);
    return {entry, entry == nullptr ? errno : 0};
}
/// faccessat(2) with the rights of the effective user
inline Result<int> faccessat(const char* path, int mode) noexcept {
    return invoke("faccessat", [&] { return ::faccessat(AT_FDCWD, path, mode, AT_EACCESS); });
}
/// mkdir(2)
inline Result<int> mkdir(const char* path, mode_t mode) noexcept {
    return invoke("mkdir", [&] { return ::mkdir(path, mode); });
}
/// unlink(2)
inline Result<int> unlink(const char* path) noexcept {
    return invoke("unlink", [&] { return ::unlink(path); });
}
/// rename(2)
inline Result<int> rename(const char* from, const char* to) noexcept {
    return invoke("rename", [&] { return ::rename(from, to); });
}
/// flock(2)
inline Result<int> flock(int fd, int operation) noexcept {
    return invoke("flock", [&] { return ::flock(fd, operation); });
}
/// fcntl(2) with F_GETLK, F_SETLK
inline Result<int> fcntl_lock(int fd, int command, struct ::flock* lock) noexcept {
    return invoke("fcntl_lock", [&] { return ::fcntl(fd, command, lock); });
}
/// fcntl(2) with F_GETFD
inline Result<int> fcntl_getfd(int fd) noexcept {
    return invoke("fcntl_getfd", [&] { return ::fcntl(fd, F_GETFD); });
}
/// fcntl(2) with F_SETFD
inline Result<int> fcntl_setfd(int fd, int flags) noexcept {
    return invoke("fcntl_setfd", [&] { return ::fcntl(fd, F_SETFD, flags); });
}
/// fcntl(2) with F_GETFL
inline Result<int> fcntl_getfl(int fd) noexcept {
    return invoke("fcntl_getfl", [&] { return ::fcntl(fd, F_GETFL); });
}
/// fcntl(2) with F_SETFL
inline Result<int> fcntl_setfl(int fd, int flags) noexcept {
    return invoke("fcntl_setfl", [&] { return ::fcntl(fd, F_SETFL, flags); });
}
/// fcntl(2) with F_SETOWN: the process that is signalled about the descriptor
inline Result<int> fcntl_setown(int fd, pid_t process) noexcept {
    return invoke("fcntl_setown", [&] { return ::fcntl(fd, F_SETOWN, process); });
}
/// fcntl(2) with F_SETSIG: the signal it is told by; Linux alone
inline Result<int> fcntl_setsig(int fd, int signal) noexcept {
#if DAEMONKIT_OS_LINUX()
    return invoke("fcntl_setsig", [&] { return ::fcntl(fd, F_SETSIG, signal); });
#else
    static_cast<void>(fd), static_cast<void>(signal);
    return {-1, ENOSYS};
#endif
}
/// memfd_create(2), by number where libc is older: memory as a file, close-on-exec, never to be executed; Linux alone
inline Result<int> memfd_create_sealable(const char* name) noexcept {
#if DAEMONKIT_OS_LINUX() && defined(SYS_memfd_create)
    constexpr unsigned close_on_exec = 1;
    constexpr unsigned allow_sealing = 2;
    constexpr unsigned never_executed = 8;  // since Linux 6.3
    const auto make = [name](unsigned flags) {
        return invoke("memfd_create",
                      [&] { return static_cast<int>(::syscall(SYS_memfd_create, name, flags)); });
    };
    const auto made = make(close_on_exec | allow_sealing | never_executed);
    return made.error == EINVAL ? make(close_on_exec | allow_sealing) : made;
#else
    static_cast<void>(name);
    return {-1, ENOSYS};
#endif
}
/// fcntl(2) with F_ADD_SEALS: neither the bytes nor the size nor the seals can change from here on; Linux alone
inline Result<int> fcntl_seal(int fd) noexcept {
#if DAEMONKIT_OS_LINUX()
    constexpr int add_seals = 1024 + 9;
    constexpr int seal_shrink_grow_write = 0x1 | 0x2 | 0x4 | 0x8;
    return invoke("fcntl_seal", [&] { return ::fcntl(fd, add_seals, seal_shrink_grow_write); });
#else
    static_cast<void>(fd);
    return {-1, ENOSYS};
#endif
}
/// open(2) of a file without a name in that folder, close-on-exec; Linux alone
inline Result<int> open_nameless(const char* folder) noexcept {
#if defined(O_TMPFILE)
    return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
#else
    static_cast<void>(folder);
    return {-1, ENOSYS};
#endif
}
/// fcntl(2) with F_DUPFD_CLOEXEC: a duplicate with a number of at least `lowest`
inline Result<int> fcntl_dupfd_cloexec(int fd, int lowest) noexcept {
    return invoke("fcntl_dupfd_cloexec", [&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, lowest); });
}
/// close_range(2): by number on Linux, where glibc has a wrapper only since 2.34 and musl has none
inline Result<long> close_range(unsigned first, unsigned last, unsigned flags) noexcept {
#if DAEMONKIT_OS_LINUX() && defined(SYS_close_range)
    return invoke("close_range", [&] { return ::syscall(SYS_close_range, first, last, flags); });
#elif DAEMONKIT_OS_FREEBSD()
    return invoke("close_range",
                  [&] { return long{::close_range(first, last, static_cast<int>(flags))}; });
#else
    static_cast<void>(first), static_cast<void>(last), static_cast<void>(flags);
    return {-1, ENOSYS};
#endif
}
/// isatty(3); an error where it is none
inline Result<int> isatty(int fd) noexcept {
    return invoke("isatty", [&] { return ::isatty(fd) == 1 ? 0 : -1; });
}
/// dup2(2)
inline Result<int> dup2(int from, int to) noexcept {
    return invoke("dup2", [&] { return ::dup2(from, to); });
}
/// pipe(2)
inline Result<int> pipe(int (&ends)[2]) noexcept {
    return invoke("pipe", [&] { return ::pipe(ends); });
}
#if !DAEMONKIT_OS_MACOS()
/// pipe2(2)
inline Result<int> pipe2(int (&ends)[2], int flags) noexcept {
    return invoke("pipe2", [&] { return ::pipe2(ends, flags); });
}
#endif
/// poll(2)
inline Result<int> poll(::pollfd* set, std::size_t count, int timeout_ms) noexcept {
    return invoke("poll", [&] { return ::poll(set, static_cast<nfds_t>(count), timeout_ms); });
}
/// ppoll(2): the mask, if there is one, is in force for the length of the wait; no timeout waits for ever
inline Result<int> ppoll(::pollfd* set, std::size_t count, const struct ::timespec* timeout,
                         const sigset_t* mask = nullptr) noexcept {
#if DAEMONKIT_OS_MACOS()
    // No ppoll there: pselect does the same for the few small descriptors that are waited for.
    return invoke("ppoll", [&] {
        fd_set readable;
        FD_ZERO(&readable);
        for (std::size_t i = 0; i < count; ++i) {
            if (set[i].fd >= FD_SETSIZE) return as_errno(EINVAL);  // FD_SET would write beyond it
            if (set[i].fd >= 0) FD_SET(set[i].fd, &readable);
        }
        const int ready = ::pselect(FD_SETSIZE, &readable, nullptr, nullptr, timeout, mask);
        for (std::size_t i = 0; i < count; ++i) {
            const bool is_ready = ready > 0 && set[i].fd >= 0 && FD_ISSET(set[i].fd, &readable);
            set[i].revents = is_ready ? POLLIN : short{0};
        }
        return ready;
    });
#else
    return invoke("ppoll", [&] { return ::ppoll(set, static_cast<nfds_t>(count), timeout, mask); });
#endif
}
/// socketpair(2) of connected local streams, close-on-exec
inline Result<int> socketpair_cloexec(int* ends) noexcept {
#if defined(SOCK_CLOEXEC)
    constexpr int type = SOCK_STREAM | SOCK_CLOEXEC;
#else
    constexpr int type = SOCK_STREAM;
#endif
    return invoke("socketpair", [&] {
        const int made = ::socketpair(AF_UNIX, type, 0, ends);
#if !defined(SOCK_CLOEXEC)
        // One thread at the time of a start: nobody execs between the two calls.
        if (made == 0) ::fcntl(ends[0], F_SETFD, FD_CLOEXEC), ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
        return made;
    });
}
/// socket(2) that never blocks, close-on-exec, and without SIGPIPE where that is the socket's to say
inline Result<int> socket_nonblocking(int family, int type) noexcept {
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
    return invoke("socket",
                  [&] { return ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
#else
    return invoke("socket", [&] {
        const int made = ::socket(family, type, 0);
        if (made == -1) return made;
        constexpr int on = 1;
        ::fcntl(made, F_SETFD, FD_CLOEXEC), ::fcntl(made, F_SETFL, O_NONBLOCK);
        ::setsockopt(made, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
        return made;
    });
#endif
}
/// connect(2)
inline Result<int> connect(int fd, const ::sockaddr_storage& address, socklen_t size) noexcept {
    return invoke("connect",
                  [&] { return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size); });
}
/// getaddrinfo(3); the error is one of its own, of EAI_FAIL and the like
inline Result<int> getaddrinfo(const char* host, const char* service, const ::addrinfo& hints,
                               ::addrinfo** found) noexcept {
    if (const int refused = refusal("getaddrinfo"); refused != 0) return {-1, EAI_FAIL};
    return {0, ::getaddrinfo(host, service, &hints, found)};
}
/// freeaddrinfo(3)
inline void freeaddrinfo(::addrinfo* found) noexcept { ::freeaddrinfo(found); }
/// gai_strerror(3)
inline const char* gai_strerror(int error) noexcept { return ::gai_strerror(error); }
/// gethostname(2)
inline Result<int> gethostname(char* name, std::size_t size) noexcept {
    return invoke("gethostname", [&] { return ::gethostname(name, size); });
}
/// send(2), without SIGPIPE where the system can be told so
inline Result<ssize_t> send(int fd, const void* data, std::size_t size, int flags) noexcept {
#if defined(MSG_NOSIGNAL)
    flags |= MSG_NOSIGNAL;
#endif
    return invoke("send", [&] { return ::send(fd, data, size, flags); });
}
/// sendmsg(2), without SIGPIPE where the system can be told so
inline Result<ssize_t> sendmsg(int fd, const ::msghdr& message) noexcept {
#if defined(MSG_NOSIGNAL)
    constexpr int flags = MSG_NOSIGNAL;
#else
    constexpr int flags = 0;
#endif
    return invoke("sendmsg", [&] { return ::sendmsg(fd, &message, flags); });
}
/// recv(2)
inline Result<ssize_t> recv(int fd, void* data, std::size_t size, int flags) noexcept {
    return invoke("recv", [&] { return ::recv(fd, data, size, flags); });
}
/// shutdown(2)
inline Result<int> shutdown(int fd, int how) noexcept {
    return invoke("shutdown", [&] { return ::shutdown(fd, how); });
}
/// getsockopt(2)
inline Result<int> getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
    return invoke("getsockopt", [&] { return ::getsockopt(fd, level, name, value, size); });
}
/// setsockopt(2) of a flag or a number
inline Result<int> setsockopt(int fd, int level, int name, int value) noexcept {
    return invoke("setsockopt",
                  [&] { return ::setsockopt(fd, level, name, &value, sizeof value); });
}
/// getsockname(2)
inline Result<int> getsockname(int fd, ::sockaddr_storage* address, socklen_t* size) noexcept {
    return invoke("getsockname",
                  [&] { return ::getsockname(fd, reinterpret_cast<sockaddr*>(address), size); });
}

// -- processes ------------------------------------------------------------------------------------------------------

/// fork(2)
inline Result<pid_t> fork() noexcept {
    return invoke("fork", [] { return ::fork(); });
}
/// _Fork(3): fork(2) without the handlers of pthread_atfork(3); with them where there is no other
inline Result<pid_t> fork_without_handlers() noexcept {
#if DAEMONKIT_HAS_BARE_FORK()
    return invoke("fork", [] { return ::_Fork(); });
#else
    return fork();
#endif
}
/// _exit(2)
[[noreturn]] inline void exit_now(int status) noexcept { ::_exit(status); }
/// execve(2); returns only when it failed
inline Result<int> execve(const char* path, char* const* arguments,
                          char* const* environment) noexcept {
    return invoke("execve", [&] { return ::execve(path, arguments, environment); });
}
/// setsid(2)
inline Result<pid_t> setsid() noexcept {
    return invoke("setsid", [] { return ::setsid(); });
}
/// waitpid(2)
inline Result<pid_t> waitpid(pid_t pid, int* status, int options) noexcept {
    return invoke("waitpid", [&] { return ::waitpid(pid, status, options); });
}
/// waitid(2)
inline Result<int> waitid(idtype_t type, id_t id, ::siginfo_t* info, int options) noexcept {
    return invoke("waitid", [&] { return ::waitid(type, id, info, options); });
}
/// kill(2)
inline Result<int> kill(pid_t pid, int signal) noexcept {
    return invoke("kill", [&] { return ::kill(pid, signal); });
}
/// pidfd_open(2), by number where libc does not wrap it: a close-on-exec descriptor, readable when the process has ended
inline Result<int> pidfd_open(pid_t pid) noexcept {
#if DAEMONKIT_OS_LINUX()
    constexpr long number = 434;
    return invoke("pidfd_open", [&] { return static_cast<int>(::syscall(number, pid, 0U)); });
#else
    static_cast<void>(pid);
    return {-1, ENOSYS};
#endif
}
/// pidfd_send_signal(2), by number where libc does not wrap it
inline Result<int> pidfd_send_signal(int fd, int signal) noexcept {
#if DAEMONKIT_OS_LINUX()
    constexpr long number = 424;
    return invoke("pidfd_send_signal",
                  [&] { return static_cast<int>(::syscall(number, fd, signal, nullptr, 0U)); });
#else
    static_cast<void>(fd), static_cast<void>(signal);
    return {-1, ENOSYS};
#endif
}
/// getpid(2); cannot fail
inline pid_t getpid() noexcept { return ::getpid(); }
/// getppid(2); cannot fail
inline pid_t getppid() noexcept { return ::getppid(); }
/// getpgid(2)
inline Result<pid_t> getpgid(pid_t pid) noexcept {
    return invoke("getpgid", [&] { return ::getpgid(pid); });
}

// -- signals --------------------------------------------------------------------------------------------------------

/// sigaction(2)
inline Result<int> sigaction(int signal, const struct ::sigaction* action,
                             struct ::sigaction* old) noexcept {
    return invoke("sigaction", [&] { return ::sigaction(signal, action, old); });
}
/// What a signal does, in the kernel's own form, which has no name outside it: all zero is the default.
struct KernelDisposition {
    alignas(std::uint64_t) unsigned char bytes[64]{};
};

/// rt_sigaction(2) by number, for the signals that libc keeps for itself and refuses to its sigaction
inline Result<int> rt_sigaction([[maybe_unused]] int signal,
                                [[maybe_unused]] const KernelDisposition& wanted,
                                [[maybe_unused]] KernelDisposition* old) noexcept {
#if DAEMONKIT_OS_LINUX()
    const auto size = static_cast<std::size_t>(SIGRTMAX + 1) / 8;  // of a set of signals
    return invoke("rt_sigaction", [&] {
        return static_cast<int>(::syscall(SYS_rt_sigaction, signal, &wanted, old, size));
    });
#else
    return invoke("rt_sigaction", [] { return as_errno(ENOSYS); });
#endif
}
/// pthread_sigmask(3): the calling thread's mask; reports its error as errno values
inline Result<int> pthread_sigmask(int how, const sigset_t* set, sigset_t* old) noexcept {
    return invoke("pthread_sigmask", [&] { return as_errno(::pthread_sigmask(how, set, old)); });
}

/// raise(3): to the calling thread
inline Result<int> raise(int signal) noexcept {
    return invoke("raise", [&] { return as_errno(::pthread_kill(::pthread_self(), signal)); });
}
#if DAEMONKIT_OS_LINUX()
/// sigtimedwait(2); no timeout waits for ever. Never restarted after a handler.
inline Result<int> sigtimedwait(const sigset_t& set, siginfo_t* details,
                                const struct ::timespec* timeout) noexcept {
    return invoke("sigtimedwait", [&] { return ::sigtimedwait(&set, details, timeout); });
}
/// rt_tgsigqueueinfo(2) to the calling thread, which glibc does not wrap
inline Result<long> queue_to_this_thread(int signal, const siginfo_t& details) noexcept {
    return invoke("rt_tgsigqueueinfo", [&] {
        return ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), ::syscall(SYS_gettid), signal,
                         &details);
    });
}
#endif

/// sigpending(2): of the calling thread and of the process
inline Result<int> sigpending(sigset_t* set) noexcept {
    return invoke("sigpending", [&] { return ::sigpending(set); });
}
/// sigtimedwait(2) without waiting: takes a pending signal of the set, EAGAIN when there is none
inline Result<int> take_pending(const sigset_t& set) noexcept {
#if DAEMONKIT_OS_LINUX()
    const struct ::timespec at_once {};
    return sigtimedwait(set, nullptr, &at_once);
#else
    // macOS and OpenBSD have no sigtimedwait: sigwait, for what is pending.
    sigset_t pending;
    if (const auto asked = sigpending(&pending); !asked) return asked;
    for (int signal = 1; signal < NSIG; ++signal) {
        if (sigismember(&set, signal) != 1 || sigismember(&pending, signal) != 1) continue;
        sigset_t only;
        sigemptyset(&only), sigaddset(&only, signal);
        return invoke("sigwait", [&] { return as_errno(::sigwait(&only, &signal)); });
    }
    return {-1, EAGAIN};
#endif
}

/// pthread_atfork(3); its error as errno value
inline Result<int> pthread_atfork(void (*prepare)(), void (*parent)(), void (*child)()) noexcept {
    return invoke("pthread_atfork",
                  [&] { return as_errno(::pthread_atfork(prepare, parent, child)); });
}

// -- time ------------------------------------------------------------------------------------------------------------

/// clock_gettime(2) of a clock that every system has; cannot fail
inline void clock_gettime(clockid_t clock, struct ::timespec* now) noexcept {
    ::clock_gettime(clock, now);
}

/// The second of the day's time, by time(2): on most systems that of the last tick, which costs no more than a read
inline std::int64_t second_of_tick() noexcept { return ::time(nullptr); }
/// Nanoseconds since the boot, those asleep included; where there is no such clock, without them
inline std::int64_t nanoseconds_since_boot() noexcept {
#if DAEMONKIT_OS_LINUX()
    constexpr clockid_t clock = CLOCK_BOOTTIME;
#else
    constexpr clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct ::timespec now {};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
/// The ticks of a second in which /proc counts
inline std::int64_t ticks_of_a_second() noexcept { return ::sysconf(_SC_CLK_TCK); }
/// Seconds east of UTC at that time, by localtime_r(3): 0 where libc cannot tell
inline int zone_offset(std::int64_t time) noexcept {
    const auto moment = static_cast<time_t>(time);
    struct ::tm local {};
    return ::localtime_r(&moment, &local) != nullptr ? static_cast<int>(local.tm_gmtoff) : 0;
}
/// tzset(3): localtime_r goes by the zone that is in force now
inline void tzset() noexcept { ::tzset(); }

// -- process-wide settings ------------------------------------------------------------------------------------------

/// setenv(3), replacing
inline Result<int> setenv(const char* name, const char* value) noexcept {
    return invoke("setenv", [&] { return ::setenv(name, value, 1); });
}
/// unsetenv(3)
inline Result<int> unsetenv(const char* name) noexcept {
    return invoke("unsetenv", [&] { return ::unsetenv(name); });
}
/// closelog(3): libc forgets its connection to the log daemon, and makes another one for the next line
inline void closelog() noexcept { ::closelog(); }
/// The environment as it stands: "NAME=value" texts, then null.
inline char** environment() noexcept { return ::environ; }
/// The name that the program was started by, without its folder
inline const char* program_name() noexcept {
#if DAEMONKIT_OS_LINUX()
    return ::program_invocation_short_name;
#else
    return ::getprogname();
#endif
}
/// umask(2); cannot fail
inline mode_t umask(mode_t mask) noexcept { return ::umask(mask); }
/// chdir(2)
inline Result<int> chdir(const char* path) noexcept {
    return invoke("chdir", [&] { return ::chdir(path); });
}
/// fchdir(2)
inline Result<int> fchdir(int fd) noexcept {
    return invoke("fchdir", [&] { return ::fchdir(fd); });
}
/// chroot(2)
inline Result<int> chroot(const char* path) noexcept {
    return invoke("chroot", [&] { return ::chroot(path); });
}
/// getcwd(3); value 0 when it worked
inline Result<int> getcwd(char* path, std::size_t size) noexcept {
    return invoke("getcwd", [&] { return ::getcwd(path, size) != nullptr ? 0 : -1; });
}
/// getrlimit(2)
inline Result<int> getrlimit(int resource, struct ::rlimit* limit) noexcept {
#if DAEMONKIT_OS_LINUX() && defined(__GLIBC__)
    using Resource = __rlimit_resource_t;
#else
    using Resource = int;
#endif
    return invoke("getrlimit", [&] { return ::getrlimit(static_cast<Resource>(resource), limit); });
}
/// setrlimit(2)
inline Result<int> setrlimit(int resource, const struct ::rlimit* limit) noexcept {
#if DAEMONKIT_OS_LINUX() && defined(__GLIBC__)
    using Resource = __rlimit_resource_t;
#else
    using Resource = int;
#endif
    return invoke("setrlimit", [&] { return ::setrlimit(static_cast<Resource>(resource), limit); });
}

// -- memory ---------------------------------------------------------------------------------------------------------

/// What mmap(2) returns when it failed.
inline void* no_memory() noexcept { return MAP_FAILED; }
/// mmap(2) of memory of this process's own
inline Result<void*> mmap_private(std::size_t size) noexcept {
    if (const int refused = refusal("mmap"); refused != 0) return {MAP_FAILED, refused};
    void* const made = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    return {made, made == MAP_FAILED ? errno : 0};
}
/// munmap(2)
inline Result<int> munmap(void* start, std::size_t size) noexcept {
    return invoke("munmap", [&] { return ::munmap(start, size); });
}
/// madvise(2) with MADV_WIPEONFORK: a forked child finds zeros there; Linux alone
inline Result<int> madvise_wipe_on_fork(void* start, std::size_t size) noexcept {
#if defined(MADV_WIPEONFORK)
    return invoke("madvise", [&] { return ::madvise(start, size, MADV_WIPEONFORK); });
#else
    static_cast<void>(start), static_cast<void>(size);
    return {-1, ENOSYS};
#endif
}

// -- credentials ----------------------------------------------------------------------------------------------------

/// True when the program's file gave it more rights than its caller has
inline bool has_elevated_rights() noexcept {
#if DAEMONKIT_OS_LINUX()
    return ::getauxval(AT_SECURE) != 0;
#else
    return ::issetugid() != 0;
#endif
}
/// True when its file gave the program another user or group than its caller's: setuid, setgid
///
/// As the kernel had it at the exec: what the program has done with its ids since does not count. Other rights do not,
/// either: capabilities of a file, and a domain of SELinux, are what a service may well be started with.
inline bool has_ids_of_its_file() noexcept {
#if DAEMONKIT_OS_LINUX()
    return ::getauxval(AT_UID) != ::getauxval(AT_EUID) ||
           ::getauxval(AT_GID) != ::getauxval(AT_EGID);
#else
    return ::issetugid() != 0;
#endif
}
/// geteuid(2); cannot fail
inline uid_t geteuid() noexcept { return ::geteuid(); }
/// getuid(2); cannot fail
inline uid_t getuid() noexcept { return ::getuid(); }
/// getgid(2); cannot fail
inline gid_t getgid() noexcept { return ::getgid(); }
/// getegid(2); cannot fail
inline gid_t getegid() noexcept { return ::getegid(); }
/// setuid(2)
inline Result<int> setuid(uid_t user) noexcept {
    return invoke("setuid", [&] { return ::setuid(user); });
}
/// setgid(2)
inline Result<int> setgid(gid_t group) noexcept {
    return invoke("setgid", [&] { return ::setgid(group); });
}
/// setgroups(2)
inline Result<int> setgroups(std::size_t count, const gid_t* groups) noexcept {
#if DAEMONKIT_OS_LINUX()
    return invoke("setgroups", [&] { return ::setgroups(count, groups); });
#else
    return invoke("setgroups", [&] { return ::setgroups(static_cast<int>(count), groups); });
#endif
}
/// getpwnam_r(3); its error as errno value, value 0 when it worked
inline Result<int> getpwnam_r(const char* name, ::passwd* entry, char* buffer, std::size_t size,
                              ::passwd** found) noexcept {
    return invoke("getpwnam_r",
                  [&] { return as_errno(::getpwnam_r(name, entry, buffer, size, found)); });
}
/// getpwuid_r(3); its error as errno value, value 0 when it worked
inline Result<int> getpwuid_r(uid_t user, ::passwd* entry, char* buffer, std::size_t size,
                              ::passwd** found) noexcept {
    return invoke("getpwuid_r",
                  [&] { return as_errno(::getpwuid_r(user, entry, buffer, size, found)); });
}
/// getgrnam_r(3); its error as errno value, value 0 when it worked
inline Result<int> getgrnam_r(const char* name, ::group* entry, char* buffer, std::size_t size,
                              ::group** found) noexcept {
    return invoke("getgrnam_r",
                  [&] { return as_errno(::getgrnam_r(name, entry, buffer, size, found)); });
}
/// getgrouplist(3); negative when the buffer is too small
inline int getgrouplist(const char* user, gid_t group, gid_t* groups, int* count) noexcept {
#if DAEMONKIT_OS_MACOS()
    static_assert(sizeof(gid_t) == sizeof(int));
    return ::getgrouplist(user, static_cast<int>(group), reinterpret_cast<int*>(groups), count);
#else
    return ::getgrouplist(user, group, groups, count);
#endif
}
/// getgroups(2)
inline Result<int> getgroups(int size, gid_t* groups) noexcept {
    return invoke("getgroups", [&] { return ::getgroups(size, groups); });
}

#if !DAEMONKIT_OS_MACOS() && !defined(__NetBSD__)
/// setresuid(2)
inline Result<int> setresuid(uid_t real, uid_t effective, uid_t saved) noexcept {
    return invoke("setresuid", [&] { return ::setresuid(real, effective, saved); });
}
/// setresgid(2)
inline Result<int> setresgid(gid_t real, gid_t effective, gid_t saved) noexcept {
    return invoke("setresgid", [&] { return ::setresgid(real, effective, saved); });
}
/// getresuid(2)
inline Result<int> getresuid(uid_t* real, uid_t* effective, uid_t* saved) noexcept {
    return invoke("getresuid", [&] { return ::getresuid(real, effective, saved); });
}
/// getresgid(2)
inline Result<int> getresgid(gid_t* real, gid_t* effective, gid_t* saved) noexcept {
    return invoke("getresgid", [&] { return ::getresgid(real, effective, saved); });
}
#endif

#if DAEMONKIT_OS_LINUX()

// -- Linux alone ----------------------------------------------------------------------------------------------------

/// capget(2), which glibc does not wrap
inline Result<long> capget(void* header, void* data) noexcept {
    return invoke("capget", [&] { return ::syscall(SYS_capget, header, data); });
}
/// capset(2), which glibc does not wrap
inline Result<long> capset(void* header, const void* data) noexcept {
    return invoke("capset", [&] { return ::syscall(SYS_capset, header, data); });
}
/// landlock_create_ruleset(2), by number: no libc wraps it
inline Result<long> landlock_create_ruleset(const void* ruleset, std::size_t size,
                                            unsigned flags) noexcept {
    constexpr long number = 444;
    return invoke("landlock_create_ruleset",
                  [&] { return ::syscall(number, ruleset, size, flags); });
}
/// landlock_add_rule(2) with LANDLOCK_RULE_PATH_BENEATH
inline Result<long> landlock_add_path_rule(int ruleset, const void* rule) noexcept {
    constexpr long number = 445;
    constexpr int path_beneath = 1;
    return invoke("landlock_add_rule",
                  [&] { return ::syscall(number, ruleset, path_beneath, rule, 0U); });
}
/// landlock_restrict_self(2)
inline Result<long> landlock_restrict_self(int ruleset) noexcept {
    constexpr long number = 446;
    return invoke("landlock_restrict_self", [&] { return ::syscall(number, ruleset, 0U); });
}
/// prctl(2)
inline Result<int> prctl(int option, unsigned long argument, unsigned long argument3 = 0,
                         unsigned long argument4 = 0, unsigned long argument5 = 0) noexcept {
    return invoke("prctl",
                  [&] { return ::prctl(option, argument, argument3, argument4, argument5); });
}

#endif

}  // namespace daemonkit::detail::sys

// SPDX-License-Identifier: MIT
#pragma once
// What a launcher can be born into: functions for Surroundings::prepare, called in the launcher's process before exec.

#include <csignal>
#include <cstdint>
#include <string>

#include <fcntl.h>
#include <sched.h>  // unshare
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// Exit status of a launcher's process that cannot make its surroundings.
inline constexpr int not_possible = 125;

inline void require(bool worked) {
    if (!worked) ::_exit(not_possible);
}

/// The text goes into a file of /proc, in one write.
inline void write_proc(const char* file, const std::string& text) {
    const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
    require(fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(fd);
}

/// A user namespace in which this user and group go by these numbers.
inline void enter_user_namespace(uid_t user, gid_t group) {
    const std::string outer_user = std::to_string(::geteuid());
    const std::string outer_group = std::to_string(::getegid());
    require(::unshare(CLONE_NEWUSER) == 0);
    write_proc("/proc/self/setgroups", "deny");
    write_proc("/proc/self/uid_map", std::to_string(user) + " " + outer_user + " 1");
    write_proc("/proc/self/gid_map", std::to_string(group) + " " + outer_group + " 1");
}

/// A namespace of the launcher's own, for root and where users may have one.
inline void enter_namespaces(int flags) {
    if (::geteuid() != 0) enter_user_namespace(::geteuid(), ::getegid());
    require(::unshare(flags) == 0);
}

/// Mounts made from here on are seen by nobody else.
inline void enter_private_mounts() {
    enter_namespaces(CLONE_NEWNS);
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
}

/// A file system in memory stands in that place, with these options of tmpfs(5).
inline void mount_memory(const std::string& folder, const std::string& options = {}) {
    require(::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0);
}

inline void hide_proc() {
    enter_private_mounts();
    mount_memory("/proc");
}

/// The signals that the C library keeps for itself, and whose disposition it lets nobody change, are ignored.
inline void ignore_signals_of_libc() {
    for (int number = 32; number < SIGRTMIN; ++number) {
        const std::uintptr_t ignored[8]{reinterpret_cast<std::uintptr_t>(SIG_IGN)};  // x86, Arm
        require(::syscall(SYS_rt_sigaction, number, ignored, nullptr, std::size_t{8}) == 0);
    }
}

/// Goes on as pid 1 of a namespace; the process outside ends as that one does.
inline void become_pid_one() {
    enter_namespaces(CLONE_NEWPID);
    const pid_t inside = ::fork();
    require(inside >= 0);
    if (inside == 0) return;
    for (int fd = 0; fd <= 2; ++fd) ::close(fd);
    int status = 0;
    while (::waitpid(inside, &status, 0) != inside) continue;
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace daemonkit::testkit

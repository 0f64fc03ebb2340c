// SPDX-License-Identifier: MIT
#pragma once
// A /dev of this process's own, in a private mount namespace: what is bound to /dev/log there is seen by nobody else.

#include <cerrno>
#include <cstring>  // strerror
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sched.h>      // unshare
#include <sys/mount.h>  // mount
#include <unistd.h>

namespace daemonkit::testkit {

/// Enters the namespace; empty when it worked, or else what this machine does not allow.
///
/// /dev is then an empty tmpfs with the null device in it. An ordinary user needs user namespaces for it.
inline std::string enter_private_dev() {
    const auto refused = [](const char* what) {
        return std::string(what) + ": " + std::strerror(errno);
    };
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (user == 0) {
        if (::unshare(CLONE_NEWNS) != 0) return refused("a mount namespace");
    } else {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return refused("a user namespace");
        std::ofstream("/proc/self/setgroups") << "deny";
        std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
        std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
        if (::geteuid() != 0) return refused("user 0 in a user namespace");
    }
    // Without this, the mounts below would appear in the whole machine's /dev.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return refused("private mounts");
    const int null = ::open("/dev/null", O_PATH | O_CLOEXEC);
    if (::mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=0755") != 0)
        return refused("a tmpfs on /dev");
    const std::string source = "/proc/self/fd/" + std::to_string(null);
    const int made = ::open("/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    ::close(made);
    if (::mount(source.c_str(), "/dev/null", nullptr, MS_BIND, nullptr) != 0)
        return refused("a null device");
    ::close(null);
    return {};
}

}  // namespace daemonkit::testkit

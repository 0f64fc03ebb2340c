// SPDX-License-Identifier: MIT
#pragma once
// Privileges: what a daemon may still do once it runs. Floor 1. Plain values; privileges.hpp acts on them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace daemonkit {

/// Which supplementary groups the daemon has after the drop.
enum class SupplementaryGroups : std::uint8_t {
    of_user,  ///< those that the group database gives the user
    none,     ///< no group but the one of `group`
};

/// Whether programs that the daemon starts may have more rights than it has (setuid programs).
enum class NewPrivileges : std::uint8_t {
    allowed,    ///< as on any system
    forbidden,  ///< never again, for the daemon and all it starts
};

/// What may be done below a path.
enum class PathAccess : std::uint8_t {
    read,        ///< read files, list directories
    read_write,  ///< that, and write, make and remove
    execute,     ///< read, and execute files
};

/// One path that stays usable under Landlock.
struct PathRule {
    std::string path;                      ///< a file, or a directory with all that is below it
    PathAccess access = PathAccess::read;  ///< what may be done there
};

/// What happens where the kernel cannot confine.
enum class Confinement : std::uint8_t {
    required,     ///< the start fails
    best_effort,  ///< the daemon runs with what the kernel can do
};

/// The user and groups a daemon runs as, and what else it gives up; by default it keeps what it was started with.
///
/// A program that got more rights from its file (setuid, setgid) than its caller has gives them up in any case: it runs
/// as its real user and group, unless `user` or `group` say otherwise.
///
/// Shape:    names, or ids in decimal digits; resolved in the launcher, before any chroot.
struct Privileges {
    std::optional<std::string> user = {};  ///< absent: the real user
    std::optional<std::string> group =
        {};  ///< absent: the primary group of `user`, or the real group
    SupplementaryGroups supplementary_groups =
        SupplementaryGroups::of_user;  ///< with `user` or `group`

    /// Linux capabilities that outlive the drop (CAP_NET_BIND_SERVICE and so on); all others go, for the programs the
    /// daemon starts as well. Absent: what a change of user leaves. Not CAP_SETUID, CAP_SETGID, CAP_SETPCAP or
    /// CAP_SYS_ADMIN, with which the old rights are one call away.
    std::optional<std::vector<int>> capabilities = {};

    /// Linux, no_new_privs; needed for the two below where the daemon is not root.
    NewPrivileges new_privileges = NewPrivileges::allowed;

    /// Linux, Landlock: the file system is usable below these paths alone. Absent: everywhere. Descriptors that are
    /// open already stay usable.
    std::optional<std::vector<PathRule>> paths = {};

    /// Linux, seccomp: system calls, by number (SYS_ptrace and so on), that fail with EPERM from now on.
    std::vector<long> forbidden_system_calls = {};

    /// What happens where the kernel has no Landlock or no seccomp, or a Landlock older than Linux 6.2, which cannot
    /// keep files from being truncated.
    Confinement confinement = Confinement::required;
};

}  // namespace daemonkit

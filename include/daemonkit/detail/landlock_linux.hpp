// SPDX-License-Identifier: MIT
#pragma once
// confine_paths: Landlock without a library. Floor 3 behind confine.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

namespace daemonkit::detail {

/// The rights of Landlock, as the kernel numbers them; spelt here, because older headers lack the later ones.
///
/// Source:   landlock(7). Bits 0–12 are the first version's, 13 (refer) the second's, 14 (truncate) the third's, 15
///           (ioctl on devices) the fifth's.
struct LandlockRights {
    static constexpr std::uint64_t execute = 1U << 0U;
    static constexpr std::uint64_t write_file = 1U << 1U;
    static constexpr std::uint64_t read_file = 1U << 2U;
    static constexpr std::uint64_t read_dir = 1U << 3U;
    static constexpr std::uint64_t first_version = (1U << 13U) - 1;
    static constexpr std::uint64_t refer = 1U << 13U;
    static constexpr std::uint64_t truncate = 1U << 14U;
    static constexpr std::uint64_t device_ioctl = 1U << 15U;

    /// The version from which on PathAccess means what it says.
    static constexpr long first_whole_version = 3;

    /// All that a kernel of that version can forbid.
    static constexpr std::uint64_t known_to(long version) noexcept {
        return first_version | (version >= 2 ? refer : 0) | (version >= 3 ? truncate : 0) |
               (version >= 5 ? device_ioctl : 0);
    }

    /// What a rule allows.
    static constexpr std::uint64_t of(PathAccess access) noexcept {
        switch (access) {
            case PathAccess::read: return read_file | read_dir;
            case PathAccess::execute: return read_file | read_dir | execute;
            case PathAccess::read_write:
                return (first_version | refer | truncate | device_ioctl) & ~execute;
        }
        return 0;
    }

    /// What can be allowed for something that is not a directory.
    static constexpr std::uint64_t of_files =
        execute | write_file | read_file | truncate | device_ioctl;
};

/// Refuses rules that can never be put in force.
///
/// Errors:   Step::validate_options.
inline void require_path_rules(const std::vector<PathRule>& rules) {
    for (const PathRule& rule : rules) {
        if (!rule.path.empty() && rule.path.find('\0') == std::string::npos) continue;
        throw Error(Step::validate_options, "privileges.paths", EINVAL,
                    "a path is empty or has a NUL byte");
    }
}

/// The file system is usable below the paths of the rules alone.
///
/// Errors:   Step::confine on the path, or on `Landlock` (ENOSYS, EOPNOTSUPP: the kernel has none, or it is off; the
///           latter, too, where the rules are in force, but the kernel's Landlock is too old to enforce all of them).
inline void confine_paths(const std::vector<PathRule>& rules) {
    struct {
        std::uint64_t handled;
    } ruleset{};
    const auto version = sys::landlock_create_ruleset(nullptr, 0, 1U);
    check(version, Step::confine, "Landlock");
    ruleset.handled = LandlockRights::known_to(version.value);
    const UniqueFd fd(static_cast<int>(check(
        sys::landlock_create_ruleset(&ruleset, sizeof ruleset, 0), Step::confine, "Landlock")));
    for (const PathRule& rule : rules) {
        const auto opened = retry([&] { return sys::open(rule.path.c_str(), O_PATH | O_CLOEXEC); });
        const UniqueFd path(check(opened, Step::confine, rule.path));
        struct ::stat status {};
        check(sys::fstat(path.get(), &status), Step::confine, rule.path);
#pragma pack(push, 1)
        struct {
            std::uint64_t allowed;
            std::int32_t parent;
        } below{};  // packed, as in the kernel
#pragma pack(pop)
        below.allowed = LandlockRights::of(rule.access) & ruleset.handled;
        if (!S_ISDIR(status.st_mode)) below.allowed &= LandlockRights::of_files;
        below.parent = path.get();
        check(sys::landlock_add_path_rule(fd.get(), &below), Step::confine, rule.path);
    }
    const auto restricted = sys::landlock_restrict_self(fd.get());
    if (restricted.error == EPERM)
        throw Error(Step::confine, "Landlock", EPERM, "without root it needs no_new_privs");
    check(restricted, Step::confine, "Landlock");
    if (version.value < LandlockRights::first_whole_version) {
        throw Error(Step::confine, "Landlock", EOPNOTSUPP,
                    "this kernel's cannot keep files from being truncated");
    }
}

}  // namespace daemonkit::detail

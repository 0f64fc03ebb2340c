// SPDX-License-Identifier: MIT
#pragma once
// confine on Linux: no_new_privs, Landlock and seccomp, without a library. Floor 3 behind confine.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>

#include <cerrno>
#include <cstddef>  // offsetof
#include <cstdint>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/audit.h>   // AUDIT_ARCH_*
#include <linux/filter.h>  // sock_filter
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

namespace daemonkit::detail {

/// The rights of Landlock, as the kernel numbers them; spelt here, because older headers lack the later ones.
///
/// Source:   landlock(7). Bits 0–12 are the first version's, 13 (refer) the second's, 14 (truncate) the third's.
struct LandlockRights {
    static constexpr std::uint64_t execute = 1U << 0U;
    static constexpr std::uint64_t write_file = 1U << 1U;
    static constexpr std::uint64_t read_file = 1U << 2U;
    static constexpr std::uint64_t read_dir = 1U << 3U;
    static constexpr std::uint64_t first_version = (1U << 13U) - 1;
    static constexpr std::uint64_t refer = 1U << 13U;
    static constexpr std::uint64_t truncate = 1U << 14U;

    /// All that a kernel of that version can forbid.
    static constexpr std::uint64_t known_to(long version) noexcept {
        return first_version | (version >= 2 ? refer : 0) | (version >= 3 ? truncate : 0);
    }

    /// What a rule allows.
    static constexpr std::uint64_t of(PathAccess access) noexcept {
        switch (access) {
            case PathAccess::read: return read_file | read_dir;
            case PathAccess::execute: return read_file | read_dir | execute;
            case PathAccess::read_write: return (first_version | refer | truncate) & ~execute;
        }
        return 0;
    }

    /// What can be allowed for something that is not a directory.
    static constexpr std::uint64_t of_files = execute | write_file | read_file | truncate;
};

/// The file system is usable below the paths of the rules alone.
///
/// Errors:   Step::confine on the path, or on `Landlock` (ENOSYS, EOPNOTSUPP: the kernel has none, or it is off).
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
    check(sys::landlock_restrict_self(fd.get()), Step::confine, "Landlock");
}

/// The system calls fail with EPERM from now on, also in what this process starts.
///
/// A call made for another architecture than the one this program is compiled for, whose numbers mean other calls,
/// fails whatever its number.
///
/// Errors:   Step::confine on `seccomp`.
/// Source:   seccomp(2) SECCOMP_SET_MODE_FILTER.
inline void forbid_system_calls(const std::vector<long>& numbers) {
#if defined(__x86_64__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#elif defined(__i386__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_I386;
#elif defined(__arm__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_ARM;
#elif defined(__riscv) && __riscv_xlen == 64
    constexpr std::uint32_t architecture = AUDIT_ARCH_RISCV64;
#else
    constexpr std::uint32_t architecture = 0;
#endif
    if (architecture == 0)
        throw Error(Step::confine, "seccomp", ENOTSUP, "this architecture is not known");
    constexpr std::uint16_t load = BPF_LD | BPF_W | BPF_ABS;
    constexpr std::uint16_t equal = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr std::uint16_t at_least = BPF_JMP | BPF_JGE | BPF_K;
    constexpr std::uint16_t give = BPF_RET | BPF_K;
    constexpr std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
    std::vector<::sock_filter> filter;
    filter.push_back({load, 0, 0, offsetof(::seccomp_data, arch)});
    filter.push_back({equal, 1, 0, architecture});
    filter.push_back({give, 0, 0, refuse});
    filter.push_back({load, 0, 0, offsetof(::seccomp_data, nr)});
#if defined(__x86_64__)
    // x32 calls have the same architecture and a bit more in the number.
    filter.push_back({at_least, 0, 1, 0x40000000U});
    filter.push_back({give, 0, 0, refuse});
#else
    static_cast<void>(at_least);
#endif
    for (const long number : numbers) {
        filter.push_back({equal, 0, 1, static_cast<std::uint32_t>(number)});
        filter.push_back({give, 0, 0, refuse});
    }
    filter.push_back({give, 0, 0, SECCOMP_RET_ALLOW});
    const ::sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    check(
        sys::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, reinterpret_cast<unsigned long>(&program)),
        Step::confine, "seccomp");
}

/// The process is confined as the options say, for good, with all it starts.
///
/// Errors:   Step::confine; with Confinement::best_effort not where the kernel lacks the means.
inline void confine(const Privileges& wanted) {
    if (wanted.new_privileges == NewPrivileges::forbidden) {
        check(sys::prctl(PR_SET_NO_NEW_PRIVS, 1), Step::confine, "no_new_privs");
    }
    const auto as_far_as_possible = [&](auto step) {
        try {
            step();
        } catch (const Error& error) {
            const int reason = error.code().value();
            const bool kernel_lacks_it =
                reason == ENOSYS || reason == EOPNOTSUPP || reason == EINVAL;
            if (wanted.confinement == Confinement::required || !kernel_lacks_it) throw;
        }
    };
    if (wanted.paths) as_far_as_possible([&] { confine_paths(*wanted.paths); });
    // Last: it may forbid the calls that the others need.
    if (!wanted.forbidden_system_calls.empty()) {
        as_far_as_possible([&] { forbid_system_calls(wanted.forbidden_system_calls); });
    }
}

}  // namespace daemonkit::detail

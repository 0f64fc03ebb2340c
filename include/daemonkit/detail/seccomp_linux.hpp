// SPDX-License-Identifier: MIT
#pragma once
// forbid_system_calls: seccomp without a library. Floor 3 behind confine.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // offsetof
#include <cstdint>
#include <string>
#include <vector>

#include <linux/audit.h>   // AUDIT_ARCH_*
#include <linux/filter.h>  // sock_filter
#include <linux/seccomp.h>
#include <sys/prctl.h>

namespace daemonkit::detail {

/// Refuses numbers that no system call has, and more than a filter has room for.
///
/// Errors:   Step::validate_options.
inline void require_system_calls(const std::vector<long>& numbers) {
    constexpr std::size_t most = 2000;             // of 4096 instructions, two a call
    constexpr long first_impossible = 0x40000000;  // the bit by which x32 marks its numbers
    const auto refuse = [](int error, const std::string& why) {
        throw Error(Step::validate_options, "privileges.forbidden_system_calls", error, why);
    };
    if (numbers.size() > most) refuse(E2BIG, "a filter has room for 2000");
    for (const long number : numbers) {
        if (number < 0 || number >= first_impossible)
            refuse(EINVAL, "there is no system call " + std::to_string(number));
    }
}

/// The system calls fail with EPERM from now on, also in what this process starts.
///
/// A call made for another architecture than the one this program is compiled for, whose numbers mean other calls,
/// fails whatever its number.
///
/// Errors:   Step::confine on `seccomp`.
/// Source:   seccomp(2) SECCOMP_SET_MODE_FILTER.
inline void forbid_system_calls(const std::vector<long>& numbers) {
#if defined(__x86_64__) && !defined(__ILP32__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#elif defined(__i386__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_I386;
#elif defined(__arm__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_ARM;
#elif defined(__riscv) && __riscv_xlen == 64
    constexpr std::uint32_t architecture = AUDIT_ARCH_RISCV64;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_PPC64LE;
#elif defined(__s390x__)
    constexpr std::uint32_t architecture = AUDIT_ARCH_S390X;
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
    const auto set =
        sys::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, reinterpret_cast<unsigned long>(&program));
    if (set.error == EACCES)
        throw Error(Step::confine, "seccomp", EACCES, "without root it needs no_new_privs");
    check(set, Step::confine, "seccomp");
}

}  // namespace daemonkit::detail

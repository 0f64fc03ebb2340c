// SPDX-License-Identifier: MIT
#pragma once
// Capabilities on Linux, without a library: three sets of bits and the bounding set. Floor 3 behind capabilities.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include <linux/capability.h>
#include <sys/prctl.h>

namespace daemonkit::detail {

/// The sets of a process as bits, capability n at bit n.
struct CapabilitySets {
    std::uint64_t effective = 0;
    std::uint64_t permitted = 0;
    std::uint64_t inheritable = 0;
};

/// The capabilities as the kernel writes them: bit n stands for number n, which is 0 to 63.
inline std::uint64_t bits_of(const std::vector<int>& capabilities) noexcept {
    std::uint64_t bits = 0;
    for (const int each : capabilities) bits |= std::uint64_t{1} << static_cast<unsigned>(each);
    return bits;
}

/// The sets of the calling thread.
///
/// Source:   capget(2), version 3: two words of 32 bits a set.
inline CapabilitySets current_capabilities() {
    ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    ::__user_cap_data_struct words[2] = {};
    check(sys::capget(&header, words), Step::drop_privileges, "capabilities");
    const auto join = [&](auto member) {
        return std::uint64_t{words[0].*member} | std::uint64_t{words[1].*member} << 32U;
    };
    return {join(&::__user_cap_data_struct::effective), join(&::__user_cap_data_struct::permitted),
            join(&::__user_cap_data_struct::inheritable)};
}

/// True when the process can give itself other ids, now or after raising what it is permitted.
inline bool may_change_ids() {
    constexpr std::uint64_t set_ids = 1U << CAP_SETGID | 1U << CAP_SETUID;
    return (current_capabilities().permitted & set_ids) != 0;
}

/// Refuses capabilities that do not exist, that make a drop one only in name, or that this process does not have.
///
/// Errors:   Step::validate_options; Step::drop_privileges for what is not there to be kept.
inline void require_capabilities(const std::vector<int>& kept) {
    for (const int capability : kept) {
        if (capability < 0 || capability > 63) {
            throw Error(Step::validate_options, "privileges.capabilities", EINVAL,
                        "there is no capability " + std::to_string(capability));
        }
        if (capability == CAP_SETUID || capability == CAP_SETGID || capability == CAP_SYS_ADMIN ||
            capability == CAP_SETPCAP) {
            throw Error(Step::validate_options, "privileges.capabilities", EINVAL,
                        "with capability " + std::to_string(capability) +
                            " the old rights are one call away");
        }
    }
    if (kept.empty()) return;
    const std::uint64_t permitted = current_capabilities().permitted;
    for (const int capability : kept) {
        if ((permitted >> static_cast<unsigned>(capability) & 1U) != 0) continue;
        throw Error(Step::drop_privileges, "capability " + std::to_string(capability), EPERM,
                    "this process does not have it, so that it cannot be kept");
    }
}

/// Before the change of user: it takes nothing away from the permitted set, and the bounding set holds the kept ones.
///
/// Errors:   Step::drop_privileges; EPERM without CAP_SETPCAP, unless the bounding set is as narrow already.
inline void hold_capabilities(const std::vector<int>& kept) {
    const std::string subject = "bounding set of capabilities";
    for (int capability = 0; capability <= 63; ++capability) {
        if ((bits_of(kept) >> static_cast<unsigned>(capability) & 1U) != 0) continue;
        const auto number = static_cast<unsigned long>(capability);
        const auto dropped = sys::prctl(PR_CAPBSET_DROP, number);
        if (dropped) continue;
        const auto present = sys::prctl(PR_CAPBSET_READ, number);
        if (present.error == EINVAL) break;  // beyond the last capability of this kernel
        if (check(present, Step::drop_privileges, subject) == 0) continue;
        throw Error(Step::drop_privileges, subject, dropped.error,
                    dropped.error == EPERM ? "only CAP_SETPCAP can narrow it; start as root" : "");
    }
    check(sys::prctl(PR_SET_KEEPCAPS, 1), Step::drop_privileges, "PR_SET_KEEPCAPS");
}

/// After the change of user: exactly the kept capabilities are permitted and effective, none is inheritable.
///
/// Errors:   Step::drop_privileges; EPERM where one to keep is not there.
inline void limit_capabilities(const std::vector<int>& kept) {
    const std::uint64_t bits = bits_of(kept);
    ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    ::__user_cap_data_struct words[2] = {};
    words[0].effective = words[0].permitted = static_cast<std::uint32_t>(bits);
    words[1].effective = words[1].permitted = static_cast<std::uint32_t>(bits >> 32U);
    check(sys::capset(&header, words), Step::drop_privileges, "capabilities");
    check(sys::prctl(PR_SET_KEEPCAPS, 0), Step::drop_privileges, "PR_SET_KEEPCAPS");
    const CapabilitySets now = current_capabilities();
    if (now.effective != bits || now.permitted != bits || now.inheritable != 0) {
        throw Error(Step::drop_privileges, "capabilities", EPERM,
                    "others are there after the drop");
    }
}

}  // namespace daemonkit::detail

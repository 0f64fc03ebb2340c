// SPDX-License-Identifier: MIT
#pragma once
// The names of capabilities by their numbers. Floor 0. No libcap: the kernel's numbers never change, and only grow.

#include <string>

namespace daemonkit::detail {

/// `CHOWN` for CAP_CHOWN; null for a number that had no name when this was written.
///
/// Source:   capabilities(7), linux/capability.h.
constexpr const char* known_capability(int number) noexcept {
    constexpr const char* names[] = {"CHOWN",
                                     "DAC_OVERRIDE",
                                     "DAC_READ_SEARCH",
                                     "FOWNER",
                                     "FSETID",
                                     "KILL",
                                     "SETGID",
                                     "SETUID",
                                     "SETPCAP",
                                     "LINUX_IMMUTABLE",
                                     "NET_BIND_SERVICE",
                                     "NET_BROADCAST",
                                     "NET_ADMIN",
                                     "NET_RAW",
                                     "IPC_LOCK",
                                     "IPC_OWNER",
                                     "SYS_MODULE",
                                     "SYS_RAWIO",
                                     "SYS_CHROOT",
                                     "SYS_PTRACE",
                                     "SYS_PACCT",
                                     "SYS_ADMIN",
                                     "SYS_BOOT",
                                     "SYS_NICE",
                                     "SYS_RESOURCE",
                                     "SYS_TIME",
                                     "SYS_TTY_CONFIG",
                                     "MKNOD",
                                     "LEASE",
                                     "AUDIT_WRITE",
                                     "AUDIT_CONTROL",
                                     "SETFCAP",
                                     "MAC_OVERRIDE",
                                     "MAC_ADMIN",
                                     "SYSLOG",
                                     "WAKE_ALARM",
                                     "BLOCK_SUSPEND",
                                     "AUDIT_READ",
                                     "PERFMON",
                                     "BPF",
                                     "CHECKPOINT_RESTORE"};
    constexpr int count = sizeof names / sizeof names[0];
    return number >= 0 && number < count ? names[number] : nullptr;
}

/// The word for a capability in messages: `CAP_CHOWN`, `capability 63`.
inline std::string capability_name(int number) {
    if (const char* const name = known_capability(number)) return std::string("CAP_") + name;
    return "capability " + std::to_string(number);
}

}  // namespace daemonkit::detail

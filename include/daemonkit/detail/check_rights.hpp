// SPDX-License-Identifier: MIT
#pragma once
// The lines of the checklist on what a process may do. Floor 2.

#include <daemonkit/checklist_line.hpp>
#include <daemonkit/detail/capability_name.hpp>
#include <daemonkit/process_report.hpp>

#include <cstdint>
#include <string>

#include <sys/types.h>  // uid_t

namespace daemonkit::detail {

/// `CAP_KILL CAP_SETUID`; nothing for an empty set.
inline std::string capability_words(std::uint64_t set) {
    std::string words;
    for (int number = 0; number < 64; ++number)
        if ((set >> static_cast<unsigned>(number) & 1U) != 0)
            words += (words.empty() ? "" : " ") + capability_name(number);
    return words;
}

/// Those with which all others are one step away, or all files, or all processes.
inline constexpr std::uint64_t whole_system =
    std::uint64_t{1} << 1U | std::uint64_t{1} << 7U | std::uint64_t{1} << 16U |
    std::uint64_t{1} << 17U | std::uint64_t{1} << 19U |
    std::uint64_t{1} << 21U;  // DAC_OVERRIDE, SETUID, SYS_MODULE, _RAWIO, _PTRACE, _ADMIN

/// daemon(7) 13: no more rights than it needs, as far as it can be told.
inline ChecklistLine check_privileges(const ProcessReport& report) {
    const std::string what = "privileges";
    if (!report.users) return is_unknown(what, report.users.why());
    if (!report.capabilities) return is_unknown(what, report.capabilities.why());
    const ProcessIds<uid_t>& users = *report.users;
    const std::uint64_t permitted = report.capabilities->permitted;
    const std::string user =
        users.effective == 0 ? "root" : "user " + std::to_string(users.effective);
    const std::uint64_t mighty = permitted & whole_system;
    if (mighty == whole_system)
        return is_doubtful(
            what, user + ", with the rights to all: a flaw in it is one in all of the system");
    if (mighty != 0)
        return is_doubtful(what, user + ", with " + capability_words(mighty) +
                                     ": a flaw in it is one in all of the system");
    if (users.effective != 0 && (users.real == 0 || users.saved == 0))
        return is_doubtful(what, user + ", and can become root again");
    if (permitted == 0) return is_well(what, user + ", without a capability");
    return is_well(what, user + ", with " + capability_words(permitted));
}

/// Whether a setuid program gives it more.
inline ChecklistLine check_new_privileges(const ProcessReport& report) {
    const std::string what = "no_new_privs";
    if (!report.no_new_privileges) return is_unknown(what, report.no_new_privileges.why());
    if (*report.no_new_privileges) return is_well(what, "set");
    return is_doubtful(what, "not set: a setuid program that it starts has the rights of its file");
}

/// Whether its memory comes onto a disk when it crashes.
inline ChecklistLine check_core(const ProcessReport& report) {
    const std::string what = "core dumps";
    if (report.dumpable && !*report.dumpable) return is_well(what, "none: it is not dumpable");
    if (!report.limits) return is_unknown(what, report.limits.why());
    for (const ProcessLimit& limit : *report.limits) {
        if (limit.name != "Max core file size") continue;
        if (limit.soft && *limit.soft == 0)
            return is_well(what,
                           "no file, its size is limited to 0; a program in core_pattern gets one "
                           "all the same");
        return is_doubtful(what,
                           "written when it crashes, with whatever secrets are in its memory");
    }
    return is_unknown(what, "this kernel does not tell");
}

}  // namespace daemonkit::detail

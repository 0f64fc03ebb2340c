// SPDX-License-Identifier: MIT
#pragma once
// The text of /proc/PID/status as the parts of a report: ids, signals, capabilities, memory. Floor 2.

#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/process_report.hpp>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move
#include <vector>

namespace daemonkit::detail {

/// Four ids of one line.
template <class Id>
Known<ProcessIds<Id>> parse_ids(std::string_view status, std::string_view label) {
    using Ids = Known<ProcessIds<Id>>;
    const auto ids = labelled_numbers<Id>(status, label);
    if (!ids) return Ids::unknown(ids.error());
    if (ids->size() != 4) return Ids::unknown(EBADMSG);
    return ProcessIds<Id>{(*ids)[0], (*ids)[1], (*ids)[2], (*ids)[3]};
}

/// The five sets; the ambient one is empty where the kernel has none (before 4.3).
inline Known<ProcessCapabilities> parse_capabilities(std::string_view status) {
    ProcessCapabilities sets;
    const auto read = [&](std::string_view label, std::uint64_t& set) {
        const auto bits = labelled_number<std::uint64_t>(status, label, 16);
        set = bits.value_or(0);
        return bits.error();
    };
    for (const int error : {read("CapEff:", sets.effective), read("CapPrm:", sets.permitted),
                            read("CapInh:", sets.inheritable), read("CapBnd:", sets.bounding)})
        if (error != 0) return Known<ProcessCapabilities>::unknown(error);
    const int ambient = read("CapAmb:", sets.ambient);
    if (ambient != 0 && ambient != ENOTSUP) return Known<ProcessCapabilities>::unknown(ambient);
    return sets;
}

/// The four sets; what is pending for the thread and for the process is one of them.
inline Known<ProcessSignals> parse_signals(std::string_view status) {
    auto caught = labelled_signals(status, "SigCgt:");
    auto ignored = labelled_signals(status, "SigIgn:");
    auto blocked = labelled_signals(status, "SigBlk:");
    auto of_thread = labelled_signals(status, "SigPnd:");
    auto of_process = labelled_signals(status, "ShdPnd:");
    for (const auto* const set : {&caught, &ignored, &blocked, &of_thread, &of_process})
        if (!*set) return Known<ProcessSignals>::unknown(set->error());
    ProcessSignals signals{std::move(*caught), std::move(*ignored), std::move(*blocked), {}};
    auto thread = of_thread->begin();
    for (const int signal : *of_process) {
        while (thread != of_thread->end() && *thread < signal) signals.pending.push_back(*thread++);
        if (thread != of_thread->end() && *thread == signal) ++thread;
        signals.pending.push_back(signal);
    }
    signals.pending.insert(signals.pending.end(), thread, of_thread->end());
    return signals;
}

/// What is resident, was at most, is mapped and is swapped; `own` is told elsewhere.
inline Known<ProcessMemory> parse_memory(std::string_view status) {
    ProcessMemory memory;
    const auto read = [&](std::string_view label, std::uint64_t& bytes) {
        const auto kib = labelled_number<std::uint64_t>(status, label);
        const bool is_sane = kib && *kib <= ~std::uint64_t{0} / 1024;
        bytes = is_sane ? *kib * 1024 : 0;
        return kib && !is_sane ? EBADMSG : kib.error();
    };
    for (const int error : {read("VmRSS:", memory.resident), read("VmHWM:", memory.peak),
                            read("VmSize:", memory.address_space)})
        if (error != 0) return Known<ProcessMemory>::unknown(error);
    const int swapped = read("VmSwap:", memory.swapped);
    if (swapped != 0 && swapped != ENOTSUP) return Known<ProcessMemory>::unknown(swapped);
    return memory;
}

/// What the process alone has in memory, from /proc/PID/smaps_rollup.
inline Known<std::uint64_t> parse_own_memory(std::string_view rollup) {
    const auto clean = labelled_number<std::uint64_t>(rollup, "Private_Clean:");
    const auto dirty = labelled_number<std::uint64_t>(rollup, "Private_Dirty:");
    if (!clean) return clean;
    if (!dirty) return dirty;
    return (*clean + *dirty) * 1024;
}

/// Fills in what the text tells, or why there is no text.
inline void fill_from_status(ProcessReport& report, const Known<std::string>& text) {
    const std::string_view status = text ? std::string_view(*text) : std::string_view();
    report.users = parse_ids<uid_t>(status, "Uid:");
    report.groups = parse_ids<gid_t>(status, "Gid:");
    report.supplementary_groups = labelled_numbers<gid_t>(status, "Groups:");
    report.umask = labelled_number<mode_t>(status, "Umask:", 8);
    report.signals = parse_signals(status);
    report.capabilities = parse_capabilities(status);
    const auto no_new_privileges = labelled_number<int>(status, "NoNewPrivs:");
    report.no_new_privileges = no_new_privileges ? Known<bool>(*no_new_privileges != 0)
                                                 : Known<bool>::unknown(no_new_privileges.error());
    report.seccomp = labelled_number<int>(status, "Seccomp:");
    report.tracer = labelled_number<pid_t>(status, "TracerPid:");
    report.vitals.memory = parse_memory(status);
    const auto pids = labelled_numbers<pid_t>(status, "NSpid:");
    const int why = pids ? EBADMSG : pids.error();
    report.pid_inside =
        pids && !pids->empty() ? Known<pid_t>(pids->back()) : Known<pid_t>::unknown(why);
    if (text) return;
    forget(text.error(), report.users, report.groups, report.supplementary_groups, report.umask,
           report.signals, report.capabilities, report.no_new_privileges, report.seccomp,
           report.tracer, report.vitals.memory, report.pid_inside);
}

/// The lines of /proc/PID/limits.
///
/// Source:   proc_pid_limits(5). The head of the table tells where its columns are: names have blanks in them.
inline Known<std::vector<ProcessLimit>> parse_limits(std::string_view text) {
    using Limits = Known<std::vector<ProcessLimit>>;
    const std::string_view head = take_until(text, '\n');
    const auto column = head.find("Soft Limit");
    if (head.substr(0, 6) != "Limit " || column == std::string_view::npos)
        return Limits::unknown(EBADMSG);
    const auto read = [](std::string_view word, std::optional<std::uint64_t>& limit) {
        limit = whole_number<std::uint64_t>(word);
        return limit.has_value() || word == "unlimited";
    };
    std::vector<ProcessLimit> limits;
    while (text.find('\n') != std::string_view::npos) {
        std::string_view line = take_until(text, '\n');
        if (line.size() <= column) return Limits::unknown(EBADMSG);
        std::string_view name = line.substr(0, column);
        while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
        line.remove_prefix(column);
        ProcessLimit limit;
        limit.name = name;
        if (!read(take_word(line), limit.soft) || !read(take_word(line), limit.hard))
            return Limits::unknown(EBADMSG);
        limit.unit = take_word(line);
        limits.push_back(std::move(limit));
    }
    if (limits.empty() || !text.empty()) return Limits::unknown(EBADMSG);
    return limits;
}

}  // namespace daemonkit::detail

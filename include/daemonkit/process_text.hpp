// SPDX-License-Identifier: MIT
#pragma once
// to_text: a report, and a checklist, for a person to read. Floor 3. Whatever names a process has, a terminal shows them.

#include <daemonkit/checklist_line.hpp>
#include <daemonkit/detail/check_rights.hpp>
#include <daemonkit/detail/check_session.hpp>
#include <daemonkit/detail/check_signals.hpp>
#include <daemonkit/detail/check_surroundings.hpp>
#include <daemonkit/detail/measure_words.hpp>
#include <daemonkit/detail/printable.hpp>
#include <daemonkit/process_report.hpp>

#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>  // O_CLOEXEC, O_APPEND

namespace daemonkit {
namespace detail {

/// Lines of a label and what it stands for.
class LabelledLines {
public:
    void add(std::string_view label, std::string_view words) {
        constexpr std::size_t width = 14;
        text_ += label;
        text_.append(label.size() < width ? width - label.size() : 1, ' ');
        text_ += words;
        text_ += '\n';
    }

    /// The value in words, or why it is not known, in brackets.
    template <class Value, class Words>
    void add(std::string_view label, const Known<Value>& value, Words words) {
        add(label, value ? std::string(words(*value)) : "(" + value.why() + ")");
    }

    /// A path.
    void add_path(std::string_view label, const Known<std::string>& value) {
        add(label, value, [](const std::string& path) { return printable(path); });
    }

    /// All of them.
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// `none` in place of nothing.
inline std::string or_none(const std::string& words) { return words.empty() ? "none" : words; }

/// `real 0, effective 998, saved 998`, or one number when all are it.
template <class Id>
std::string ids_words(const ProcessIds<Id>& ids) {
    std::string effective = std::to_string(ids.effective);
    if (ids.real == ids.effective && ids.saved == ids.effective && ids.file_system == ids.effective)
        return effective;
    return effective + " (real " + std::to_string(ids.real) + ", saved " +
           std::to_string(ids.saved) + ", file system " + std::to_string(ids.file_system) + ")";
}

/// The first of them, and how many more there are.
template <class Things, class Words>
std::string listed_words(const Things& things, std::size_t count, std::size_t most, Words words) {
    std::string text;
    std::size_t listed = 0;
    for (const auto& thing : things) {
        if (listed == most) break;
        text += (listed++ == 0 ? "" : ", ") + std::string(words(thing));
    }
    if (count > listed) text += ", and " + std::to_string(count - listed) + " more";
    return or_none(text);
}

inline void add_origin(LabelledLines& lines, const ProcessReport& report) {
    lines.add("command line", report.command_line, [](const std::vector<std::string>& words) {
        std::string line;
        for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
        return printable(line);
    });
    lines.add_path("executable", report.executable);
    lines.add("parent", printable(process_words(report.parent, report.parent_name)));
    std::string session = std::to_string(report.session);
    if (report.session == report.vitals.pid) {
        session += ", which it leads";
    } else if (report.session_leader_name) {
        session += ", which " + printable(*report.session_leader_name) + " leads";
    } else if (report.session_leader_name.error() == ESRCH) {
        session += ", whose leader has ended";
    }
    lines.add("session", session + "; group " + std::to_string(report.group));
    lines.add("terminal", report.terminal ? report.terminal->name : "none");
    lines.add("children", report.children, [](const ProcessChildren& children) {
        return std::to_string(children.count) +
               (children.zombies.empty()
                    ? ""
                    : ", zombies: " + listed_words(children.zombies, children.zombies.size(), 8,
                                                   [](pid_t pid) { return std::to_string(pid); }));
    });
    lines.add_path("cgroup", report.cgroup);
}

inline void add_rights(LabelledLines& lines, const ProcessReport& report) {
    lines.add("user", report.users, ids_words<uid_t>);
    lines.add("group", report.groups, ids_words<gid_t>);
    lines.add("groups", report.supplementary_groups, [](const std::vector<gid_t>& groups) {
        return listed_words(groups, groups.size(), 16,
                            [](gid_t group) { return std::to_string(group); });
    });
    lines.add("capabilities", report.capabilities, [](const ProcessCapabilities& sets) {
        std::string words = or_none(capability_set_words(sets.permitted, sets.bounding));
        if (sets.effective != sets.permitted)
            words += "; in effect: " + or_none(capability_set_words(sets.effective, sets.bounding));
        if (sets.ambient != 0) words += "; ambient: " + capability_words(sets.ambient);
        if (sets.inheritable != 0) words += "; inheritable: " + capability_words(sets.inheritable);
        return words;
    });
    lines.add("no_new_privs", report.no_new_privileges,
              [](bool is_set) { return is_set ? "set" : "not set"; });
    lines.add("seccomp", report.seccomp, [](int mode) {
        return mode == 0 ? "none" : mode == 1 ? "strict" : "by a filter";
    });
    lines.add("dumpable", report.dumpable, [](bool is_so) { return is_so ? "yes" : "no"; });
    lines.add("namespaces", report.namespaces, [](const std::vector<ProcessNamespace>& namespaces) {
        std::string own;
        for (const ProcessNamespace& each : namespaces)
            if (!each.is_shared) own += (own.empty() ? "" : " ") + each.kind;
        return own.empty() ? "those of this process" : "others than this process: " + own;
    });
}

inline void add_surroundings(LabelledLines& lines, const ProcessReport& report) {
    lines.add_path("directory", report.directory);
    if (!report.root || *report.root != "/") lines.add_path("root", report.root);
    lines.add("umask", report.umask, umask_words);
    const auto add_signals = [&](const char* label, std::vector<int> ProcessSignals::*set) {
        lines.add(label, report.signals, [&](const ProcessSignals& signals) {
            return or_none(signal_words(signals.*set));
        });
    };
    add_signals("caught", &ProcessSignals::caught);
    add_signals("ignored", &ProcessSignals::ignored);
    add_signals("blocked", &ProcessSignals::blocked);
    add_signals("pending", &ProcessSignals::pending);
    lines.add("limits", report.limits, [](const std::vector<ProcessLimit>& limits) {
        std::vector<std::string> words;
        for (const ProcessLimit& limit : limits)
            if (limit.soft) words.push_back(limit_words(limit));
        return listed_words(words, words.size(), 16, [](const std::string& each) { return each; });
    });
    lines.add("oom score adj", report.out_of_memory_adjustment,
              [](int adjustment) { return std::to_string(adjustment); });
}

inline void add_descriptors(LabelledLines& lines, const ProcessReport& report, std::size_t most) {
    lines.add("descriptors", report.descriptors, [](const ProcessDescriptors& descriptors) {
        return std::to_string(descriptors.count);
    });
    if (!report.descriptors) return;
    std::size_t shown = 0;
    for (const ProcessDescriptor& descriptor : report.descriptors->listed) {
        if (shown == most) break;
        ++shown;
        std::string words = printable(descriptor.target);
        const int flags = descriptor.flags.value_or(O_CLOEXEC);
        if ((flags & O_APPEND) != 0) words += ", append";
        if (descriptor.is_locked.value_or(false)) words += ", locked";
        if (descriptor.fd > 2 && (flags & O_CLOEXEC) == 0) words += ", inherited by programs";
        lines.add("  " + std::to_string(descriptor.fd), words);
    }
    if (report.descriptors->count > shown)
        lines.add("  ...", "and " + std::to_string(report.descriptors->count - shown) + " more");
}

}  // namespace detail

/// The report on a screen: a line for each part, descriptors at the end, no more of them than that.
inline std::string to_text(const ProcessReport& report, std::size_t most_descriptors = 16) {
    using namespace detail;
    LabelledLines lines;
    const ProcessVitals& vitals = report.vitals;
    lines.add("process", std::to_string(vitals.pid) + " (" + printable(vitals.name) + "), " +
                             to_string(vitals.state) + ", up " +
                             uptime_words(vitals.uptime_seconds));
    add_origin(lines, report);
    add_rights(lines, report);
    add_surroundings(lines, report);
    lines.add("memory", vitals.memory, memory_words);
    lines.add("threads", report.threads, [](const ProcessThreads& threads) {
        return std::to_string(threads.count) + ": " +
               listed_words(threads.listed, threads.count, 8,
                            [](const ProcessThread& thread) { return printable(thread.name); });
    });
    add_descriptors(lines, report, most_descriptors);
    return lines.text();
}

/// The checklist: a line each, with its mark, what was checked, and the reason.
inline std::string to_text(const std::vector<ChecklistLine>& checklist) {
    std::string text;
    for (const ChecklistLine& line : checklist) {
        std::string mark = to_string(line.mark);
        mark.resize(11, ' ');
        std::string what = line.what;
        what.resize(what.size() < 22 ? 22 : what.size() + 1, ' ');
        text += mark + what + line.reason + "\n";
    }
    return text;
}

}  // namespace daemonkit

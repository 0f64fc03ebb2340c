// SPDX-License-Identifier: MIT
#pragma once
// The lines of the checklist on signals. Floor 2.

#include <daemonkit/checklist_line.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/process_report.hpp>

#include <csignal>
#include <string>
#include <vector>

namespace daemonkit::detail {

/// True when the signal is one of these.
inline bool has_signal(const std::vector<int>& signals, int number) noexcept {
    for (const int signal : signals)
        if (signal == number) return true;
    return false;
}

/// `SIGHUP SIGTERM`; runs of three and more real-time signals by their ends.
inline std::string signal_words(const std::vector<int>& signals) {
    std::string words;
    for (std::size_t at = 0; at < signals.size(); ++at) {
        std::size_t last = at;
        while (is_real_time_signal(signals[at]) && last + 1 < signals.size() &&
               signals[last + 1] == signals[last] + 1)
            ++last;
        words += (words.empty() ? "" : " ") + signal_name(signals[at]);
        if (last < at + 2) continue;
        words += "..." + signal_name(signals[last]);
        at = last;
    }
    return words;
}

/// True when one of the descriptors takes signals, or a second thread could.
inline bool reads_signals(const ProcessReport& report) {
    if (!report.descriptors) return false;
    for (const ProcessDescriptor& descriptor : report.descriptors->listed)
        if (descriptor.target == "anon_inode:[signalfd]") return true;
    return false;
}

/// daemon(7) 2: nothing that was ignored by whoever started it.
inline ChecklistLine check_ignored_signals(const ProcessReport& report) {
    const std::string what = "ignored signals";
    if (!report.signals) return is_unknown(what, report.signals.why());
    const std::vector<int>& ignored = report.signals->ignored;
    if (ignored.empty()) return is_well(what, "none");
    const std::string names = signal_words(ignored);
    if (has_signal(ignored, SIGTERM))
        return is_doubtful(what, names + ": SIGTERM does not stop it");
    if (has_signal(ignored, SIGCHLD))
        return is_doubtful(what, names + ": with SIGCHLD ignored, how its children end is lost");
    if (has_signal(ignored, SIGHUP))
        return is_doubtful(what, names + ": SIGHUP is ignored as by nohup, and asks for nothing");
    if (has_signal(ignored, SIGINT) || has_signal(ignored, SIGQUIT))
        return is_doubtful(what, names + ": SIGINT and SIGQUIT as in the background of a shell");
    return is_well(what, names + ": what it starts inherits that");
}

/// daemon(7) 3: an empty mask, but for signals that are waited for.
inline ChecklistLine check_blocked_signals(const ProcessReport& report) {
    const std::string what = "blocked signals";
    if (!report.signals) return is_unknown(what, report.signals.why());
    const std::vector<int>& blocked = report.signals->blocked;
    if (blocked.empty()) return is_well(what, "none");
    const std::string names = signal_words(blocked);
    if (reads_signals(report)) return is_well(what, names + ": it reads them from a descriptor");
    if (report.vitals.threads > 1)
        return is_unknown(what, names + " in its first thread: another one may wait for them");
    return is_doubtful(what, names + ": unless it waits for them by sigwait, they do not arrive");
}

/// Whether the signal can make it do more than end.
inline ChecklistLine check_signal(const ProcessReport& report, int number,
                                  const std::string& otherwise) {
    const std::string what = signal_name(number);
    if (!report.signals) return is_unknown(what, report.signals.why());
    if (has_signal(report.signals->caught, number)) return is_well(what, "caught");
    if (has_signal(report.signals->ignored, number)) return is_doubtful(what, "ignored");
    if (!has_signal(report.signals->blocked, number)) return is_doubtful(what, otherwise);
    if (reads_signals(report)) return is_well(what, "read from a descriptor");
    return is_unknown(what, "blocked: a thread may wait for it");
}

/// A stop lets it clean up.
inline ChecklistLine check_stop_signal(const ProcessReport& report) {
    return check_signal(report, SIGTERM,
                        "not caught: a stop ends it at once, and nothing is cleaned up");
}

/// A reload does not end it.
inline ChecklistLine check_reload_signal(const ProcessReport& report) {
    return check_signal(report, SIGHUP, "not caught: whoever asks for a reload that way ends it");
}

}  // namespace daemonkit::detail

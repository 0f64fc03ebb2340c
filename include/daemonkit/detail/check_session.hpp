// SPDX-License-Identifier: MIT
#pragma once
// The lines of the checklist on session, terminal and parent. Floor 2.

#include <daemonkit/checklist_line.hpp>
#include <daemonkit/process_report.hpp>

#include <string>
#include <string_view>

namespace daemonkit::detail {

/// True when the text ends in that.
inline bool ends_with(std::string_view text, std::string_view end) noexcept {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// `pid 17 (bash)`, or `pid 17` where the name is not known.
inline std::string process_words(pid_t pid, const Known<std::string>& name) {
    return "pid " + std::to_string(pid) + (name ? " (" + *name + ")" : std::string());
}

/// The service manager that the process runs under, in words; empty when nothing tells of one.
///
/// Told by the control group that systemd makes for a service, by a parent that is known to supervise, or by being the
/// first process of a container.
inline std::string service_manager(const ProcessReport& report) {
    if (report.pid_inside.value_or(0) == 1) return "the first process of its PID namespace";
    if (report.cgroup && ends_with(*report.cgroup, ".service")) {
        const auto slash = report.cgroup->rfind('/');
        return "the service " + report.cgroup->substr(slash + 1);
    }
    const std::string parent = report.parent_name.value_or({});
    for (const std::string_view supervisor :
         {"systemd", "s6-supervise", "runsv", "supervise", "supervisord", "nosh", "dinit",
          "shepherd", "runit", "supervise-daemon", "monit", "circusd", "tini", "dumb-init",
          "catatonit", "docker-init", "conmon", "containerd-shim", "upstart"})
        if (parent == supervisor) return "supervised by " + parent;
    return {};
}

/// Whether it runs at all.
inline ChecklistLine check_state(const ProcessReport& report) {
    const std::string what = "state";
    if (report.is_kernel_thread) return is_doubtful(what, "a thread of the kernel, no daemon");
    const std::string words = to_string(report.vitals.state);
    if (report.tracer.value_or(0) != 0)
        return is_doubtful(what, words + ", and pid " + std::to_string(*report.tracer) +
                                     " debugs it: its signals go there first");
    switch (report.vitals.state) {
        case ProcessState::running:
        case ProcessState::sleeping:
        case ProcessState::idle: return is_well(what, words);
        case ProcessState::zombie:
            return is_doubtful(what,
                               words + ": by " + process_words(report.parent, report.parent_name));
        case ProcessState::stopped: return is_doubtful(what, words + ": SIGCONT lets it go on");
        case ProcessState::waiting:
            return is_doubtful(what, words + ": no signal reaches it until that answers");
        default: return is_doubtful(what, words);
    }
}

/// daemon(7) 6, and the reason for 7: no terminal.
inline ChecklistLine check_terminal(const ProcessReport& report) {
    const std::string what = "controlling terminal";
    if (!report.terminal) return is_well(what, "none");
    return is_doubtful(what, report.terminal->name +
                                 ": it is sent SIGHUP when that is closed; setsid was not called");
}

/// daemon(7) 6 and 7: a session of its own, and not its leader.
inline ChecklistLine check_session(const ProcessReport& report) {
    const std::string what = "session";
    const std::string session = std::to_string(report.session);
    if (report.session == 0)
        return is_unknown(what,
                          "that of the kernel, or of a process outside of this PID namespace");
    const std::string manager = service_manager(report);
    if (report.session == report.vitals.pid) {
        if (!manager.empty()) return is_well(what, "leads its own, as is usual: " + manager);
        return is_doubtful(
            what,
            "leads its own: the first terminal that it opens without O_NOCTTY becomes its "
            "controlling one; a second fork after setsid prevents that");
    }
    if (report.session_leader_name.error() == ESRCH)
        return is_well(what, session + ", whose leader has ended: no terminal can come to it");
    if (!manager.empty()) return is_well(what, session + ": " + manager);
    return is_doubtful(what, "that of " +
                                 process_words(report.session, report.session_leader_name) +
                                 ": it is not detached from there");
}

/// daemon(7) 8: adopted, so that nobody's end or neglect is its own.
inline ChecklistLine check_parent(const ProcessReport& report) {
    const std::string what = "parent";
    if (report.parent == 0) return is_well(what, "none that is visible from here");
    const std::string parent = process_words(report.parent, report.parent_name);
    if (report.parent == 1) return is_well(what, parent);
    if (const std::string manager = service_manager(report); !manager.empty())
        return is_well(what, parent + ": " + manager);
    // An adopted process is not in the session of its new parent, and the one that made it has ended.
    if (report.session != report.parent && report.session != report.vitals.pid &&
        report.session_leader_name.error() == ESRCH)
        return is_well(what, parent + ", which has adopted it");
    return is_doubtful(
        what, parent + ": it was not left to init, and is a zombie if that does not wait for it");
}

/// Children that have ended and take up numbers.
inline ChecklistLine check_children(const ProcessReport& report) {
    const std::string what = "children";
    if (!report.children) return is_unknown(what, report.children.why());
    const std::size_t zombies = report.children->zombies.size();
    const std::string all = std::to_string(report.children->count);
    if (zombies == 0) return is_well(what, all);
    return is_doubtful(what, all + ", of which " + std::to_string(zombies) +
                                 " ended and not waited for: as pid " +
                                 std::to_string(report.children->zombies.front()));
}

}  // namespace daemonkit::detail

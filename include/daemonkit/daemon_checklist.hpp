// SPDX-License-Identifier: MIT
#pragma once
// daemon_checklist: is this process what a daemon ought to be? Floor 2. By daemon(7), and by what has gone wrong for others.
//
// It judges a report and asks the kernel nothing: any process's report will do, and a made-up one in a test.

#include <daemonkit/detail/check_rights.hpp>
#include <daemonkit/detail/check_session.hpp>
#include <daemonkit/detail/check_signals.hpp>
#include <daemonkit/detail/check_surroundings.hpp>
#include <daemonkit/detail/printable.hpp>
#include <daemonkit/process_report.hpp>

#include <vector>

namespace daemonkit {

/// One line for each thing that a daemon ought to be, in the order of daemon(7), with the reason of each mark.
///
/// A warning is worth a look and no proof of a fault: what a service manager does on purpose is not warned of, where it
/// can be told by the control group or the parent.
///
/// Source:   daemon(7), "SysV Daemons"; systemd.exec(5).
inline std::vector<ChecklistLine> daemon_checklist(const ProcessReport& report) {
    using namespace detail;
    std::vector<ChecklistLine> lines{check_state(report)};
    if (report.vitals.state == ProcessState::zombie || report.is_kernel_thread) return lines;
    for (auto* const check :
         {check_descriptors, check_descriptor_room, check_ignored_signals, check_blocked_signals,
          check_stop_signal, check_reload_signal, check_terminal, check_session, check_parent})
        lines.push_back(check(report));
    for (int fd = 0; fd <= 2; ++fd) lines.push_back(check_stream(report, fd));
    for (auto* const check : {check_umask, check_directory, check_executable, check_pid_file,
                              check_privileges, check_new_privileges, check_core, check_children})
        lines.push_back(check(report));
    for (ChecklistLine& line : lines) line.reason = printable(line.reason, 512);
    return lines;
}

}  // namespace daemonkit

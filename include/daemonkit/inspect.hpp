// SPDX-License-Identifier: MIT
#pragma once
// inspect: what a process is, of whatever origin: what ps, lsof and /proc/PID/status tell. Floor 5.

#include <daemonkit/detail/read_process.hpp>
#include <daemonkit/process_report.hpp>

#include <cstddef>  // std::size_t

#include <sys/types.h>  // pid_t

namespace daemonkit {

/// How much of a process is looked at.
struct InspectOptions {
    std::size_t most_listed = 1024;  ///< descriptors, and threads; all are counted
};

/// What the process is, read part by part; every part is of that very process, never of one that got its number later.
///
/// Whoever runs this sees what the kernel tells him: of other users' processes neither descriptors nor paths, which are
/// not known then, with the reason. Nothing is sent to the process, and nothing that its paths lead to is touched.
///
/// Errors:   Step::inspect_process: ESRCH there is no such process, or it ended in between; EACCES, EPERM /proc hides
///           it (hidepid); EINVAL no number of a process; EXDEV a /proc of another PID namespace; ENOENT no /proc;
///           ENOTSUP another system than Linux.
/// Threads:  any number at once.
/// Source:   proc(5). A process that hangs in the kernel can hold its reader up as long, like any ps.
inline ProcessReport inspect(pid_t pid, const InspectOptions& options = {}) {
    return detail::read_process(pid, options.most_listed);
}

/// The few numbers of a status line: state, uptime, threads, memory and how many descriptors.
///
/// Errors:   as `inspect`.
inline ProcessVitals inspect_vitals(pid_t pid) { return detail::read_vitals(pid); }

}  // namespace daemonkit

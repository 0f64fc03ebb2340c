// SPDX-License-Identifier: MIT
#pragma once
// reap_children: every child that has ended, with how it ended. Floor 5.

#include <daemonkit/detail/child_registry.hpp>
#include <daemonkit/exit_status.hpp>

#include <vector>

#include <sys/types.h>  // pid_t

namespace daemonkit {

/// A child that has ended; its pid may be another process's by now.
struct EndedChild {
    pid_t pid = 0;                              ///< the number that it had
    ExitStatus status = ExitStatus::exited(0);  ///< how it ended
};

/// Waits for all children that have ended, and for no other; for a callback of SIGCHLD.
///
/// <!-- region: examples/process_tour.cpp reap -->
///
///     signals.on(SIGCHLD, [&] {
///         for (const auto& [pid, status] : daemonkit::reap_children()) {
///             std::printf("reaped %d: %s\n", static_cast<int>(pid), to_string(status).c_str());
///             orphans.forget(pid);
///         }
///     });
///
/// One SIGCHLD can stand for many children, so all are taken at each call. Orphans are among them where this is
/// pid 1 or a subreaper. A child of a ChildProcess is not: its end is kept for that object.
///
/// Errors:   Step::await_child. None of this process's children having ended, or there being none, is no error.
/// Threads:  any, several at once.
/// Source:   waitid(2), POSIX.1-2017 on SIGCHLD.
inline std::vector<EndedChild> reap_children() {
    std::vector<EndedChild> all;
    while (const auto end = detail::reap_any())
        if (!end->is_owned) all.push_back({end->pid, end->status});
    return all;
}

}  // namespace daemonkit

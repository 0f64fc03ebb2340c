// SPDX-License-Identifier: MIT
#pragma once
// What the kernel tells of a process where there is no Linux /proc: nothing yet. Floor 4 behind read_process.hpp.

#include <daemonkit/error.hpp>
#include <daemonkit/process_report.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// Refuses.
[[noreturn]] inline ProcessReport read_process(pid_t pid, std::size_t /*most*/) {
    throw Error(Step::inspect_process, "pid " + std::to_string(pid), ENOTSUP,
                "processes can be looked at on Linux alone");
}

/// Refuses.
[[noreturn]] inline ProcessVitals read_vitals(pid_t pid) { read_process(pid, 0); }

}  // namespace daemonkit::detail

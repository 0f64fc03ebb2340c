// SPDX-License-Identifier: MIT
#pragma once
// trace_process where the kernel is not asked. Floor 3 behind process_trace.hpp. Not tested: no such machine.

#include <daemonkit/detail/syscall.hpp>

#include <cerrno>
#include <cstdint>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// What a process's number alone does not say.
struct ProcessTrace {
    std::uint64_t started = 0;
    bool is_ending = false;
    bool has_ended = false;
};

/// Errors:   ESRCH: there is none of that number; else ENOTSUP.
inline Result<ProcessTrace> trace_process(pid_t pid) noexcept {
    return {{}, sys::kill(pid, 0).error == ESRCH ? ESRCH : ENOTSUP};
}

}  // namespace daemonkit::detail

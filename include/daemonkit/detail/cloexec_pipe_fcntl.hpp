// SPDX-License-Identifier: MIT
#pragma once
// cloexec_pipe where pipe2 does not exist: macOS. Floor 3 behind cloexec_pipe.hpp.

#include <daemonkit/detail/syscall.hpp>

#include <fcntl.h>  // FD_CLOEXEC

namespace daemonkit::detail::cloexec_pipe_fcntl {

/// Both ends of a new pipe, read end first, close-on-exec.
///
/// Shape:    `flags` are those of an open file: 0 or O_NONBLOCK.
/// Threads:  an exec in another thread between the calls takes the pipe along; this system has no way around it.
inline Result<int> cloexec_pipe(int (&ends)[2], int flags) noexcept {
    const auto made = sys::pipe(ends);
    if (!made) return made;
    for (const int end : ends) {
        auto result = sys::fcntl_setfd(end, FD_CLOEXEC);
        if (result) result = sys::fcntl_setfl(end, flags);
        if (result) continue;
        static_cast<void>(sys::close(ends[0]));
        static_cast<void>(sys::close(ends[1]));
        return result;
    }
    return made;
}

}  // namespace daemonkit::detail::cloexec_pipe_fcntl

// SPDX-License-Identifier: MIT
#pragma once
// cloexec_pipe where pipe2 exists: Linux and the BSDs. Floor 3 behind cloexec_pipe.hpp.

#include <daemonkit/detail/syscall.hpp>

#include <fcntl.h>  // O_CLOEXEC

namespace daemonkit::detail::cloexec_pipe_pipe2 {

/// Both ends of a new pipe, read end first, close-on-exec from their first moment.
///
/// Shape:    `flags` are those of an open file: 0 or O_NONBLOCK.
inline Result<int> cloexec_pipe(int (&ends)[2], int flags) noexcept {
    return sys::pipe2(ends, O_CLOEXEC | flags);
}

}  // namespace daemonkit::detail::cloexec_pipe_pipe2

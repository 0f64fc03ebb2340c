// SPDX-License-Identifier: MIT
#pragma once
// cloexec_pipe: a pipe that no exec'd program inherits. Floor 3. Picks the system's way.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_MACOS()
#include <daemonkit/detail/cloexec_pipe_fcntl.hpp>
#else
#include <daemonkit/detail/cloexec_pipe_pipe2.hpp>
#endif

namespace daemonkit::detail {

#if DAEMONKIT_OS_MACOS()
using cloexec_pipe_fcntl::cloexec_pipe;
#else
using cloexec_pipe_pipe2::cloexec_pipe;
#endif

}  // namespace daemonkit::detail

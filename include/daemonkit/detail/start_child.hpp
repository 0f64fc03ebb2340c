// SPDX-License-Identifier: MIT
#pragma once
// start_child: a new process that becomes another program. Floor 5. Picks how it is made.

#include <daemonkit/detail/platform.hpp>

// The sanitizers keep shadow state that a process sharing this one's memory would write to.
#if DAEMONKIT_OS_LINUX() && !DAEMONKIT_TSAN() && !DAEMONKIT_ASAN()
#include <daemonkit/detail/start_child_vfork.hpp>
#else
#include <daemonkit/detail/start_child_fork.hpp>
#endif

// SPDX-License-Identifier: MIT
#pragma once
// fork_daemon: the two forks of a start. Floor 5. Picks how the first of them is made.

#include <daemonkit/detail/platform.hpp>

// The sanitizers keep shadow state that a process sharing the launcher's memory would write to.
#if DAEMONKIT_HAS_BARE_FORK() && !DAEMONKIT_TSAN() && !DAEMONKIT_ASAN()
#include <daemonkit/detail/fork_session_leader_vfork.hpp>
#else
#include <daemonkit/detail/fork_session_leader_fork.hpp>
#endif

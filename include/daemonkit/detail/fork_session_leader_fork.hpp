// SPDX-License-Identifier: MIT
#pragma once
// fork_daemon with two plain forks: the portable form. Floor 5 behind fork_session_leader.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/lead_session.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/syscall.hpp>

namespace daemonkit::detail {

/// Forks the session leader, which forks the daemon. Returns in the launcher and in the daemon.
///
/// Process:  launcher; every signal blocked, one thread, streams flushed.
/// Errors:   Step::fork_session_leader; what fails later is told through the channel.
inline Forked fork_daemon(ReadyChannel& channel) {
    const pid_t leader = check(sys::fork(), Step::fork_session_leader, "");
    if (leader > 0) return {leader, 0};
    lead_session(channel, [] { return sys::fork(); });
    return {};
}

}  // namespace daemonkit::detail

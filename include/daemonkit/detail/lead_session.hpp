// SPDX-License-Identifier: MIT
#pragma once
// lead_session: all that the session leader does. Floor 4.1.

#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// Who came back from the two forks.
struct Forked {
    pid_t session_leader = 0;  ///< in the launcher: its child's pid; in the daemon: 0
    pid_t daemon = 0;          ///< in the launcher, where it is known already
    /// True in the daemon.
    bool is_daemon() const noexcept { return session_leader == 0; }
};

/// The session leader's end after a failed call, told to the launcher.
[[noreturn]] inline void abort_session(ReadyChannel& channel, Step step, int error) noexcept {
    constexpr int system_call_failed = 71;  // EX_OSERR
    static_cast<void>(channel.send(FrameKind::failed, error, step));
    sys::exit_now(system_call_failed);
}

/// Starts a session, forks the daemon and ends; only the daemon returns.
///
/// The second fork makes the daemon a process that is not the leader of its session and so can never be given a
/// controlling terminal. Nothing here but system calls and this stack frame: the session leader may be running in
/// the launcher's memory. `fork` is the form of fork(2) that fits the one that made the session leader; `announce`
/// makes the daemon's pid known to the launcher, which waits for this process first, and so knows it from its beginning.
///
/// Process:  session leader; returns in the daemon.
/// Source:   daemon(7) steps 6–8; POSIX.1-2017 setsid().
template <class Fork, class Announce>
void lead_session(ReadyChannel& channel, Fork fork, Announce announce) noexcept {
    const auto session = sys::setsid();
    if (!session) abort_session(channel, Step::create_session, session.error);
    const Result<pid_t> forked = fork();
    if (!forked) abort_session(channel, Step::fork_daemon, forked.error);
    if (forked.value == 0) return;
    announce(forked.value);
    sys::exit_now(0);
}

/// The same for a session leader with memory of its own: the daemon's pid goes through the channel.
template <class Fork>
void lead_session(ReadyChannel& channel, Fork fork) noexcept {
    lead_session(channel, fork,
                 [&](pid_t daemon) { static_cast<void>(channel.send(FrameKind::hello, daemon)); });
}

}  // namespace daemonkit::detail

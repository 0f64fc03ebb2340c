// SPDX-License-Identifier: MIT
#pragma once
// fork_daemon whose session leader borrows the launcher's memory. Floor 5 behind fork_session_leader.hpp.
//
// A fork copies the page tables, and for a program with much memory that is nearly all a start costs. The session
// leader needs no copy: it makes two system calls and ends, while the kernel suspends the launcher.
//
// Why this is sound here, where vfork often is not:
// - the launcher has one thread and is suspended until the session leader has ended: nobody runs beside it;
// - every signal is blocked: no handler runs in the borrowed memory;
// - the session leader only makes system calls in frames below this one, and leaves by _exit, never by return;
//   pthread_atfork's handlers do not run in it: they lock and unlock, and a session leader that is killed between
//   the two would leave the launcher's locks locked;
// - the daemon is a fork of the session leader: it has its own copy of the memory, this frame and its caller's among
//   it, in which the launcher stands suspended at the same place, and so may return. It goes on exactly where the
//   launcher stopped, with no lock held, so there is nothing that pthread_atfork's handlers would have to mend; what
//   has to be done anew in the new process is what DaemonOptions::hooks.in_daemon is for.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/lead_session.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>

#include <unistd.h>  // vfork

namespace daemonkit::detail {

/// Forks the session leader, which forks the daemon. Returns in the launcher and in the daemon.
///
/// Process:  launcher; every signal blocked, one thread, streams flushed.
/// Errors:   Step::fork_session_leader; what fails later is told through the channel.
/// Source:   vfork(2).
[[gnu::noinline]] inline Forked fork_daemon(ReadyChannel& channel) {
    volatile pid_t daemon = 0;  // the session leader writes it, the launcher reads it: one memory
    const int refused = sys::refusal("vfork");
    // Not behind a wrapper in syscall.hpp: a function that calls vfork must not return before the child has ended.
    const pid_t leader = refused == 0 ? ::vfork() : -1;
    const int error = refused != 0 ? refused : errno;
    if (leader < 0) throw Error(Step::fork_session_leader, "", error);
    if (leader > 0) return {leader, daemon};
    lead_session(
        channel, [] { return sys::fork_without_handlers(); }, [&](pid_t pid) { daemon = pid; });
    return {};
}

}  // namespace daemonkit::detail

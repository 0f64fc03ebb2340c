// SPDX-License-Identifier: MIT
#pragma once
// start_child whose new process borrows this one's memory until its exec. Floor 5 behind start_child.hpp.
//
// A fork copies the page tables: for a daemon with much memory that takes longer than all the rest, and where memory
// is not overcommitted it fails. The new process needs no copy, because it only makes system calls and execs.
//
// Why this is sound here, where vfork often is not:
// - the calling thread is suspended until the exec or the end of the new process, so the frames below this one are
//   the new process's alone; of all memory it writes to these and to `failure`;
// - other threads go on, but the new process takes no lock and allocates nothing, so what they hold does not matter;
// - every signal is blocked until all dispositions are the default, so no handler of this program runs in it; its
//   dispositions, descriptors, directory and session are its own: vfork shares memory and nothing else;
// - it leaves by exec or _exit, never by return.

#include <daemonkit/detail/child_image.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <cerrno>

#include <sys/types.h>  // pid_t
#include <unistd.h>     // vfork

namespace daemonkit::detail {

/// Makes the new process; when this returns it is the program, or has ended and `failure` says why.
///
/// Process:  every signal blocked; any number of threads.
/// Source:   vfork(2).
[[gnu::noinline]] inline Result<pid_t> start_child(const ChildImage& image,
                                                   ChildFailure& failure) noexcept {
    const int refused = sys::refusal("vfork");
    // Not behind a wrapper in syscall.hpp: a function that calls vfork must not return before the child has ended.
    const pid_t child = refused == 0 ? ::vfork() : -1;
    if (child == 0) {
        constexpr int command_not_found = 127;
        failure = image.become(-1);
        sys::exit_now(command_not_found);
    }
    return {child, refused != 0 ? refused : (child < 0 ? errno : 0)};
}

}  // namespace daemonkit::detail

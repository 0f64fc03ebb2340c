// SPDX-License-Identifier: MIT
#pragma once
// start_child with a plain fork: the portable form. Floor 5 behind start_child.hpp.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/child_image.hpp>
#include <daemonkit/detail/cloexec_pipe.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <csignal>  // SIGKILL

#include <sys/types.h>  // pid_t
#include <sys/wait.h>   // waitpid

namespace daemonkit::detail {

/// Makes the new process; when this returns it is the program, or has ended and `failure` says why.
///
/// The exec closes a pipe, and so tells that it worked; what failed is written into it.
///
/// Process:  every signal blocked; any number of threads.
inline Result<pid_t> start_child(const ChildImage& image, ChildFailure& failure) noexcept {
    int ends[2];
    const auto made = cloexec_pipe(ends, 0);
    if (!made) return {-1, made.error};
    const UniqueFd told(ends[0]);
    UniqueFd teller(ends[1]);
    if (const auto moved = above_standard(teller); !moved) return {-1, moved.error};
    const auto forked = sys::fork();
    if (!forked) return forked;
    if (forked.value == 0) {
        constexpr int command_not_found = 127;
        const ChildFailure mine = image.become(teller.get());
        static_cast<void>(retry([&] { return sys::write(teller.get(), &mine, sizeof mine); }));
        sys::exit_now(command_not_found);
    }
    teller.reset();
    ChildFailure told_failure;
    const auto got =
        retry([&] { return sys::read(told.get(), &told_failure, sizeof told_failure); });
    if (got.error != 0) {
        static_cast<void>(sys::kill(forked.value, SIGKILL));
        static_cast<void>(retry([&] { return sys::waitpid(forked.value, nullptr, 0); }));
        return {-1, got.error};
    }
    if (got.value == static_cast<ssize_t>(sizeof told_failure)) failure = told_failure;
    return forked;
}

}  // namespace daemonkit::detail

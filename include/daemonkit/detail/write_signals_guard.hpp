// SPDX-License-Identifier: MIT
#pragma once
// WriteSignalsGuard: a write that fails does not kill. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <csignal>  // sigset_t, SIGPIPE, SIGXFSZ

namespace daemonkit::detail {

/// SIGPIPE, of a pipe that nobody reads any more, and SIGXFSZ, of a file that may not grow, are errors of a write and
/// nothing else for the length of a scope: what one of them is raised by there goes with it.
///
/// The kernel sends both to the thread that writes, so that no other one can get them; the program's own handlers and
/// masks stay as they are. One that was pending before stays pending.
///
/// Threads:  the mask belongs to a thread: a guard is made and destroyed in one.
/// Source:   write(2) EPIPE, EFBIG.
class WriteSignalsGuard {
public:
    WriteSignalsGuard() noexcept {
        sigemptyset(&raised_here_);
        sigset_t both = raised_here_;
        sigaddset(&both, SIGPIPE);
        sigaddset(&both, SIGXFSZ);
        is_blocking_ = static_cast<bool>(sys::pthread_sigmask(SIG_BLOCK, &both, &before_));
        sigset_t pending = raised_here_;
        if (!sys::sigpending(&pending)) return;
        for (const int signal : {SIGPIPE, SIGXFSZ})
            if (sigismember(&pending, signal) == 0) sigaddset(&raised_here_, signal);
    }
    ~WriteSignalsGuard() {
        if (!is_blocking_) return;
        while (retry([&] { return sys::take_pending(raised_here_); })) {
        }
        static_cast<void>(sys::pthread_sigmask(SIG_SETMASK, &before_, nullptr));
    }
    WriteSignalsGuard(const WriteSignalsGuard&) = delete;
    WriteSignalsGuard& operator=(const WriteSignalsGuard&) = delete;

private:
    sigset_t before_{};
    sigset_t raised_here_{};
    bool is_blocking_ = false;
};

}  // namespace daemonkit::detail

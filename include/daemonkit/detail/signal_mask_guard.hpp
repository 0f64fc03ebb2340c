// SPDX-License-Identifier: MIT
#pragma once
// SignalMaskGuard: signals wait for the length of a scope. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <csignal>  // sigset_t, sigfillset

namespace daemonkit::detail {

/// Signals are blocked in the calling thread; what is sent to it meanwhile is delivered when the mask is back.
///
/// A process forked inside the scope inherits the mask that blocks, and its copy of the guard.
///
/// Errors:   the step given, subject "signal mask".
/// Undo:     the destructor sets the mask that was found, bit for bit; `release` leaves it as it is.
/// Threads:  the mask belongs to a thread: a guard is made, restored and destroyed in one.
class SignalMaskGuard {
public:
    /// Blocks every signal that can be blocked.
    explicit SignalMaskGuard(Step step = Step::block_signals)
        : SignalMaskGuard(every_signal(), step) {}

    /// Blocks `signals`, besides those that are blocked already.
    explicit SignalMaskGuard(const sigset_t& signals, Step step = Step::block_signals)
        : step_(step) {
        check(sys::pthread_sigmask(SIG_BLOCK, &signals, &previous_), step_, "signal mask");
    }

    ~SignalMaskGuard() {
        const ErrnoGuard keep_errno;
        static_cast<void>(try_restore());
    }
    SignalMaskGuard(const SignalMaskGuard&) = delete;
    SignalMaskGuard& operator=(const SignalMaskGuard&) = delete;

    /// The mask that was found, and that will be set again.
    const sigset_t& previous() const noexcept { return previous_; }

    /// Sets the mask that was found; afterwards the guard has nothing left to do.
    void restore() { check(try_restore(), step_, "signal mask"); }

    /// The same, with the errno as a value; a guard whose mask could not be set stays responsible for it.
    Result<int> try_restore() noexcept {
        if (!armed_) return {};
        const auto result = sys::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
        armed_ = result.error != 0;
        return result;
    }

    /// Leaves the mask as it is, for good.
    void release() noexcept { armed_ = false; }

private:
    static sigset_t every_signal() noexcept {
        sigset_t signals;
        sigfillset(&signals);
        return signals;
    }

    Step step_;
    bool armed_ = true;
    sigset_t previous_{};
};

}  // namespace daemonkit::detail

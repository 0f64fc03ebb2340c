// SPDX-License-Identifier: MIT
#pragma once
// accept_signal by sigtimedwait, for the only thread of a process. Floor 4 behind accept_signal. Empty where the C library
// does not tell how many threads there are: every header compiles alone.
//
// A handler costs a frame on the stack, a return through the kernel and a byte through a pipe. Who sleeps until a signal
// comes needs none of them: blocked for that time, the signal ends the sleep itself.

#if __has_include(<sys/single_threaded.h>)

#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <csignal>

#include <sys/single_threaded.h>  // __libc_single_threaded
#include <time.h>                 // timespec

namespace daemonkit::detail::accept_signal_wait {

/// True when nobody else is there who could take a signal, or would have to wake who waits.
inline bool can_accept_signals() noexcept { return __libc_single_threaded != 0; }

/// A signal that somebody else's handler, or none, is to have: it meets that as soon as it is not blocked any more.
inline bool belongs_to_others(int number) noexcept {
    struct ::sigaction now {};
    return sys::sigaction(number, nullptr, &now) && !is_own_handler(now);
}

/// Sleeps until one of the signals comes, and delivers it like the handler; or until another one was handled (EINTR),
/// or the time is over (EAGAIN). The signals are not blocked in this thread afterwards.
///
/// `idle` is asked when they are blocked: what comes after it ends the sleep, what came before it is to be seen there.
template <class Idle>
Result<int> accept_signal(const sigset_t& numbers, const struct ::timespec* limit,
                          Idle idle) noexcept {
    sigset_t mask;
    const auto blocked = sys::pthread_sigmask(SIG_BLOCK, &numbers, &mask);
    if (!blocked) return blocked;
    for (int number = 1; number < signal_numbers; ++number)
        if (sigismember(&numbers, number) == 1) sigdelset(&mask, number);
    Result<int> accepted;
    if (idle()) {
        siginfo_t details{};
        accepted = sys::sigtimedwait(numbers, &details, limit);
        if (accepted && belongs_to_others(accepted.value))
            static_cast<void>(sys::queue_to_this_thread(accepted.value, details));
        else if (accepted)
            deliver_signal(accepted.value, details, mask);
    }
    const auto restored = sys::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    return restored ? accepted : restored;
}

}  // namespace daemonkit::detail::accept_signal_wait

#endif

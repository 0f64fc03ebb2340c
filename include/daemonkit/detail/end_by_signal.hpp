// SPDX-License-Identifier: MIT
#pragma once
// end_by_signal: the end that a signal would have made of a process without handlers. Floor 2.

#include <daemonkit/detail/syscall.hpp>

#include <csignal>

namespace daemonkit::detail {

/// The process ends at once, by the default action of the signal; for who waits it was killed by it.
///
/// Where that action is none, as for pid 1 of a namespace, the status is what a shell would tell: 128 and the number.
///
/// Threads:  from any, and from a signal handler.
[[noreturn]] inline void end_by_signal(int number) noexcept {
    struct ::sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigemptyset(&standard.sa_mask);
    static_cast<void>(sys::sigaction(number, &standard, nullptr));
    static_cast<void>(sys::raise(number));
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    static_cast<void>(sys::pthread_sigmask(SIG_UNBLOCK, &one, nullptr));
    constexpr int signalled = 128;
    sys::exit_now(signalled + number);
}

}  // namespace daemonkit::detail

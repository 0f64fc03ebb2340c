// SPDX-License-Identifier: MIT
#pragma once
// SignalWatch: dispositions and masks, changed and set back. Floor 5.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/mutex.hpp>
#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <csignal>  // sigaction, sigset_t

#include <pthread.h>  // pthread_self, pthread_equal

namespace daemonkit::detail {

/// How many watch each signal, and what to set back after the last; `signal_mutex` guards it.
struct ProcessWatches {
    unsigned count[signal_numbers]{};
    struct ::sigaction before[signal_numbers] {};
};
inline constinit ProcessWatches process_watches;

/// The same for a thread, which has its own mask.
struct ThreadWatches {
    unsigned count[signal_numbers]{};
    bool blocked_before[signal_numbers]{};
};
inline constinit thread_local ThreadWatches thread_watches;

/// Signals that go to a receiver, for the length of a scope.
///
/// Undo:     when the last watch of a signal ends, its disposition is what the first one found, whole; one that
///           others have set meanwhile stays. The thread that made the watch blocks the signal if it did before.
/// Threads:  where the watch ends in another thread than it began in, the mask of the first stays as it is.
class SignalWatch {
public:
    explicit SignalWatch(SignalReceiver& receiver) noexcept : receiver_(receiver) {
        sigemptyset(&watched_);
        sigemptyset(&unblocked_);
    }
    ~SignalWatch() {
        const ErrnoGuard keep_errno;
        static_cast<void>(end());
    }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    /// The receiver gets the signal from now on, and the calling thread does not block it.
    void add(int number) {
        const MutexLock lock(signal_mutex);
        if (receiver_.watches(number)) return;
        receiver_.watch(number);  // before the handler is there: the very first one counts
        install(number);
        unblock(number);
    }

    /// Undoes all of it, as the destructor does; returns the signals whose disposition somebody else has set.
    sigset_t end() noexcept {
        const MutexLock lock(signal_mutex);
        // The order matters: what the kernel kept must come while it is swallowed, and what was blocked before must
        // not meet its old disposition unblocked.
        for (int number = 1; number < signal_numbers; ++number) receiver_.unwatch(number);
        if (in_first_thread()) restore_mask();
        sigset_t replaced;
        sigemptyset(&replaced);
        for (int number = 1; number < signal_numbers; ++number)
            if (sigismember(&watched_, number) == 1 && !restore_disposition(number))
                sigaddset(&replaced, number);
        sigemptyset(&watched_);
        sigemptyset(&unblocked_);
        return replaced;
    }

private:
    bool in_first_thread() const noexcept {
        return ::pthread_equal(first_thread_, ::pthread_self()) != 0;
    }

    void install(int number) {
        struct ::sigaction action {};
        action.sa_sigaction = &handle_signal;
        // SA_RESTART: code that knows nothing of this handler sees no EINTR where the kernel can avoid it.
        // SA_ONSTACK: threads of other languages' runtimes may have too little stack for a handler.
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        // Every other signal waits: a handler that interrupted this one would find a queue's cell half done.
        sigfillset(&action.sa_mask);
        struct ::sigaction before {};
        const auto installed = sys::sigaction(number, &action, &before);
        if (!installed) receiver_.unwatch(number);
        check(installed, Step::watch_signals, signal_name(number));
        if (!is_own_handler(before)) process_watches.before[number] = before;
        sigaddset(&watched_, number);
        ++process_watches.count[number];
    }

    void unblock(int number) {
        sigset_t one;
        sigset_t before;
        sigemptyset(&one);
        sigaddset(&one, number);
        check(sys::pthread_sigmask(SIG_UNBLOCK, &one, &before), Step::watch_signals, "signal mask");
        if (!in_first_thread()) return;
        sigaddset(&unblocked_, number);
        if (thread_watches.count[number]++ == 0)
            thread_watches.blocked_before[number] = sigismember(&before, number) == 1;
    }

    void restore_mask() noexcept {
        sigset_t blocked;
        sigset_t admitted;  // the receiver may have held them back
        sigemptyset(&blocked);
        sigemptyset(&admitted);
        for (int number = 1; number < signal_numbers; ++number) {
            if (sigismember(&unblocked_, number) != 1) continue;
            if (--thread_watches.count[number] == 0 && thread_watches.blocked_before[number])
                sigaddset(&blocked, number);
            else if (is_real_time_signal(number))
                sigaddset(&admitted, number);
        }
        static_cast<void>(sys::pthread_sigmask(SIG_BLOCK, &blocked, nullptr));
        static_cast<void>(sys::pthread_sigmask(SIG_UNBLOCK, &admitted, nullptr));
    }

    // False when there is somebody else's.
    static bool restore_disposition(int number) noexcept {
        if (--process_watches.count[number] != 0) return true;
        struct ::sigaction now {};
        if (!sys::sigaction(number, nullptr, &now)) return true;
        if (!is_own_handler(now)) return false;
        static_cast<void>(sys::sigaction(number, &process_watches.before[number], nullptr));
        return true;
    }

    SignalReceiver& receiver_;
    const pthread_t first_thread_ = ::pthread_self();
    sigset_t watched_;
    sigset_t unblocked_;  // in the first thread, by this watch
};

}  // namespace daemonkit::detail

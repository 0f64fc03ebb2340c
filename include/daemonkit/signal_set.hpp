// SPDX-License-Identifier: MIT
#pragma once
// SignalSet: signals as values, as callbacks, and as a descriptor to poll. Floor 5.
//
// All work happens in ordinary code. The handler behind it stores what the kernel said and wakes whoever waits.
// Times are those of <chrono>, which is for the caller to include: here it would cost more than all the rest.

#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/refuse_unwatchable.hpp>
#include <daemonkit/detail/signal_callbacks.hpp>
#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/signal_inbox.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/signal_watch.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/signal_info.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>   // EAGAIN, EBUSY, EINTR
#include <csignal>  // sigaction
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>  // std::move

#include <time.h>  // timespec

namespace daemonkit {

/// As long as this exists, its signals arrive here, in place of what they would do to the process.
///
/// <!-- region: examples/guide/wait_for_signals.cpp callbacks -->
///
///     daemonkit::SignalSet signals({SIGTERM, SIGINT});
///     signals.on(SIGHUP, [&] { reload(); });
///     signals.run();  // until SIGTERM or SIGINT
///
/// <!-- region: examples/guide/wait_for_signals.cpp ticks -->
///
///     daemonkit::SignalSet signals({SIGTERM, SIGINT});
///     auto next = std::chrono::steady_clock::now();
///     while (!signals.wait_until(next += 200ms)) tick();  // on time, without drift, until a signal
///
/// Nothing is lost. A signal that arrives while the same one waits adds nothing, as in the kernel; real-time
/// signals come one by one, in order, and when there are more than a set has room for, they queue in the kernel.
/// Several sets at once each get every signal they watch. A set that nobody reads holds real-time signals back
/// from the others too.
///
/// Process:  a set made before a fork works in both processes: what arrived before the fork is the parent's, and
///           each has its own descriptor from then on. A program started by exec gets default dispositions
///           (unlike SIG_IGN, a handler does not survive exec) and the mask of the thread that started it.
/// Errors:   Step::watch_signals, subject the signal's name (EINVAL: SIGKILL, SIGSTOP, SIGABRT, those raised by
///           a failing instruction, numbers that libc keeps); nothing has changed then.
/// Undo:     the destructor sets the dispositions that were found, whole, unless somebody else replaced the
///           handler, which `close` says; and in the thread that made the set, the signal mask. What still waits
///           is forgotten.
/// Threads:  wait, poll, stop and native_handle from any; all else from one at a time. A
///           thread that waits no longer blocks the signals of the set. In a program of several threads, block
///           real-time signals in all but the one that waits: only there is their order the kernel's.
/// Source:   POSIX.1-2017 sigaction(), signal-safety(7), pipe(7).
class SignalSet {
public:
    /// Every signal of the list is watched, those that were blocked in this thread are not any more.
    explicit SignalSet(std::initializer_list<int> numbers) {
        for (const int number : numbers) detail::refuse_unwatchable(number);
        for (const int number : numbers) watch_.add(number);
    }
    ~SignalSet() = default;
    SignalSet(const SignalSet&) = delete;
    SignalSet& operator=(const SignalSet&) = delete;

    /// Returns the signal that has waited longest, or waits for one; number 0 when the set is stopped.
    SignalInfo wait() { return *wait_at_most(detail::forever); }

    /// Returns like `wait`, or with nothing when the time is over; takes any std::chrono::duration.
    template <class Duration>
    std::optional<SignalInfo> wait_for(const Duration& time) {
        return wait_at_most(detail::nanoseconds_in(time));
    }

    /// The same, for a time that an option holds.
    std::optional<SignalInfo> wait_for(Timeout time) { return wait_at_most(time.in_nanoseconds()); }

    /// Returns like `wait`, or with nothing at the deadline, a time_point of std::chrono::steady_clock.
    ///
    /// A deadline has no drift, however long the work between two waits takes. One that has passed still takes a
    /// signal that waits: a program that is late can be stopped.
    template <class TimePoint>
    std::optional<SignalInfo> wait_until(const TimePoint& deadline) {
        static_assert(TimePoint::clock::is_steady,
                      "a deadline must not move when the clock is set");
        const auto now = TimePoint::clock::now();
        return wait_at_most(deadline > now ? detail::nanoseconds_in(deadline - now) : 0);
    }

    /// Returns the signal that has waited longest, or nothing; never waits, and does not heed `stop`.
    std::optional<SignalInfo> poll() { return inbox_.take(); }

    /// `run` calls the callback for each such signal, after those given before; the set watches it from now on.
    ///
    /// The callback runs in the thread that called `run`, in ordinary code: it may allocate, lock, log and throw.
    /// It takes a `const SignalInfo&`, or nothing.
    template <class Callback>
    SignalSet& on(int number, Callback callback) {
        add(number);
        inbox_.heed(number);
        callbacks_.add(number, std::move(callback));
        return *this;
    }

    /// The signal does nothing to this process any more, and does not arrive here.
    ///
    /// Not SIG_IGN: programs started by exec would inherit that, and find SIGPIPE or SIGCHLD ignored. A write to
    /// a closed pipe fails with EPIPE either way; children are not reaped by it.
    SignalSet& ignore(int number) {
        add(number);
        inbox_.ignore(number);
        return *this;
    }

    /// Of these signals, taken together, the second one ends the process at once: by its default action, in the
    /// handler, although ordinary code may hang. Nothing is tidied up then, as with SIGKILL.
    ///
    /// For a person who presses Ctrl+C again. The set watches these signals from now on; asked for again, it begins
    /// anew, with the next first one.
    SignalSet& escalate_second(std::initializer_list<int> numbers) {
        for (const int number : numbers) detail::refuse_unwatchable(number);
        inbox_.expect_first();
        for (const int number : numbers) {
            inbox_.escalate(number);
            watch_.add(number);
        }
        return *this;
    }

    /// Waits and calls callbacks, and returns the first signal that has none; number 0 when the set is stopped.
    ///
    /// What a callback throws comes out of here; run may be called again.
    SignalInfo run() {
        for (;;) {
            const SignalInfo signal = wait();
            if (!dispatch(signal)) return signal;
        }
    }

    /// Calls the callbacks for a signal that `wait` or `poll` returned; false when there are none.
    bool dispatch(const SignalInfo& signal) { return callbacks_.call(signal); }

    /// Every wait ends at once, now and from now on, with number 0; async-signal-safe.
    ///
    /// With a std::stop_token: `daemonkit/stop_on.hpp`.
    void stop() noexcept { inbox_.stop(); }

    /// True once `stop` was called.
    bool stopped() const noexcept { return inbox_.stopped(); }

    /// A descriptor that is readable while a signal waits, or after `stop`: for poll, epoll, Asio, libuv.
    ///
    /// When it is readable, call `poll` until it has nothing. Never read, write or close it. Ask again after a
    /// fork: it is another pipe then.
    int native_handle() { return inbox_.native_handle(); }

    /// True when somebody else has put a handler in the place of ours: the signal does not arrive here any more.
    bool replaced(int number) const {
        if (!inbox_.watches(number)) return false;
        struct ::sigaction now {};
        detail::check(detail::sys::sigaction(number, nullptr, &now), Step::watch_signals,
                      detail::signal_name(number));
        return !detail::is_own_handler(now);
    }

    /// The signals are what they were before, and every wait ends; or says who stands in the way.
    ///
    /// What the destructor does, for who wants to hear of a handler that was replaced: all is set back but that one.
    ///
    /// Errors:   Step::watch_signals, subject the first such signal (EBUSY).
    void close() {
        const sigset_t replaced = watch_.end();
        stop();
        for (int number = 1; number < detail::signal_numbers; ++number)
            if (sigismember(&replaced, number) == 1)
                throw Error(Step::watch_signals, detail::signal_name(number), EBUSY,
                            "somebody else has replaced the handler; it stays");
    }

    /// How many signals found no room; 0 unless more than 128 threads take real-time signals at one moment.
    std::uint64_t lost() const noexcept { return inbox_.lost(); }

private:
    void add(int number) {
        detail::refuse_unwatchable(number);
        watch_.add(number);
    }

    std::optional<SignalInfo> wait_at_most(detail::Nanoseconds time) {
        // A kernel short of memory may refuse a wait now and then; what is refused for good is told.
        constexpr int most_refusals = 20;
        int refusals = 0;
        const auto deadline = detail::monotonic_after(time);
        for (bool slept = false;; slept = true) {
            if (stopped()) return SignalInfo{};
            if (auto signal = poll()) return signal;
            const auto left =
                deadline == detail::forever ? deadline : deadline - detail::monotonic_now();
            if (left <= 0 && slept)
                return std::nullopt;  // once at least: what is blocked here counts
            const struct ::timespec limit = detail::timespec_of(left);
            const auto woken = inbox_.sleep(left == detail::forever ? nullptr : &limit);
            if (woken || woken.error == EINTR || woken.error == EAGAIN)
                refusals = 0;
            else if (++refusals == most_refusals)
                throw Error(Step::watch_signals, "wait", woken.error);
        }
    }

    // In this order: first nobody delivers any more, then nobody looks at the inbox, then it goes.
    detail::SignalCallbacks callbacks_;
    detail::SignalInbox inbox_;
    detail::SignalListing listing_{inbox_};
    detail::SignalWatch watch_{inbox_};
};

}  // namespace daemonkit

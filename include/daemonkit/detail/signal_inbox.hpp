// SPDX-License-Identifier: MIT
#pragma once
// SignalInbox: what has arrived for one SignalSet, and what the kernel keeps for it. Floor 4.

#include <daemonkit/detail/accept_signal.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/end_by_signal.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/mutex.hpp>
#include <daemonkit/detail/self_pipe.hpp>
#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/signal_queue.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/signal_info.hpp>

#include <atomic>
#include <csignal>  // sigset_t
#include <cstdint>
#include <optional>

#include <poll.h>  // pollfd, POLLIN
#include <time.h>  // timespec

namespace daemonkit::detail {

/// How many inboxes have the kernel hold real-time signals back.
inline constinit std::atomic<int> inboxes_holding_back{0};

/// Signals from the handler, in order, for any thread to take.
///
/// A standard signal that arrives while the same one waits adds nothing, as in the kernel. Real-time signals all
/// count: when half the queue is full, the handler blocks them in the thread it interrupted, so that they queue
/// up in the kernel, and the thread that takes the last one out of here lets them through to itself. The other
/// half is for the threads that are in the handler at that moment.
///
/// Nobody rings for a thread that is alone and sleeps until a signal comes: the signal itself ends that sleep. The pipe
/// is for all others, from the first time on that one of them listens.
///
/// Threads:  `receive` runs in handlers, in several threads at once; `forget` alone; all else anywhere.
class SignalInbox final : public SignalReceiver {
public:
    ~SignalInbox() {
        if (holds_back_) --inboxes_holding_back;
    }

    /// A watched signal is dropped from now on, or no more.
    void ignore(int number) noexcept { states_[number] = State::ignored; }
    void heed(int number) noexcept { change(number, State::ignored, State::quiet); }

    /// Of all signals for which this was asked, the second one ends the process.
    void escalate(int number) noexcept { escalates_[number] = true; }
    void expect_first() noexcept { first_came_ = false; }

    void receive(const SignalInfo& signal, sigset_t& mask) noexcept override {
        if (states_[signal.number] == State::ignored) return;
        if (escalates_[signal.number] && first_came_.exchange(true)) end_by_signal(signal.number);
        if (is_real_time_signal(signal.number)) {
            if (queue_.size() >= SignalQueue::capacity / 2) hold_back(mask);
        } else if (!change(signal.number, State::quiet, State::waiting)) {
            return;
        }
        if (!queue_.push(signal)) {
            ++lost_;
            change(signal.number, State::waiting, State::quiet);
        }
        wake();
    }

    /// The signal that has waited longest; nothing when none waits, in the kernel neither.
    ///
    /// Errors:   Step::watch_signals, subject "self-pipe", when nothing waits and the pipe says that something does.
    std::optional<SignalInfo> take() {
        if (listened_) own_pipe();
        SignalInfo signal;
        bool found = queue_.pop(signal);
        if (!found && holds_back_) {
            admit();
            found = queue_.pop(signal);
        }
        if (found) change(signal.number, State::waiting, State::quiet);
        if (queue_.empty()) {
            const auto settled = settle();
            if (!found) check(settled, Step::watch_signals, "self-pipe");
        }
        if (!found) return std::nullopt;
        return signal;
    }

    /// Sleeps until there may be something to take, a handler has run, or the time is over; no limit is for ever.
    ///
    /// The calling thread blocks no watched signal from then on: what the kernel kept for it arrives.
    Result<int> sleep(const struct ::timespec* limit) {
        if (can_accept_signals()) {
            nap_ = limit != nullptr ? *limit : timespec_of(forever);
            return accept_signal(admitted(), &nap_, [this] { return !stopped_ && queue_.empty(); });
        }
        ::pollfd pipe{native_handle(), POLLIN, 0};
        admit();
        return sys::ppoll(&pipe, 1, limit);
    }

    /// Every wait ends from now on.
    void stop() noexcept {
        stopped_ = true;
        wake();
    }
    bool stopped() const noexcept { return stopped_; }

    /// Readable while a signal waits or a stop is asked for. Another one after a fork.
    int native_handle() {
        const int handle = own_pipe().read_end();
        if (!listened_.exchange(true) && (stopped_ || !queue_.empty())) pipe_.ring();
        return handle;
    }

    /// Signals that found no room: more threads than half the queue were in the handler at one moment.
    std::uint64_t lost() const noexcept { return lost_; }

    void forget() noexcept override {
        pipe_.disown();
        queue_.clear();
        for (int number = 1; number < signal_numbers; ++number)
            change(number, State::waiting, State::quiet);
        if (holds_back_.exchange(false)) --inboxes_holding_back;
        lost_ = 0;
        first_came_ = false;
        if (stopped_) pipe_.ring();
    }

    void renew() override { own_pipe(); }

    bool needs(int fd) const noexcept override {
        return fd == pipe_.read_end() || fd == pipe_.write_end();
    }

private:
    enum class State : unsigned char { quiet, waiting, ignored };

    bool change(int number, State from, State to) noexcept {
        return states_[number].compare_exchange_strong(from, to);
    }

    // From a handler, too: one that is not blocked may run after the last look and before the sleep begins, which
    // takes no time then. Who sleeps already is woken by the handler itself.
    void wake() noexcept {
        if (listened_) pipe_.ring();
        if (can_accept_signals()) nap_ = {};
    }

    SelfPipe& own_pipe() {
        if (pipe_.is_own()) return pipe_;
        const MutexLock lock(signal_mutex);
        if (!pipe_.is_own()) pipe_.renew();
        return pipe_;
    }

    // What the calling thread may be sent: while another inbox has no room, real-time signals stay where they are.
    sigset_t admitted() const noexcept {
        const bool room = inboxes_holding_back.load() <= 0;
        sigset_t numbers;
        sigemptyset(&numbers);
        for (int number = 1; number < signal_numbers; ++number) {
            if (!watches(number)) continue;
            if (room || !is_real_time_signal(number)) sigaddset(&numbers, number);
        }
        return numbers;
    }

    // The calling thread blocks none of them.
    void admit() noexcept {
        if (holds_back_.exchange(false)) --inboxes_holding_back;
        const sigset_t numbers = admitted();
        static_cast<void>(sys::pthread_sigmask(SIG_UNBLOCK, &numbers, nullptr));
    }

    void hold_back(sigset_t& mask) noexcept {
        if (!holds_back_.exchange(true)) ++inboxes_holding_back;
        for (int number = 1; number < signal_numbers; ++number)
            if (watches(number) && is_real_time_signal(number)) sigaddset(&mask, number);
    }

    // Nothing is left to take. Whoever polls the pipe must not be called again for nothing, and must be for what
    // the kernel kept until now.
    Result<ssize_t> settle() noexcept {
        if (holds_back_) admit();
        if (!listened_) return {};
        const auto silenced = pipe_.silence();
        if (stopped_ || !queue_.empty()) pipe_.ring();
        return silenced;
    }

    SignalQueue queue_;
    SelfPipe pipe_;
    std::atomic<State> states_[signal_numbers]{};
    std::atomic<bool> escalates_[signal_numbers]{};
    std::atomic<bool> first_came_{false};
    std::atomic<bool> listened_{false};
    std::atomic<bool> holds_back_{false};
    std::atomic<bool> stopped_{false};
    std::atomic<std::uint64_t> lost_{0};
    struct ::timespec nap_ {};  // how long the only thread sleeps
};

}  // namespace daemonkit::detail

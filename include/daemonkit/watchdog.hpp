// SPDX-License-Identifier: MIT
#pragma once
// Watchdog: signs of life for a service manager, given only while the program really gets on. Floor 5.

#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/notify.hpp>
#include <daemonkit/timeout.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>  // std::getenv
#include <optional>
#include <string>
#include <utility>  // std::move, std::exchange

namespace daemonkit {

/// What a Watchdog does when a part of the program makes no progress.
enum class Stalled : std::uint8_t {
    wait,  ///< it gives no sign of life until the part goes on; the manager acts when its time limit is over
    trigger,  ///< the manager is told to act at once
};

/// Gives a service manager its signs of life (WatchdogSec=), as long as every watched part makes progress.
///
/// A thread that does nothing but tell that it lives would go on while all others hang. Here each part of the program
/// that has to get on is watched, and says when it did; `check`, called every `interval`, tells the manager.
///
/// <!-- region: examples/guide/watchdog.cpp watchdog -->
///
///     daemonkit::SignalSet signals({SIGTERM, SIGINT});
///     daemonkit::DaemonContext daemon({.out = daemonkit::AppendTo{argv[1]}, .pid_file = argv[2]});
///
///     daemonkit::Watchdog watchdog(daemon.notifier());  // WatchdogSec= of the unit, if there is one
///     daemonkit::Watchdog::Part part(watchdog, "worker");
///     std::jthread worker([&](const std::stop_token& token) { work(token, part, hang_after); });
///
///     while (!signals.wait_for(watchdog.interval())) {
///         if (const auto stalled = watchdog.check())
///             std::fprintf(stderr, "no progress: %s\n", stalled->c_str());
///     }
///
/// The variables WATCHDOG_USEC and WATCHDOG_PID are taken, and gone after it. Without them, where they are for another
/// process, or are no numbers, it is not enabled: `check` then still tells which part hangs.
///
/// Process:  made in the daemon. In a child that it forks `check` does nothing.
/// Threads:  made before the first thread, because it changes the environment; check from one at a time.
/// Source:   sd_watchdog_enabled(3), systemd.service(5).
class Watchdog {
public:
    /// One part of the program: a thread, a loop, a queue that is to get shorter.
    ///
    /// Threads:  `progress`, `pause` and `resume` from any, and from a signal handler. It is left before the watchdog is.
    class Part {
    public:
        /// The part is watched, and has to make progress within the limit, over and over; the limit is the watchdog's
        /// interval where none is given.
        Part(Watchdog& watchdog, std::string name, std::optional<Timeout> limit = {})
            : watchdog_(watchdog),
              name_(std::move(name)),
              limit_(limit.value_or(watchdog.interval()).in_nanoseconds()) {
            const detail::ProcessLock lock(watchdog_.mutex_);
            next_ = std::exchange(watchdog_.first_, this);
        }
        ~Part() {
            const detail::ProcessLock lock(watchdog_.mutex_);
            Part** place = &watchdog_.first_;
            while (*place != nullptr && *place != this) place = &(*place)->next_;
            if (*place == this) *place = next_;
        }
        Part(const Part&) = delete;
        Part& operator=(const Part&) = delete;

        /// It got on: another item, another round of the loop.
        void progress() noexcept {
            since_.store(detail::monotonic_now(), std::memory_order_relaxed);
        }

        /// Nothing is expected of it until `resume`: it waits for work.
        void pause() noexcept { since_.store(paused, std::memory_order_relaxed); }
        /// Progress is expected again, counted from now.
        void resume() noexcept { progress(); }

    private:
        friend class Watchdog;
        static constexpr detail::Nanoseconds paused = -1;

        bool is_stalled(detail::Nanoseconds now) const noexcept {
            const auto since = since_.load(std::memory_order_relaxed);
            return since != paused && now - since > limit_;
        }

        Watchdog& watchdog_;
        std::string name_;
        detail::Nanoseconds limit_;
        std::atomic<detail::Nanoseconds> since_{detail::monotonic_now()};
        Part* next_ = nullptr;  // the watchdog's mutex guards it
    };

    /// Takes the time limit out of the environment. The notifier, DaemonContext::notifier for one, outlives this.
    explicit Watchdog(const Notifier& notifier, Stalled stalled = Stalled::wait)
        : notifier_(notifier), stalled_(stalled) {
        const auto limit = detail::number_in<std::uint64_t>("WATCHDOG_USEC");
        const bool is_for_us =
            std::getenv("WATCHDOG_PID") == nullptr || detail::names_this_process("WATCHDOG_PID");
        static_cast<void>(detail::sys::unsetenv("WATCHDOG_USEC"));
        static_cast<void>(detail::sys::unsetenv("WATCHDOG_PID"));
        if (!limit || *limit == 0 || *limit > longest_us || !is_for_us) return;
        is_enabled_ = true;
        const auto half = static_cast<detail::Nanoseconds>(*limit) * 1000 / 2;
        interval_ = half > shortest ? half : shortest;
    }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog() = default;

    /// True when a manager waits for signs of life.
    bool is_enabled() const noexcept { return is_enabled_; }

    /// How often `check` is to be called: half the manager's limit, at least a millisecond; 10 seconds without a
    /// manager.
    Timeout interval() const noexcept { return Timeout::nanoseconds(interval_); }

    /// Gives a sign of life, unless a part is stalled, whose name is returned then; the manager gets it as a status.
    ///
    /// A check that comes late itself, in a process that was stopped, holds the time it was late by against no part.
    std::optional<std::string> check() {
        std::optional<std::string> stalled;
        {
            const detail::ProcessLock lock(mutex_);
            if (lock.pid() != owner_) return {};
            const auto now = detail::monotonic_now();
            const auto due = checked_ + interval_;
            checked_ = now;
            stalled = find_stalled(now < due ? now : due);
        }
        if (!stalled) {
            if (is_enabled_) static_cast<void>(notifier_.watchdog());
        } else if (told_ != stalled) {
            static_cast<void>(notifier_.status("no progress: " + *stalled));
            if (stalled_ == Stalled::trigger) static_cast<void>(notifier_.watchdog_trigger());
        }
        told_ = stalled;
        return stalled;
    }

private:
    static constexpr std::uint64_t longest_us = INT64_MAX / 1000;
    static constexpr detail::Nanoseconds shortest = 1'000'000;

    std::optional<std::string> find_stalled(detail::Nanoseconds now) const {
        for (const Part* part = first_; part != nullptr; part = part->next_)
            if (part->is_stalled(now)) return part->name_;
        return {};
    }

    const Notifier& notifier_;
    Stalled stalled_;
    bool is_enabled_ = false;
    detail::Nanoseconds interval_ = 10'000'000'000;
    detail::Nanoseconds checked_ = detail::monotonic_now();
    std::optional<std::string> told_;
    pid_t owner_ = detail::sys::getpid();
    detail::ProcessMutex mutex_;
    Part* first_ = nullptr;  // mutex_ guards the list
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// Monotonic time in nanoseconds, for headers that cannot afford <chrono>. Floor 2.

#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/timeout.hpp>

#include <time.h>  // timespec, CLOCK_MONOTONIC

namespace daemonkit::detail {

/// Now, on a clock that nobody sets.
inline Nanoseconds monotonic_now() noexcept {
    struct ::timespec now {};
    sys::clock_gettime(CLOCK_MONOTONIC, &now);
    return Nanoseconds{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The point that far from now: now for what is below zero, `forever` where the clock has no number for it.
inline Nanoseconds monotonic_after(Nanoseconds time) noexcept {
    const Nanoseconds now = monotonic_now();
    if (time < 0) return now;
    return time < forever - now ? now + time : forever;
}

/// For calls that wait: what is below zero is over; what is above 30 years ends then, whatever the size of time_t.
inline struct ::timespec timespec_of(Nanoseconds time) noexcept {
    constexpr Nanoseconds most = 1'000'000'000 * Nanoseconds{1'000'000'000};
    struct ::timespec wait {};
    if (time <= 0) return wait;
    if (time > most) time = most;
    wait.tv_sec = static_cast<time_t>(time / 1'000'000'000);
    wait.tv_nsec = static_cast<long>(time % 1'000'000'000);
    return wait;
}

}  // namespace daemonkit::detail

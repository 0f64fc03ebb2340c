// SPDX-License-Identifier: MIT
#pragma once
// Monotonic time in nanoseconds, for headers that take durations and cannot afford <chrono>. Floor 2.

#include <daemonkit/detail/syscall.hpp>

#include <cstdint>
#include <limits>

#include <time.h>  // timespec, CLOCK_MONOTONIC

namespace daemonkit::detail {

/// A length or a point of time.
using Nanoseconds = std::int64_t;

/// Longer than any wait.
inline constexpr Nanoseconds forever = std::numeric_limits<Nanoseconds>::max();

/// Now, on a clock that nobody sets.
inline Nanoseconds monotonic_now() noexcept {
    struct ::timespec now {};
    sys::clock_gettime(CLOCK_MONOTONIC, &now);
    return Nanoseconds{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// A std::chrono::duration of any kind; one that is out of range is `forever`, or as long ago.
template <class Duration>
constexpr Nanoseconds nanoseconds_in(const Duration& duration) noexcept {
    using Period = typename Duration::period;
    constexpr long double each = 1e9L * Period::num / Period::den;
    constexpr auto most = static_cast<long double>(forever);
    const long double total = each * static_cast<long double>(duration.count());
    if (total <= -most) return -forever;
    return total < most ? static_cast<Nanoseconds>(total) : forever;
}

}  // namespace daemonkit::detail

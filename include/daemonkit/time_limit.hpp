// SPDX-License-Identifier: MIT
#pragma once
// TimeLimit: how long something may take, for options that cannot afford <chrono>. Floor 3.

#include <daemonkit/detail/monotonic.hpp>

namespace daemonkit {

/// A length of time, made from any std::chrono::duration; without one there is no limit.
class TimeLimit {
public:
    /// No limit.
    constexpr TimeLimit() noexcept = default;

    /// The limit is that long; a negative one is over at once.
    template <class Duration, class = typename Duration::period>
    constexpr TimeLimit(const Duration& time) noexcept  // NOLINT: `.time_limit = 5s` is its use
        : nanoseconds_(detail::nanoseconds_in(time)) {}

    /// The same without <chrono>.
    static constexpr TimeLimit of_seconds(int seconds) noexcept {
        TimeLimit limit;
        limit.nanoseconds_ = detail::Nanoseconds{seconds} * 1'000'000'000;
        return limit;
    }

    /// The time, or `detail::forever`.
    constexpr detail::Nanoseconds nanoseconds() const noexcept { return nanoseconds_; }

private:
    detail::Nanoseconds nanoseconds_ = detail::forever;
};

namespace detail {

/// The moment on the monotonic clock at which the limit is over, counted from now.
inline Nanoseconds end_of(TimeLimit limit) noexcept {
    const Nanoseconds now = monotonic_now();
    return limit.nanoseconds() < forever - now ? now + limit.nanoseconds() : forever;
}

}  // namespace detail

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// TimeBound: how long a call may hold up its caller. Floor 2.

#include <daemonkit/detail/monotonic.hpp>

namespace daemonkit {

/// A length of time: any std::chrono::duration becomes one, as in `.bound = 250ms`; 100 ms where nothing is said.
///
/// <chrono> itself is left to those who use it: it costs more to compile than a sink.
class TimeBound {
public:
    constexpr TimeBound() noexcept = default;

    /// The duration; one below zero is zero.
    template <class Duration>
    requires requires { typename Duration::period; }
    constexpr TimeBound(const Duration& duration) noexcept  // NOLINT(google-explicit-constructor)
        : nanoseconds_(detail::nanoseconds_in(duration)) {
        if (nanoseconds_ < 0) nanoseconds_ = 0;
    }

    constexpr detail::Nanoseconds nanoseconds() const noexcept { return nanoseconds_; }

private:
    detail::Nanoseconds nanoseconds_ = 100'000'000;
};

namespace detail {

/// That point of time; `forever` where the clock ends first.
constexpr Nanoseconds later_by(Nanoseconds now, TimeBound bound) noexcept {
    return bound.nanoseconds() < forever - now ? now + bound.nanoseconds() : forever;
}

}  // namespace detail

}  // namespace daemonkit

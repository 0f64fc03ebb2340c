// SPDX-License-Identifier: MIT
#pragma once
// Timeout: a length of time, from any std::chrono::duration. Floor 0.
//
// It needs no <chrono>, which some standard libraries make cost more than all of a header: that is for whoever writes
// `30s` to include.

#include <cstdint>
#include <limits>

namespace daemonkit {

namespace detail {

/// A length or a point of time.
using Nanoseconds = std::int64_t;

/// Longer than any wait.
inline constexpr Nanoseconds forever = std::numeric_limits<Nanoseconds>::max();

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

}  // namespace detail

/// How long something may take. Every std::chrono::duration converts to it: `.ready_timeout = 5s`.
///
/// Shape:    whole nanoseconds; what is out of range is the longest there is, some 292 years.
class Timeout {
public:
    /// As long as the duration.
    template <class Duration, class = typename Duration::period>
    constexpr Timeout(const Duration& duration) noexcept  // not explicit: 5s is a timeout
        : nanoseconds_(detail::nanoseconds_in(duration)) {}

    /// So many seconds, where `<chrono>` is not included.
    static constexpr Timeout seconds(std::int32_t count) noexcept {
        return Timeout(Count{std::int64_t{count} * 1'000'000'000});
    }
    /// So many milliseconds.
    static constexpr Timeout milliseconds(std::int32_t count) noexcept {
        return Timeout(Count{std::int64_t{count} * 1'000'000});
    }
    /// So many nanoseconds.
    static constexpr Timeout nanoseconds(std::int64_t count) noexcept {
        return Timeout(Count{count});
    }

    /// All of it.
    constexpr std::int64_t in_nanoseconds() const noexcept { return nanoseconds_; }

    /// A millisecond that has begun counts as a whole one.
    constexpr std::int64_t in_milliseconds() const noexcept {
        return nanoseconds_ / 1'000'000 + (nanoseconds_ % 1'000'000 > 0 ? 1 : 0);
    }

private:
    struct Count {
        std::int64_t nanoseconds;
    };
    constexpr explicit Timeout(Count count) noexcept : nanoseconds_(count.nanoseconds) {}

    std::int64_t nanoseconds_;
};

}  // namespace daemonkit

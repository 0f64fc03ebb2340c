// SPDX-License-Identifier: MIT
#include <daemonkit/detail/monotonic.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

using namespace daemonkit::detail;

TEST_CASE("monotonic_now: goes forward, with the steady clock", "[monotonic][unit]") {
    const auto before = std::chrono::steady_clock::now().time_since_epoch();
    const auto now = monotonic_now();
    const auto after = std::chrono::steady_clock::now().time_since_epoch();
    CHECK(before.count() <= now);
    CHECK(now <= after.count());
}

TEST_CASE("monotonic_after: later than now, and never past the last number", "[monotonic][unit]") {
    const auto before = monotonic_now();
    const auto later = monotonic_after(1'000);
    CHECK(later >= before + 1'000);
    CHECK(later <= monotonic_now() + 1'000);
    CHECK(monotonic_after(forever) == forever);
    CHECK(monotonic_after(forever - 1) == forever);
    // What is over is over now: the time left until then is a number as well.
    const auto over = monotonic_after(-forever);
    CHECK(over >= before);
    CHECK(over <= monotonic_now());
}

TEST_CASE("timespec_of: seconds and the rest; what is over does not wait", "[monotonic][unit]") {
    CHECK(timespec_of(2'000'000'003).tv_sec == 2);
    CHECK(timespec_of(2'000'000'003).tv_nsec == 3);
    CHECK(timespec_of(0).tv_nsec == 0);
    CHECK(timespec_of(-1).tv_nsec == 0);
    CHECK(timespec_of(-2'000'000'000).tv_sec == 0);
}

TEST_CASE("timespec_of: no wait is longer than a time_t of 32 bits can say", "[monotonic][unit]") {
    constexpr auto most = std::numeric_limits<std::int32_t>::max();
    for (const Nanoseconds time : {Nanoseconds{4'000'000'000} * 1'000'000'000, forever}) {
        CHECK(timespec_of(time).tv_sec <= most);
        CHECK(timespec_of(time).tv_sec >= most / 4);
    }
}

// SPDX-License-Identifier: MIT
#include <daemonkit/detail/monotonic.hpp>

#include "catch.hpp"

#include <chrono>
#include <limits>

using namespace daemonkit::detail;
using namespace std::chrono_literals;

TEST_CASE("nanoseconds_in: durations of every unit", "[monotonic][unit]") {
    CHECK(nanoseconds_in(0s) == 0);
    CHECK(nanoseconds_in(1ns) == 1);
    CHECK(nanoseconds_in(250us) == 250'000);
    CHECK(nanoseconds_in(-5ms) == -5'000'000);
    CHECK(nanoseconds_in(2h) == 7'200'000'000'000);
    CHECK(nanoseconds_in(std::chrono::duration<double>(1.5)) == 1'500'000'000);
    CHECK(nanoseconds_in(std::chrono::nanoseconds(forever - 1)) == forever - 1);
}

TEST_CASE("nanoseconds_in: more than there is, is for ever", "[monotonic][unit]") {
    CHECK(nanoseconds_in(std::chrono::hours::max()) == forever);
    CHECK(nanoseconds_in(std::chrono::milliseconds::max()) == forever);
    CHECK(nanoseconds_in(std::chrono::nanoseconds::max()) == forever);
    CHECK(nanoseconds_in(std::chrono::duration<double>(std::numeric_limits<double>::infinity())) ==
          forever);
    CHECK(nanoseconds_in(std::chrono::hours::min()) < 0);
}

TEST_CASE("monotonic_now: goes forward, with the steady clock", "[monotonic][unit]") {
    const auto before = std::chrono::steady_clock::now().time_since_epoch();
    const auto now = monotonic_now();
    const auto after = std::chrono::steady_clock::now().time_since_epoch();
    CHECK(before.count() <= now);
    CHECK(now <= after.count());
}

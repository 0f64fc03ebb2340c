// SPDX-License-Identifier: MIT
#include <daemonkit/timeout.hpp>

#include "catch.hpp"

#include <chrono>
#include <limits>

using namespace daemonkit;
using namespace daemonkit::detail;
using namespace std::chrono_literals;

TEST_CASE("nanoseconds_in: durations of every unit", "[timeout][unit]") {
    CHECK(nanoseconds_in(0s) == 0);
    CHECK(nanoseconds_in(1ns) == 1);
    CHECK(nanoseconds_in(250us) == 250'000);
    CHECK(nanoseconds_in(-5ms) == -5'000'000);
    CHECK(nanoseconds_in(2h) == 7'200'000'000'000);
    CHECK(nanoseconds_in(std::chrono::duration<double>(1.5)) == 1'500'000'000);
    CHECK(nanoseconds_in(std::chrono::nanoseconds(forever - 1)) == forever - 1);
}

TEST_CASE("nanoseconds_in: more than there is, is for ever", "[timeout][unit]") {
    CHECK(nanoseconds_in(std::chrono::hours::max()) == forever);
    CHECK(nanoseconds_in(std::chrono::milliseconds::max()) == forever);
    CHECK(nanoseconds_in(std::chrono::nanoseconds::max()) == forever);
    CHECK(nanoseconds_in(std::chrono::duration<double>(std::numeric_limits<double>::infinity())) ==
          forever);
    CHECK(nanoseconds_in(std::chrono::hours::min()) < 0);
}

TEST_CASE("Timeout: any duration converts to it", "[timeout][unit]") {
    const auto nanoseconds = [](Timeout timeout) { return timeout.in_nanoseconds(); };
    CHECK(nanoseconds(5s) == 5'000'000'000);
    CHECK(nanoseconds(std::chrono::duration<double>(0.5)) == 500'000'000);
    CHECK(nanoseconds(-1ms) == -1'000'000);
    CHECK(nanoseconds(Timeout::seconds(2'000'000'000)) == 2'000'000'000'000'000'000);
    CHECK(nanoseconds(Timeout::milliseconds(-3)) == -3'000'000);
}

TEST_CASE("Timeout: a millisecond that has begun is a whole one", "[timeout][unit]") {
    CHECK(Timeout(0ms).in_milliseconds() == 0);
    CHECK(Timeout(1ns).in_milliseconds() == 1);
    CHECK(Timeout(1ms).in_milliseconds() == 1);
    CHECK(Timeout(1'000'001ns).in_milliseconds() == 2);
    CHECK(Timeout(-1ms).in_milliseconds() == -1);
    CHECK(Timeout(std::chrono::hours::max()).in_milliseconds() > 9'000'000'000'000);
}

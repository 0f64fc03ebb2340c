// SPDX-License-Identifier: MIT
#include <daemonkit/detail/signal_name.hpp>

#include "catch.hpp"

#include <csignal>
#include <set>
#include <string>

using namespace daemonkit::detail;

static_assert(standard_signal_name(SIGTERM)[3] == 'T');
static_assert(standard_signal_name(0) == nullptr);

TEST_CASE("signal_name: the name that kill -l has", "[signal_name][unit]") {
    CHECK(signal_name(SIGKILL) == "SIGKILL");
    CHECK(signal_name(SIGCHLD) == "SIGCHLD");
    CHECK(signal_name(SIGRTMIN) == "SIGRTMIN");
    CHECK(signal_name(SIGRTMIN + 3) == "SIGRTMIN+3");
    CHECK(signal_name(0) == "signal 0");
    CHECK(signal_name(-1) == "signal -1");
    CHECK(signal_name(SIGRTMIN - 1) == "signal " + std::to_string(SIGRTMIN - 1));
}

TEST_CASE("signal_name: each signal below the real-time ones has a name of its own",
          "[signal_name][unit]") {
    std::set<std::string> names;
    for (int number = 1; number < 32; ++number) {
        CAPTURE(number);
        REQUIRE(standard_signal_name(number) != nullptr);
        CHECK(names.insert(signal_name(number)).second);
    }
}

TEST_CASE("signal_name: libc's own numbers are neither standard nor real-time",
          "[signal_name][unit]") {
    CHECK_FALSE(is_real_time_signal(SIGTERM));
    CHECK_FALSE(is_real_time_signal(SIGRTMIN - 1));
    CHECK(is_real_time_signal(SIGRTMIN));
    CHECK(is_real_time_signal(SIGRTMAX));
    CHECK_FALSE(is_real_time_signal(SIGRTMAX + 1));
    CHECK(SIGRTMAX < signal_numbers);
}

// SPDX-License-Identifier: MIT
#include <daemonkit/stop_on.hpp>

#include "catch.hpp"

#include <csignal>
#include <type_traits>

#ifdef __cpp_lib_jthread

#include <thread>

using daemonkit::SignalSet;
using daemonkit::StopOn;

static_assert(!std::is_copy_constructible_v<StopOn>);

TEST_CASE("StopOn: a request ends a wait that has begun", "[stop_on][unit]") {
    int last = -1;
    std::jthread worker([&](const std::stop_token& token) {
        SignalSet signals({SIGUSR1});
        const StopOn stopping(signals, token);
        ::pthread_kill(::pthread_self(), SIGUSR1);
        last = signals.wait().number;
        if (last == SIGUSR1) last = signals.wait().number;
    });
    worker.request_stop();
    worker.join();
    CHECK(last == 0);
}

TEST_CASE("StopOn: a request that was there before ends the first wait", "[stop_on][unit]") {
    std::stop_source source;
    source.request_stop();
    SignalSet signals({SIGUSR1});
    const StopOn stopping(signals, source.get_token());
    CHECK(signals.stopped());
    CHECK(signals.run().number == 0);
}

TEST_CASE("StopOn: a request after its end does nothing", "[stop_on][unit]") {
    std::stop_source source;
    SignalSet signals({SIGUSR1});
    { const StopOn stopping(signals, source.get_token()); }
    source.request_stop();
    CHECK_FALSE(signals.stopped());
}

#else

#include "not_tested.hpp"

TEST_CASE("StopOn: is not there without stop tokens", "[stop_on][unit]") {
    daemonkit::testkit::not_tested("this standard library has no stop tokens");
}

#endif

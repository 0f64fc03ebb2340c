// SPDX-License-Identifier: MIT
#include <daemonkit/watchdog.hpp>

#include "catch.hpp"
#include "notify_receiver.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;

namespace {

/// The variables of a manager, as they are for this process.
struct Manager {
    explicit Manager(const std::string& usec) {
        ::setenv("WATCHDOG_USEC", usec.c_str(), 1);
        ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    }
    ~Manager() {
        ::unsetenv("WATCHDOG_USEC");
        ::unsetenv("WATCHDOG_PID");
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    std::string next(int limit_ms = 30'000) const { return receiver.next(limit_ms).text; }

    TempFolder folder;
    NotifyReceiver receiver{folder / "notify"};
    Notifier notifier{receiver.address().c_str()};
};

/// Until the clock has gone on by that much.
void let_pass(std::chrono::milliseconds time) {
    const auto then = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() <= then) ::poll(nullptr, 0, 1);
}

}  // namespace

TEST_CASE("Watchdog: a sign of life for every check, twice in the manager's time",
          "[watchdog][unit]") {
    const Manager manager("3000000");
    Watchdog watchdog(manager.notifier);
    CHECK(watchdog.is_enabled());
    CHECK(watchdog.interval().in_nanoseconds() == 1'500'000'000);
    CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
    CHECK(std::getenv("WATCHDOG_PID") == nullptr);
    CHECK_FALSE(watchdog.check());
    CHECK_FALSE(watchdog.check());
    CHECK(manager.next() == "WATCHDOG=1");
    CHECK(manager.next() == "WATCHDOG=1");
    CHECK(manager.next(0).empty());
}

TEST_CASE("Watchdog: a time that is none, or is not for this process, is not taken",
          "[watchdog][unit]") {
    const std::string usec = GENERATE(as<std::string>{}, "", "0", "-1", "1e9", " 1", "1s",
                                      "99999999999999999999", "18446744073709551615");
    const Manager manager(usec);
    Watchdog watchdog(manager.notifier);
    CHECK_FALSE(watchdog.is_enabled());
    CHECK(watchdog.interval().in_nanoseconds() == 10'000'000'000);
    CHECK_FALSE(watchdog.check());

    ::setenv("WATCHDOG_USEC", "1000000", 1);
    ::setenv("WATCHDOG_PID", GENERATE("1", "", "x", "0"), 1);
    Watchdog other(manager.notifier);
    CHECK_FALSE(other.is_enabled());
    CHECK_FALSE(other.check());
    CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
    CHECK(manager.next(0).empty());
}

TEST_CASE("Watchdog: a time that cannot be kept does not make the program spin",
          "[watchdog][unit]") {
    const Manager manager(GENERATE("1", "1999"));
    CHECK(Watchdog(manager.notifier).interval().in_nanoseconds() == 1'000'000);
}

TEST_CASE("Watchdog: a part that makes no progress ends the signs of life, until it goes on",
          "[watchdog][unit]") {
    const Manager manager("60000000");
    Watchdog watchdog(manager.notifier);
    Watchdog::Part slow(watchdog, "slow", 10ms);
    Watchdog::Part fast(watchdog, "fast");
    CHECK_FALSE(watchdog.check());
    CHECK(manager.next() == "WATCHDOG=1");
    let_pass(10ms);
    CHECK(watchdog.check() == "slow");
    CHECK(watchdog.check() == "slow");
    CHECK(manager.next() == "STATUS=no progress: slow");  // once
    CHECK(manager.next(0).empty());
    slow.progress();
    CHECK_FALSE(watchdog.check());
    CHECK(manager.next() == "WATCHDOG=1");

    let_pass(10ms);
    slow.pause();
    CHECK_FALSE(watchdog.check());
    CHECK(manager.next() == "WATCHDOG=1");
    slow.resume();
    CHECK_FALSE(watchdog.check());
    let_pass(10ms);
    CHECK(watchdog.check() == "slow");
}

TEST_CASE("Watchdog: the time for which the whole process was stopped is held against no part",
          "[watchdog][unit]") {
    const Manager manager("100000");
    Watchdog watchdog(manager.notifier);
    const Watchdog::Part part(watchdog, "worker");
    let_pass(80ms);
    CHECK_FALSE(watchdog.check());
    CHECK(manager.next() == "WATCHDOG=1");
    let_pass(50ms);
    CHECK(watchdog.check() == "worker");
}

TEST_CASE("Watchdog: a part that is gone is not waited for", "[watchdog][unit]") {
    const Manager manager("60000000");
    Watchdog watchdog(manager.notifier);
    Watchdog::Part first(watchdog, "first");
    {
        const Watchdog::Part middle(watchdog, "middle", 1ms);
        const Watchdog::Part last(watchdog, "last", 1h);
        let_pass(1ms);
        CHECK(watchdog.check() == "middle");
    }
    CHECK_FALSE(watchdog.check());
    const Watchdog::Part again(watchdog, "again", 1ms);
    let_pass(1ms);
    CHECK(watchdog.check() == "again");
}

TEST_CASE("Watchdog: where that is asked for, the manager acts at once", "[watchdog][unit]") {
    const Manager manager("60000000");
    Watchdog watchdog(manager.notifier, Stalled::trigger);
    const Watchdog::Part part(watchdog, "worker", 1ms);
    let_pass(1ms);
    CHECK(watchdog.check() == "worker");
    CHECK(manager.next() == "STATUS=no progress: worker");
    CHECK(manager.next() == "WATCHDOG=trigger");
    CHECK(watchdog.check() == "worker");
    CHECK(manager.next(0).empty());
}

TEST_CASE("Watchdog: without a manager it tells the program all the same", "[watchdog][unit]") {
    const Notifier nobody;
    Watchdog watchdog(nobody);
    Watchdog::Part part(watchdog, "worker", 1ms);
    let_pass(1ms);
    CHECK(watchdog.check() == "worker");
    part.progress();
}

TEST_CASE("Watchdog: parts of many threads come, get on and go while it is checked",
          "[watchdog][unit]") {
    const Manager manager("60000000");
    Watchdog watchdog(manager.notifier);
    std::atomic<bool> is_over{false};
    std::vector<std::jthread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&, number] {
            for (int round = 0; round < 500; ++round) {
                Watchdog::Part part(watchdog, "thread " + std::to_string(number), 1h);
                part.progress();
                part.pause();
                part.resume();
            }
        });
    }
    std::jthread reader([&] {
        while (!is_over) static_cast<void>(manager.next(1));
    });
    for (int i = 0; i < 200; ++i) CHECK_FALSE(watchdog.check());
    threads.clear();
    is_over = true;
}

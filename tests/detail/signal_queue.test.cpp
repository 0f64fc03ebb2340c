// SPDX-License-Identifier: MIT
#include <daemonkit/detail/signal_queue.hpp>

#include "catch.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using daemonkit::SignalInfo;
using daemonkit::detail::SignalQueue;

namespace {

SignalInfo numbered(int number) {
    SignalInfo signal;
    signal.value = number;
    return signal;
}

}  // namespace

TEST_CASE("SignalQueue: what goes in comes out, in order, over many laps", "[signal_queue][unit]") {
    SignalQueue queue;
    SignalInfo signal;
    int in = 0;
    int out = 0;
    for (int round = 0; round < 2000; ++round) {
        for (int i = 0; i < 1 + round % 7; ++i) REQUIRE(queue.push(numbered(in++)));
        while (queue.size() > static_cast<std::size_t>(round % 3)) {
            REQUIRE(queue.pop(signal));
            REQUIRE(signal.value == out++);
        }
    }
    CHECK(in - out == static_cast<int>(queue.size()));
}

TEST_CASE("SignalQueue: full it takes no more, empty it has none", "[signal_queue][unit]") {
    SignalQueue queue;
    SignalInfo signal;
    for (int lap = 0; lap < 3; ++lap) {
        CHECK(queue.empty());
        CHECK_FALSE(queue.pop(signal));
        for (std::size_t i = 0; i < SignalQueue::capacity; ++i) CHECK(queue.push(numbered(1)));
        CHECK_FALSE(queue.push(numbered(2)));
        CHECK(queue.size() == SignalQueue::capacity);
        CHECK_FALSE(queue.empty());
        for (std::size_t i = 0; i < SignalQueue::capacity; ++i)
            CHECK((queue.pop(signal) && signal.value == 1));
    }
}

TEST_CASE("SignalQueue: cleared it is as new", "[signal_queue][unit]") {
    SignalQueue queue;
    SignalInfo signal;
    for (int i = 0; i < 300; ++i) {
        queue.push(numbered(i));
        if (i % 2 == 0) queue.pop(signal);
    }
    queue.clear();
    CHECK(queue.empty());
    CHECK(queue.size() == 0);
    CHECK((queue.push(numbered(7)) && queue.pop(signal) && signal.value == 7));
}

TEST_CASE("SignalQueue: several writers and readers, each signal once and each writer's in order",
          "[signal_queue][unit]") {
    constexpr int writers = 3;
    constexpr int each = 20'000;
    SignalQueue queue;
    std::atomic<int> taken{0};
    std::atomic<int> wrong{0};
    const std::unique_ptr<std::atomic<int>[]> seen(new std::atomic<int>[writers * each] {});
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer)
        threads.emplace_back([&, writer] {
            for (int i = 0; i < each; ++i)
                while (!queue.push(numbered(writer * each + i))) std::this_thread::yield();
        });
    for (int reader = 0; reader < 2; ++reader)
        threads.emplace_back([&] {
            int last[writers] = {-1, -1, -1};
            SignalInfo signal;
            while (taken < writers * each) {
                if (!queue.pop(signal)) {
                    std::this_thread::yield();
                    continue;
                }
                ++taken;
                if (seen[static_cast<std::size_t>(signal.value)]++ != 0) ++wrong;
                int& before = last[signal.value / each];
                if (signal.value <= before) ++wrong;
                before = signal.value;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(taken == writers * each);
    CHECK(queue.empty());
}

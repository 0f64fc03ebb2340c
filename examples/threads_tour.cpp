// SPDX-License-Identifier: MIT
// Threads: create, id, join, detach, a race that loses updates every time, and two ways to mend it.
#include <atomic>
#include <barrier>
#include <cstdio>
#include <exception>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int increments = 1000;  // of each of two threads

/// Each thread has an id of its own, and who joins it sees all that it did.
void create_and_join() {
    std::vector<std::thread> threads;
    std::vector<std::thread::id> seen_inside(3);
    for (auto& id : seen_inside) threads.emplace_back([&id] { id = std::this_thread::get_id(); });

    std::set<std::thread::id> ids{std::this_thread::get_id()};
    for (const auto& thread : threads)
        ids.insert(thread.get_id());  // a thread has none once joined
    std::printf("create: 4 threads with main, %zu ids\n", ids.size());

    // A std::thread that is neither joined nor detached ends the program; a std::jthread joins by itself.
    for (auto& thread : threads) thread.join();
    for (const auto id : seen_inside) ids.erase(id);
    std::printf("join: the ids they saw themselves are the same, %zu is left: main's\n",
                ids.size());
}

/// A detached thread owns all that it uses, and says when it is done: nobody can join it.
void detach() {
    std::promise<std::string> promise;
    auto result = promise.get_future();
    std::thread alone([promise = std::move(promise)]() mutable { promise.set_value("done"); });
    alone.detach();
    std::printf("detach: it %s be joined any more; it says: ", alone.joinable() ? "can" : "cannot");
    std::puts(result.get().c_str());
}

template <class Work>
void run_two(Work work) {
    std::thread first(work);
    std::thread second(work);
    first.join();
    second.join();
}

/// Load and store are atomic, and the two together are not: both threads add to the same value, one store is lost.
///
/// The barrier stands for the moment at which a scheduler takes turns; without it the loss is a matter of luck. With
/// a plain int in place of the atomic one the program would have no meaning at all.
int race() {
    // [race]
    std::atomic<int> counter{0};
    std::barrier turn(2);
    run_two([&] {
        for (int i = 0; i < increments; ++i) {
            const int seen = counter.load();
            turn.arrive_and_wait();
            counter.store(seen + 1);
            turn.arrive_and_wait();
        }
    });
    // [race]
    return counter;
}

/// One step that nothing comes between.
int mended_by_one_step() {
    std::atomic<int> counter{0};
    run_two([&] {
        for (int i = 0; i < increments; ++i) counter.fetch_add(1);
    });
    return counter;
}

/// Several steps, of which one thread at a time does all: for what is more than a number.
int mended_by_a_mutex() {
    int counter = 0;
    std::mutex mutex;
    run_two([&] {
        for (int i = 0; i < increments; ++i) {
            const std::lock_guard lock(mutex);
            const int seen = counter;
            counter = seen + 1;
        }
    });
    return counter;
}

}  // namespace

int main(int, char** argv) try {
    create_and_join();
    detach();
    std::printf("race: %d of %d\n", race(), 2 * increments);
    std::printf("mended by one step: %d of %d\n", mended_by_one_step(), 2 * increments);
    std::printf("mended by a mutex: %d of %d\n", mended_by_a_mutex(), 2 * increments);
    return std::fflush(stdout) == 0 ? 0 : 74;
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());  // no thread could be made
    return 71;
}

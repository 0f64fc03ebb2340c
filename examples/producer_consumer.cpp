// SPDX-License-Identifier: MIT
// A daemon of a producer and a consumer that loses nothing: SIGTERM stops the producer, the consumer takes what is left.
//
//   producer_consumer LOG PID_FILE [PRODUCE CONSUME]     until SIGTERM or SIGINT
//   producer_consumer --foreground [PRODUCE CONSUME]     the same, to standard output
//
// PRODUCE and CONSUME are the microseconds from one item to the next, and for the work on one: a second, and nothing.
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>

namespace {

using Item = std::uint64_t;
using std::chrono::microseconds;

/// Hands items from thread to thread, in order; who brings one waits while there is no room.
class BoundedQueue {
public:
    /// The item is in the queue.
    void push(Item item) {
        std::unique_lock lock(mutex_);
        has_room_.wait(lock, [&] { return count_ < items_.size(); });
        items_[(first_ + count_++) % items_.size()] = item;
        has_items_.notify_one();
    }

    /// The oldest item; nothing when there is none and none will come.
    std::optional<Item> pop() {
        std::unique_lock lock(mutex_);
        has_items_.wait(lock, [&] { return count_ > 0 || closed_; });
        if (count_ == 0) return std::nullopt;
        const Item item = items_[first_];
        first_ = (first_ + 1) % items_.size();
        --count_;
        has_room_.notify_one();
        return item;
    }

    /// No item comes after this; those that are there can still be taken.
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        has_items_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable has_room_;
    std::condition_variable has_items_;
    std::array<Item, 8> items_{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    bool closed_ = false;
};

/// Closes the queue at the end of its scope.
class Closing {
public:
    explicit Closing(BoundedQueue& queue) : queue_(queue) {}
    ~Closing() { queue_.close(); }
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;

private:
    BoundedQueue& queue_;
};

/// What each side counts for itself; main reads it when the threads have ended.
struct Counts {
    std::uint64_t produced = 0;
    std::uint64_t consumed = 0;
    std::uint64_t out_of_order = 0;
};

void produce(const std::stop_token& stop, BoundedQueue& queue, Counts& counts, microseconds pause) {
    std::mutex mutex;
    std::condition_variable_any stopping;
    std::unique_lock lock(mutex);
    const auto is_over = [&] { return stop.stop_requested(); };
    // A stop ends the pause at once. It does not end the push: what is produced is handed over.
    do queue.push(++counts.produced);
    while (pause > pause.zero() ? !stopping.wait_for(lock, stop, pause, is_over) : !is_over());
}

void consume(BoundedQueue& queue, Counts& counts, microseconds work) {
    while (const auto item = queue.pop()) {
        if (work > microseconds::zero()) std::this_thread::sleep_for(work);
        if (*item != ++counts.consumed) ++counts.out_of_order;
    }
}

std::optional<microseconds> parse(std::string_view text) {
    microseconds::rep count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    constexpr microseconds::rep day = 86'400'000'000;
    if (!is_number || count < 0 || count > day) return std::nullopt;
    return microseconds(count);
}

int use(const char* program) {
    std::fprintf(stderr, "usage: %s LOG PID_FILE | --foreground [PRODUCE CONSUME]\n", program);
    return 64;
}

}  // namespace

int main(int argc, char** argv) try {
    daemonkit::DaemonOptions options;
    int given = 1;
    if (argc > 1 && std::strcmp(argv[1], "--foreground") == 0) {
        options.detach = daemonkit::Detach::never;
        options.out = options.err = daemonkit::Inherit{};
        given = 2;
    } else if (argc > 2) {
        options.out = options.err = daemonkit::AppendTo{argv[1]};
        options.pid_file = argv[2];
        given = 3;
    } else {
        return use(argv[0]);
    }
    std::optional<microseconds> pause = std::chrono::seconds(1);
    std::optional<microseconds> work = microseconds::zero();
    if (argc == given + 2) {
        pause = parse(argv[given]);
        work = parse(argv[given + 1]);
    }
    if ((argc != given && argc != given + 2) || !pause || !work) return use(argv[0]);

    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonContext daemon(options);  // before the first thread

    // Threads inherit the mask: all signals are left to this one.
    sigset_t every;
    sigfillset(&every);
    ::pthread_sigmask(SIG_BLOCK, &every, nullptr);
    std::puts("started");
    std::fflush(stdout);

    Counts counts;
    // [drain]
    {
        BoundedQueue queue;
        const std::jthread consumer(consume, std::ref(queue), std::ref(counts), *work);
        const Closing closing(queue);
        const std::jthread producer(produce, std::ref(queue), std::ref(counts), *pause);
        signals.wait();
    }  // In this order: the producer is stopped and joined, the queue closed, the consumer joined.
    // [drain]
    std::printf("produced %ju, consumed %ju, out of order %ju\n",
                static_cast<std::uintmax_t>(counts.produced),
                static_cast<std::uintmax_t>(counts.consumed),
                static_cast<std::uintmax_t>(counts.out_of_order));
    if (std::fflush(stdout) != 0) return 74;
    return counts.produced == counts.consumed && counts.out_of_order == 0 ? 0 : 70;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

// SPDX-License-Identifier: MIT
#pragma once
// What every program of the start benchmark does around its start: start_PROGRAM REPORT_FD HEAP_MIB [stay].
// As its first own act the daemon writes a Report to REPORT_FD; then it ends, or waits for SIGTERM as its kind does.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <unistd.h>

namespace bench {

using Clock = std::chrono::steady_clock;

/// What the daemon tells; programs/start_python.py packs the same.
struct Report {
    std::int64_t took = 0;  ///< nanoseconds from the call to the daemon's first own instruction
    std::int64_t at = 0;    ///< when that was, by the monotonic clock
    std::int64_t pid = 0;
};

struct Start {
    int report = -1;
    bool stays = false;
    std::unique_ptr<char[]> heap;
    Clock::time_point called;
};

/// Reads the arguments, touches the heap, and takes the time.
inline Start begin(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s REPORT_FD HEAP_MIB [stay]\n", argv[0]);
        std::exit(64);
    }
    Start start;
    start.report = std::atoi(argv[1]);
    start.stays = argc > 3;
    const std::size_t size = static_cast<std::size_t>(std::atoi(argv[2])) << 20U;
    start.heap = std::make_unique<char[]>(size + 1);
    for (std::size_t at = 0; at < size; at += 4096) start.heap[at] = 1;
    start.called = Clock::now();
    return start;
}

/// In the daemon, as its first own act.
inline void tell_ready(const Start& start) {
    const auto now = Clock::now();
    const Report report{std::chrono::nanoseconds(now - start.called).count(),
                        std::chrono::nanoseconds(now.time_since_epoch()).count(), ::getpid()};
    if (::write(start.report, &report, sizeof report) != sizeof report) std::abort();
}

}  // namespace bench

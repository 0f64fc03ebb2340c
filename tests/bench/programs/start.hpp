// SPDX-License-Identifier: MIT
#pragma once
// What every program of the start benchmark does around its start: start_PROGRAM REPORT_FD HEAP_MIB.
// The daemon writes the nanoseconds from the call to its first own instruction to REPORT_FD, and ends.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <unistd.h>

namespace bench {

using Clock = std::chrono::steady_clock;

struct Start {
    int report = -1;
    std::unique_ptr<char[]> heap;
    Clock::time_point called;
};

/// Reads the arguments, touches the heap, and takes the time.
inline Start begin(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s REPORT_FD HEAP_MIB\n", argv[0]);
        std::exit(64);
    }
    Start start;
    start.report = std::atoi(argv[1]);
    const std::size_t size = static_cast<std::size_t>(std::atoi(argv[2])) << 20U;
    start.heap = std::make_unique<char[]>(size + 1);
    for (std::size_t at = 0; at < size; at += 4096) start.heap[at] = 1;
    start.called = Clock::now();
    return start;
}

/// In the daemon, as its first own act.
inline void tell_ready(const Start& start) {
    const std::chrono::nanoseconds::rep time =
        std::chrono::nanoseconds(Clock::now() - start.called).count();
    if (::write(start.report, &time, sizeof time) != sizeof time) std::abort();
}

}  // namespace bench

// SPDX-License-Identifier: MIT
// The smallest daemon that starts, works and stops as it should. `kill $(cat hello.pid)` stops it.

// [hello]
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>

int main() try {
    daemonkit::SignalSet signals({SIGTERM, SIGINT});  // before the start: no signal gets lost
    daemonkit::DaemonContext daemon({
        .out = daemonkit::AppendTo{"hello.log"},  // found and opened here, before anything forks
        .pid_file = "hello.pid",                  // locked: a second instance is refused by name
    });
    // This is the daemon. The shell has its prompt back, with status 0.
    auto tick = std::chrono::steady_clock::now();
    while (!signals.wait_until(tick += std::chrono::seconds(1))) {
        if (std::puts("alive") < 0 || std::fflush(stdout) != 0) return 74;
    }
} catch (const daemonkit::Error& error) {
    // This is the launcher: whatever failed, before the forks or after them, is told here.
    std::fprintf(stderr, "hello: %s\n", error.what());
    return error.exit_status();
}
// [hello]

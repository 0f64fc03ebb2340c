// SPDX-License-Identifier: MIT
// Signs of life for a service manager, as long as the worker gets on.
//
//   guide_watchdog LOG PID_FILE [HANG]   writes a line every 20 ms until SIGTERM; after HANG lines the worker hangs
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/watchdog.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

namespace {

using namespace std::chrono_literals;

void work(const std::stop_token& token, daemonkit::Watchdog::Part& part, long hang_after) {
    for (long lines = 0; !token.stop_requested(); std::this_thread::sleep_for(20ms)) {
        if (hang_after > 0 && lines == hang_after) continue;
        std::printf("line %ld\n", ++lines);
        std::fflush(stdout);
        part.progress();
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3 || argc > 4) {
        std::fprintf(stderr, "usage: %s LOG PID_FILE [HANG]\n", argv[0]);
        return 64;
    }
    const long hang_after = argc == 4 ? std::strtol(argv[3], nullptr, 10) : 0;
    // [watchdog]
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    daemonkit::DaemonContext daemon({.out = daemonkit::AppendTo{argv[1]}, .pid_file = argv[2]});

    daemonkit::Watchdog watchdog(daemon.notifier());  // WatchdogSec= of the unit, if there is one
    daemonkit::Watchdog::Part part(watchdog, "worker");
    std::jthread worker([&](const std::stop_token& token) { work(token, part, hang_after); });

    while (!signals.wait_for(watchdog.interval())) {
        if (const auto stalled = watchdog.check())
            std::fprintf(stderr, "no progress: %s\n", stalled->c_str());
    }
    // [watchdog]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

// SPDX-License-Identifier: MIT
// A daemon with a log of its own, which it rotates by size; SIGUSR1 rotates it at once. Where another program has
// renamed the log, SIGHUP opens it anew.
//
//   rotating_log LOG PID_FILE [BYTES]   writes a line every 10 ms until SIGTERM or SIGINT
#include <daemonkit/context.hpp>
#include <daemonkit/log_file.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) try {
    if (argc != 3 && argc != 4) {
        std::fprintf(stderr, "usage: %s LOG PID_FILE [BYTES]\n", argv[0]);
        return 64;
    }
    const std::uint64_t bytes = argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 10 * 1024 * 1024;
    // [log]
    // Before the context: where the log cannot be opened, nothing starts.
    const daemonkit::LogFileOptions options{
        .ident = "thermod",
        .rotate_at = bytes,  // 10 MiB, where nothing is said
        .keep = 5,           // LOG.1, the youngest, to LOG.5
    };
    daemonkit::LogFile log(argv[1], options);
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    signals.on(SIGHUP, [&] { log.reopen(); });  // what fails is told by a line of the log
    signals.on(SIGUSR1, [&] { log.rotate(); });

    const daemonkit::DaemonContext daemon({.pid_file = argv[2]});
    log.write(daemonkit::Severity::notice, "started");
    // [log]
    using Clock = std::chrono::steady_clock;
    auto next = Clock::now();
    for (int tick = 0;;) {
        const auto signal = signals.wait_until(next);
        if (signal && !signals.dispatch(*signal)) break;
        if (Clock::now() < next) continue;  // a signal is no tick
        log.write(daemonkit::Severity::info, "tick " + std::to_string(++tick));
        next += std::chrono::milliseconds(10);
    }
    log.write(daemonkit::Severity::notice, "stopped");
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

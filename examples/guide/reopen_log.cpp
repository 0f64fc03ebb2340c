// SPDX-License-Identifier: MIT
// A log that is renamed by a rotation is opened anew on SIGHUP.
//
//   guide_reopen_log LOG PID_FILE   writes a line every second until SIGTERM or SIGINT
#include <daemonkit/fd_redirect.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

int main(int argc, char** argv) try {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s LOG PID_FILE\n", argv[0]);
        return 64;
    }
    const std::string path = std::filesystem::absolute(argv[1]);
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonOptions options{
        .pid_file = argv[2],
        .ready_when = daemonkit::ReadyWhen::notified,
    };
    return daemonkit::run(argv[0], options, [&](daemonkit::DaemonContext& daemon) {
        // [reopen]
        daemonkit::FdRedirect log(daemonkit::Stream::out, daemonkit::AppendTo{path});
        signals.on(SIGHUP, [&] {
            try {
                log.reopen();
            } catch (const daemonkit::Error& error) {
                std::printf("the old log goes on: %s\n", error.what());
            }
        });
        daemon.notify_ready();

        using Clock = std::chrono::steady_clock;
        for (auto next = Clock::now();;) {
            const auto signal = signals.wait_until(next);
            // SIGHUP has a callback; SIGTERM and SIGINT have none, and end the loop.
            if (signal && !signals.dispatch(*signal)) break;
            if (Clock::now() < next) continue;  // the time has not come: it was a signal
            if (std::puts("alive") < 0 || std::fflush(stdout) != 0) std::clearerr(stdout);
            next += std::chrono::seconds(1);
        }
        // [reopen]
    });
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

// SPDX-License-Identifier: MIT
// A daemon of one thread that reads its configuration again on SIGHUP. A bad one is told, and the old one stays.
//
//   reload_single_threaded CONFIG LOG PID_FILE   until SIGTERM or SIGINT; CONFIG has a line such as "interval = 30s"
#include <daemonkit/context.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/signal_set.hpp>

#include "settings.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

namespace {

using namespace std::chrono_literals;

struct Config {
    std::chrono::milliseconds interval;
};

/// The configuration, whole and checked; what it throws names file, line and reason.
Config read_config(const std::string& path) {
    settings::Source in("RELOAD", path);
    return in.checked(Config{in.get("interval", settings::duration(1ms, 24h))});
}

void say(const std::string& text) {
    // A full disk is no reason to end: this line is lost, the next one may find room.
    if (std::puts(text.c_str()) < 0 || std::fflush(stdout) != 0) std::clearerr(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s CONFIG LOG PID_FILE\n", argv[0]);
        return 64;
    }
    using Clock = std::chrono::steady_clock;
    auto next = Clock::now();
    // [reload]
    // The daemon runs in "/", and opens the file there.
    const std::string path = std::filesystem::absolute(argv[1]);
    // Before the context: with a configuration that cannot be read, nothing starts.
    daemonkit::Reloadable config([&] { return read_config(path); });

    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    signals.on(SIGHUP, [&] {
        const auto failure = config.reload();
        say(failure ? "the old configuration stays: " + *failure : "reloaded " + path);
        next = Clock::now();  // a new interval counts from here
    });
    // [reload]
    const daemonkit::DaemonContext daemon({
        .out = daemonkit::AppendTo{argv[2]},
        .pid_file = argv[3],
    });

    // [loop]
    for (;;) {
        const auto signal = signals.wait_until(next);
        if (!signal) {
            const auto now = config.get();
            say("alive, again in " + settings::to_string(now->interval));
            next += now->interval;
        } else if (!signals.dispatch(*signal)) {
            break;  // SIGTERM and SIGINT have no callback
        }
    }
    // [loop]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 78;
}

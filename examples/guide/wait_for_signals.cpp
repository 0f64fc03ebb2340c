// SPDX-License-Identifier: MIT
// Two ways to spend a program's life in a SignalSet, without becoming a daemon.
//
//   guide_wait_for_signals --run     says "reloaded" at SIGHUP, until SIGTERM or SIGINT
//   guide_wait_for_signals --ticks   says "tick" five times a second, until SIGTERM or SIGINT
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using namespace std::chrono_literals;

void say(const char* text) {
    if (std::puts(text) < 0 || std::fflush(stdout) != 0) std::exit(74);
}
void reload() { say("reloaded"); }
void tick() { say("tick"); }

void wait_with_callbacks() {
    // [callbacks]
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    signals.on(SIGHUP, [&] { reload(); });
    signals.run();  // until SIGTERM or SIGINT
    // [callbacks]
}

void wait_between_ticks() {
    // [ticks]
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    auto next = std::chrono::steady_clock::now();
    while (!signals.wait_until(next += 200ms)) tick();  // on time, without drift, until a signal
    // [ticks]
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string_view way = argc == 2 ? argv[1] : "";
    if (way == "--run") {
        wait_with_callbacks();
    } else if (way == "--ticks") {
        wait_between_ticks();
    } else {
        std::fprintf(stderr, "usage: %s --run | --ticks\n", argv[0]);
        return 64;
    }
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

// SPDX-License-Identifier: MIT
// A helper program is run to its end, and another one beside this program.
//
//   guide_run_helper --run      until the helper has ended
//   guide_run_helper --beside   until the helper has ended, or SIGTERM or SIGINT comes
#include <daemonkit/child_process.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;

void print(std::string_view line) {
    if (std::puts(std::string(line).c_str()) < 0 || std::fflush(stdout) != 0) std::exit(74);
}

void run() {
    // [run]
    const auto result =
        daemonkit::run_child({"sh", "-c", "echo checked; exit 3"}, {.out = print, .timeout = 10s});
    if (!result.success()) print(to_string(result));  // ended with status 3
    // [run]
}

void run_beside() {
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    // [beside]
    daemonkit::ChildProcess helper({"sh", "-c", "echo ready; exec sleep 60"}, {.out = print});
    while (!signals.wait_for(100ms))  // the daemon's own work
        if (const auto result = helper.poll()) return print(to_string(*result));
    // [beside]
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string_view way = argc == 2 ? argv[1] : "";
    if (way == "--run") {
        run();
    } else if (way == "--beside") {
        run_beside();
    } else {
        std::fprintf(stderr, "usage: %s --run | --beside\n", argv[0]);
        return 64;
    }
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

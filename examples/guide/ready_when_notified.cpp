// SPDX-License-Identifier: MIT
// The launcher waits until the program says that it is ready, so its status is the status of the whole start.
//
//   guide_ready_when_notified GREETING_FILE LOG PID_FILE   writes the greeting every second until SIGTERM or SIGINT
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace {

std::string load(const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) throw daemonkit::Error(daemonkit::Step::application, path, errno);
    char line[256];
    const bool has_line = std::fgets(line, sizeof line, file) != nullptr;
    static_cast<void>(std::fclose(file));
    if (!has_line) throw std::runtime_error(path + " holds no greeting");
    return line;
}

}  // namespace

// [ready]
int main(int argc, char** argv) try {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s GREETING_FILE LOG PID_FILE\n", argv[0]);
        return 64;
    }
    // The daemon runs in "/": a path that is used later has to be absolute.
    const std::string greeting_file = std::filesystem::absolute(argv[1]);
    daemonkit::SignalSet signals({SIGTERM, SIGINT});

    const daemonkit::DaemonOptions options{
        .out = daemonkit::AppendTo{argv[2]},
        .pid_file = argv[3],
        .ready_when = daemonkit::ReadyWhen::notified,
    };
    return daemonkit::run(argv[0], options, [&](daemonkit::DaemonContext& daemon) {
        daemon.notify_status("loading " + greeting_file);  // shown where the launcher was started
        const std::string greeting = load(greeting_file);  // what it throws, the launcher tells
        daemon.notify_ready();                             // the launcher ends, with status 0

        auto next = std::chrono::steady_clock::now();
        do {
            if (std::fputs(greeting.c_str(), stdout) < 0 || std::fflush(stdout) != 0) return 74;
        } while (!signals.wait_until(next += std::chrono::seconds(1)));
        return 0;
    });
} catch (const std::exception& failure) {
    // What comes before the start: a current directory that is gone, no descriptor for the SignalSet.
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}
// [ready]

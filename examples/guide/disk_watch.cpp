// SPDX-License-Identifier: MIT
// A daemon of one's own: writes down how much room is left where FOLDER is, every ten seconds.
//
//   guide_disk_watch FOLDER   disk_watch.log and disk_watch.pid are made where it is started
// [own]
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>

int main(int argc, char** argv) try {
    if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 64;
    const std::filesystem::path folder = std::filesystem::absolute(argv[1]);
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonOptions options{
        .out = daemonkit::AppendTo{"disk_watch.log"},
        .pid_file = "disk_watch.pid",
        .ready_when = daemonkit::ReadyWhen::notified,
    };
    return daemonkit::run(argv[0], options, [&](daemonkit::DaemonContext& daemon) {
        // The start: read, open and connect here. What it throws, the launcher tells.
        auto space = std::filesystem::space(folder);
        daemon.notify_ready();  // the launcher ends, with status 0
        // The work, until a signal comes.
        do {
            std::error_code gone;  // a disk that is gone for a while is no reason to end
            space = std::filesystem::space(folder, gone);
            if (gone)
                std::printf("%s\n", gone.message().c_str());
            else
                std::printf("%ju MiB free\n", space.available / 1024 / 1024);
            std::fflush(stdout);
        } while (!signals.wait_for(std::chrono::seconds(10)));
        // The end: the pid file goes when this function returns.
    });
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}
// [own]

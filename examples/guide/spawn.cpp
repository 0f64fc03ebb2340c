// SPDX-License-Identifier: MIT
// A program starts a daemon and goes on.
//
//   guide_spawn PID_FILE
#include <daemonkit/signal_set.hpp>
#include <daemonkit/spawn.hpp>

#include <csignal>
#include <cstdio>

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s PID_FILE\n", argv[0]);
        return 64;
    }
    // [spawn]
    const pid_t daemon_pid = daemonkit::spawn(
        {.pid_file = argv[1], .ready_when = daemonkit::ReadyWhen::notified},
        [](daemonkit::DaemonContext& daemon) {
            daemonkit::SignalSet signals({SIGTERM});
            daemon.notify_ready();  // from here on SIGTERM is heard, and spawn returns
            signals.wait();
        });
    std::printf("started %d\n", static_cast<int>(daemon_pid));
    // [spawn]
    return std::fflush(stdout) == 0 ? 0 : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

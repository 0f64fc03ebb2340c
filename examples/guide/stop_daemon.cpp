// SPDX-License-Identifier: MIT
// A daemon that keeps its pid file in the runtime directory and looks after it, and what ends that daemon.
//
//   guide_stop_daemon --start              starts it
//   guide_stop_daemon --stop [SCHEDULE]    ends it: TERM 30s, KILL 5s where nothing is said
#include <daemonkit/process_handle.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/runtime_directory.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;

int start(const char* program) {
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    // [start]
    const daemonkit::DaemonOptions options{
        .pid_file = daemonkit::runtime_directory("thermod") + "/thermod.pid",
    };
    // [start]
    return daemonkit::run(program, options, [&](daemonkit::DaemonContext& daemon) {
        // [guard]
        daemonkit::PidLock* const lock = daemon.pid_lock();
        while (!signals.wait_for(1s))
            if (lock != nullptr && !lock->is_named()) lock->renew();
        // [guard]
    });
}

int stop(std::string_view schedule) {
    // [stop]
    const std::string pid_file = daemonkit::runtime_directory("thermod") + "/thermod.pid";
    auto daemon = daemonkit::ProcessHandle::holder_of(pid_file);
    if (!daemon) return std::puts("not running"), 0;
    const auto ended_by = daemon->stop(daemonkit::parse_stop_schedule(schedule));
    if (!ended_by) return std::puts("it is still there"), 1;
    if (*ended_by == SIGKILL) std::puts("it had to be killed");
    // A child that it has left behind holds the lock as well.
    if (!daemonkit::PidLock::wait_until_free(pid_file, 5s)) return std::puts("the lock is held"), 1;
    // [stop]
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string_view verb = argc >= 2 ? argv[1] : "";
    if (verb == "--start" && argc == 2) return start(argv[0]);
    if (verb == "--stop" && argc <= 3) return stop(argc == 3 ? argv[2] : "TERM 30s, KILL 5s");
    std::fprintf(stderr, "usage: %s --start | --stop [SCHEDULE]\n", argv[0]);
    return 64;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

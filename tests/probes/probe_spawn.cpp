// SPDX-License-Identifier: MIT
// A caller that spawns a daemon and lives on: probe_spawn FOLDER OPTION...
//
//   FOLDER/pid, FOLDER/log, FOLDER/report       the daemon's files; FOLDER/state.before, .after: the caller's
//   --notified          the body calls notify_ready, after --init fail|throw|int|exit|hang
//   --directory DIR  --notification-fd N  --close-all  --threads  --ignore-child  --status N (the body's)
//   --hook-forks        hooks.in_daemon forks a child that holds whatever the daemon holds
// stdout: pid=, or error=, errno=, message=, status=; then children=, and over= from atexit and a destructor.
#include <daemonkit/signal_set.hpp>
#include <daemonkit/spawn.hpp>

#include "probe_report.hpp"
#include "verbs.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Wanted {
    std::string folder;
    std::string init;
    bool notifies = false;
    bool has_threads = false;
    int status = 0;
};

int run_body(const Wanted& wanted, daemonkit::DaemonContext& daemon) {
    daemonkit::SignalSet signals({SIGTERM});
    std::puts("starting");
    std::fflush(stdout);
    if (wanted.init == "fail")
        throw daemonkit::Error(daemonkit::Step::application, "the cellar", ENOSPC, "no room");
    if (wanted.init == "throw") throw std::runtime_error("the roof is missing");
    if (wanted.init == "int") throw 3;
    if (wanted.init == "exit") ::_exit(3);
    if (wanted.init == "hang") signals.wait();
    probe::write_report(wanted.folder + "/report");
    if (wanted.notifies) daemon.notify_ready();
    std::puts("running");
    std::fflush(stdout);
    signals.wait();
    return wanted.status;
}

// Says where it goes out of scope: the caller's objects are the caller's.
struct Object {
    ~Object() { probe::report("over", "destructor " + std::to_string(::getpid())); }
};

}  // namespace

int main(int argc, char** argv) {
    Wanted wanted;
    wanted.folder = argc > 1 ? argv[1] : ".";
    daemonkit::DaemonOptions options{.out = daemonkit::AppendTo{wanted.folder + "/log"},
                                     .err = daemonkit::AppendTo{wanted.folder + "/log"},
                                     .pid_file = wanted.folder + "/pid"};
    for (int i = 2; i < argc; ++i) {
        const std::string option = argv[i];
        const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
        if (option == "--notified") wanted.notifies = true;
        if (option == "--init") wanted.init = value();
        if (option == "--status") wanted.status = std::stoi(value());
        if (option == "--directory") options.working_directory = value();
        if (option == "--close-all") options.close_inherited = daemonkit::CloseInherited::all;
        if (option == "--notification-fd") options.notification_fd = std::stoi(value());
        if (option == "--ignore-child") ::signal(SIGCHLD, SIG_IGN);
        if (option == "--threads") wanted.has_threads = true;
        if (option == "--hook-forks") {
            options.hooks.in_daemon = [] {
                if (::fork() == 0)
                    for (;;) ::pause();
            };
        }
    }
    if (wanted.notifies) options.ready_when = daemonkit::ReadyWhen::notified;
    if (wanted.has_threads) std::thread([] { ::pause(); }).detach();

    std::atexit([] { probe::report("over", "atexit " + std::to_string(::getpid())); });
    const Object object;
    std::fputs("buffered=once\n", stdout);
    probe::write_report(wanted.folder + "/state.before");
    try {
        const pid_t daemon = daemonkit::spawn(
            options, [&](daemonkit::DaemonContext& context) { return run_body(wanted, context); });
        probe::report("pid", std::to_string(daemon));
    } catch (const daemonkit::Error& error) {
        probe::report(error);
    }
    probe::write_report(wanted.folder + "/state.after");
    const bool has_children = ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD;
    probe::report("children", has_children ? "some" : "none");
}

// SPDX-License-Identifier: MIT
// A program whose main is run(): probe_run FOLDER BODY OPTION...
//
//   BODY   status | nothing | throw_early | throw_late | error_early | error_late | int_early | int_late | forgets_ready
//          | ends_thread | tells_and_fails
//   --foreground   --ready notified|constructed (constructed)   --directory DIR   --status N
//   --hold         the daemon, once up, waits until FOLDER/go is there
// The daemon's files are FOLDER/pid and FOLDER/log, where each body says "body PID".
#include <daemonkit/run.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <pthread.h>
#include <unistd.h>

namespace {

using daemonkit::DaemonContext;

void say_body() {
    std::printf("body %d\n", static_cast<int>(::getpid()));
    std::fflush(stdout);
}

void wait_for_go(const std::string& folder) {
    while (::access((folder + "/go").c_str(), F_OK) != 0) ::usleep(1000);
}

[[noreturn]] void throw_error() {
    throw daemonkit::Error(daemonkit::Step::application, "the cellar", EACCES, "locked");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 64;
    const std::string folder = argv[1];
    const std::string body = argv[2];
    daemonkit::DaemonOptions options{.detach = daemonkit::Detach::always,
                                     .out = daemonkit::AppendTo{folder + "/log"},
                                     .err = daemonkit::AppendTo{folder + "/log"},
                                     .pid_file = folder + "/pid"};
    int status = 0;
    bool holds = false;
    for (int i = 3; i < argc; ++i) {
        const std::string option = argv[i];
        if (option == "--foreground") options.detach = daemonkit::Detach::never;
        if (option == "--hold") holds = true;
        if (option == "--directory") options.working_directory = argv[++i];
        if (option == "--ready" && std::string(argv[++i]) == "notified")
            options.ready_when = daemonkit::ReadyWhen::notified;
        if (option == "--status") status = std::atoi(argv[++i]);
    }
    const bool notifies = options.ready_when == daemonkit::ReadyWhen::notified;
    if (body == "nothing") {
        return daemonkit::run("probe_run", options, [&] {
            say_body();
            if (holds) wait_for_go(folder);
        });
    }
    return daemonkit::run("probe_run", options, [&](DaemonContext& daemon) {
        say_body();
        if (body == "throw_early") throw std::runtime_error("the roof is missing");
        if (body == "error_early") throw_error();
        if (body == "int_early") throw 3;
        if (body == "tells_and_fails") {
            daemon.notify_status("looking for the roof");
            throw_error();
        }
        if (body == "ends_thread") ::pthread_exit(nullptr);
        if (body == "forgets_ready") return status;
        if (notifies) daemon.notify_ready();
        if (holds) wait_for_go(folder);
        if (body == "throw_late") throw std::runtime_error("the roof has gone");
        if (body == "error_late") throw_error();
        if (body == "int_late") throw 3;
        return status;
    });
}

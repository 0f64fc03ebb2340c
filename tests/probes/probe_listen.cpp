// SPDX-License-Identifier: MIT
// Takes what is handed over, as a daemon or without a context: probe_listen REPORT OPTION...
//
//   --when before|after        the context; without it there is none
//   --detach automatic|always  --close not_close_on_exec|all  --environment only_listed
//   --pid-file FILE  --threads start_again: it has a second thread
//   --take NAME:KIND           takes one by name and kind (a word of `kinds`)
// REPORT: self=, size=, N.name=, N.kind=, N.fd=, N.close_on_exec=; taken=FD or (none); again=SIZE of a second one; open.3=;
// env.NAME=, env.given.NAME= before it was taken; or error=, errno=, message=, status=.
#include <daemonkit/context.hpp>
#include <daemonkit/listen_fds.hpp>

#include "probe_report.hpp"
#include "verbs.hpp"

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace {

using daemonkit::ListenFds;
using daemonkit::ListenKind;
using probe::report;

ListenKind kind_of(std::string_view word) {
    if (word == "stream") return ListenKind::stream;
    if (word == "datagram") return ListenKind::datagram;
    if (word == "fifo") return ListenKind::fifo;
    return ListenKind::other;
}

void report_environment(const std::string& prefix = "env.") {
    for (const char* const name :
         {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"}) {
        const char* const value = std::getenv(name);
        report(prefix + name, value == nullptr ? "(none)" : value);
    }
}

void report_all(const ListenFds& fds) {
    report("self", std::to_string(::getpid()));
    report("size", std::to_string(fds.size()));
    int number = 0;
    for (const auto& one : fds.all()) {
        const std::string key = std::to_string(number++);
        report(key + ".name", one.name());
        report(key + ".kind", to_string(one.kind()));
        report(key + ".fd", std::to_string(one.native_handle()));
        report(key + ".close_on_exec",
               std::to_string(::fcntl(one.native_handle(), F_GETFD) & FD_CLOEXEC));
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string path = argc > 1 ? argv[1] : "";
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    probe::report_fd = ::fcntl(file, F_DUPFD_CLOEXEC, 200);  // far from what is handed over
    ::close(file);
    std::string when;
    std::string take;
    daemonkit::DaemonOptions options{.keep_open = {probe::report_fd}};
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const std::string value = argv[i + 1];
        if (option == "--when") when = value;
        if (option == "--take") take = value;
        if (option == "--pid-file") options.pid_file = value;
        if (option == "--detach" && value == "always") options.detach = daemonkit::Detach::always;
        if (option == "--threads") {
            options.other_threads = daemonkit::OtherThreads::start_again;
            std::thread([] { ::pause(); }).detach();
        }
        if (option == "--close" && value == "all")
            options.close_inherited = daemonkit::CloseInherited::all;
        if (option == "--environment")
            options.environment.inherited = daemonkit::InheritedEnvironment::only_listed;
    }
    try {
        std::optional<ListenFds> fds;
        std::optional<daemonkit::DaemonContext> context;
        if (when == "before") fds.emplace();
        if (!when.empty()) context.emplace(options);
        if (when != "before") {
            report_environment("env.given.");
            fds.emplace();
        }
        report_all(*fds);
        report_environment();
        if (!take.empty()) {
            const auto colon = take.find(':');
            const auto taken = fds->take(take.substr(0, colon), kind_of(take.substr(colon + 1)));
            report("taken", taken ? std::to_string(taken->native_handle()) : "(none)");
            report("left", std::to_string(fds->size()));
        }
        report("again", std::to_string(ListenFds().size()));
        fds.reset();
        report("open.3", ::fcntl(3, F_GETFD) < 0 ? "no" : "yes");
        report("over", "yes");
    } catch (const daemonkit::Error& error) {
        report(error);
        report_environment();
        report("over", "yes");
        return error.exit_status();
    }
}

// SPDX-License-Identifier: MIT
// A service under test: probe_service FOLDER OPTION... -- VERB [WORD]...
//
//   --no-control   --close-all   --refuse (every client)   --stop SCHEDULE   --ready-timeout MS   --answer-timeout MS
//   --check TEXT          what the check throws
//   --reload no|good|bad|throws|odd|endless|tells   what on_reload's function does; without it there is none
//   --slow-launcher       the launcher, which has the lock, waits for FOLDER/go before it forks
//   --start polls|sleeps  the body waits for FOLDER/go before it is ready: hearing of a stop, or not
//   --throw early|late    before it is ready, or after
//   --hang                once ready, it hears of nothing until FOLDER/go is there
//   --ignore-term         it hears of no SIGTERM
//   --leave-child         a child that sleeps is left behind, which holds the lock
//   --loop                waits in a loop of its own, with native_handles and poll
//   --watchdog            gives signs of life while it waits
//   --end STATUS          what the body returns
// Its files are FOLDER/pid and FOLDER/control; the body writes FOLDER/log, a line for what it does.
#include <daemonkit/service_main.hpp>
#include <daemonkit/watchdog.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace {

using daemonkit::RunningService;
using daemonkit::Severity;
using daemonkit::Timeout;

struct Behaviour {
    std::string folder = {};
    std::string reload = {};
    std::string start = {};
    std::string throws = {};
    bool hangs = false;
    bool ignores_term = false;
    bool is_watched = false;
    bool leaves_child = false;
    bool has_loop = false;
    int status = 0;

    bool may_go() const { return ::access((folder + "/go").c_str(), F_OK) == 0; }
    void log(const std::string& line) const {
        std::FILE* const file = std::fopen((folder + "/log").c_str(), "a");
        if (file == nullptr) throw std::runtime_error("no log");
        std::fprintf(file, "%s\n", line.c_str());
        std::fclose(file);
    }
};

void serve(RunningService& service, const Behaviour& does) {
    does.log("body " + std::to_string(::getpid()));
    if (does.ignores_term) service.signals().ignore(SIGTERM);
    if (does.leaves_child && ::fork() == 0) {
        for (int fd = 0; fd < 3; ++fd) ::close(fd);
        ::pause();
        ::_exit(0);
    }
    if (!does.reload.empty() && does.reload != "no") {
        service.on_reload([&]() -> std::optional<std::string> {
            does.log("reload");
            if (does.reload == "tells") service.notify_status("the roof is new");
            if (does.reload == "endless") std::raise(SIGHUP);  // there before this one ends
            if (does.reload == "throws") throw std::runtime_error("the roof is missing");
            if (does.reload == "odd") throw 42;
            if (does.reload == "bad") return "the roof\nleaks";
            return std::nullopt;
        });
    }
    service.on_log_level(Severity::notice, [&](Severity level) {
        does.log(std::string("level ") + to_string(level));
    });
    service.on("echo", [](const daemonkit::ControlRequest& request) {
        std::string all;
        for (const auto& argument : request.arguments) all += "<" + argument + ">";
        return daemonkit::ControlAnswer{request.arguments.empty() ? 5 : 0, all};
    });
    service.notify_status("starting up");
    while (!does.start.empty() && !does.may_go()) {
        if (does.start == "polls" && service.poll()) {
            does.log("stopped while it started");
            return;
        }
        ::usleep(1000);
    }
    if (does.throws == "early") throw std::runtime_error("the cellar is locked");
    service.notify_ready();
    does.log("ready");
    if (does.throws == "late") throw std::runtime_error("the roof has gone");
    while (does.hangs && !does.may_go()) ::usleep(1000);
    if (!does.has_loop) {
        if (does.is_watched) {
            daemonkit::Watchdog watchdog(service.notifier());
            while (!service.wait_for(watchdog.interval())) static_cast<void>(watchdog.check());
        }
        while (!service.wait_for(Timeout::seconds(60))) continue;
    } else {
        std::vector<::pollfd> set;
        for (const int fd : service.native_handles()) set.push_back({fd, POLLIN, 0});
        while (!service.poll()) ::poll(set.data(), set.size(), -1);
    }
    does.log("stopped");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 64;
    Behaviour does{.folder = argv[1]};
    daemonkit::ServiceOptions options{.name = "probe"};
    options.daemon.detach = daemonkit::Detach::always;
    options.daemon.pid_file = does.folder + "/pid";
    options.daemon.err = daemonkit::AppendTo{does.folder + "/err"};
    options.control->path = does.folder + "/control";
    int at = 2;
    for (; at < argc && std::string(argv[at]) != "--"; ++at) {
        const std::string option = argv[at];
        const auto value = [&] { return std::string(argv[++at]); };
        const auto milliseconds = [&] { return Timeout::milliseconds(std::atoi(argv[++at])); };
        if (option == "--no-control") options.control.reset();
        if (option == "--close-all")
            options.daemon.close_inherited = daemonkit::CloseInherited::all;
        if (option == "--refuse")
            options.control->allowed = [](const daemonkit::ControlPeer&) { return false; };
        if (option == "--stop") options.stop = daemonkit::parse_stop_schedule(value());
        if (option == "--ready-timeout") options.daemon.ready_timeout = milliseconds();
        if (option == "--answer-timeout") options.answer_timeout = milliseconds();
        if (option == "--check") options.check = [why = value()] { throw std::runtime_error(why); };
        if (option == "--slow-launcher") {
            options.daemon.hooks.before_fork = [&does] {
                while (!does.may_go()) ::usleep(1000);
            };
        }
        if (option == "--reload") does.reload = value();
        if (option == "--start") does.start = value();
        if (option == "--throw") does.throws = value();
        if (option == "--hang") does.hangs = true;
        if (option == "--ignore-term") does.ignores_term = true;
        if (option == "--leave-child") does.leaves_child = true;
        if (option == "--loop") does.has_loop = true;
        if (option == "--watchdog") does.is_watched = true;
        if (option == "--end") does.status = std::stoi(value());
    }
    const daemonkit::Service service(options, [&](RunningService& running) {
        serve(running, does);
        return does.status;
    });
    return daemonkit::service_main(service, argc - at, argv + at);
}

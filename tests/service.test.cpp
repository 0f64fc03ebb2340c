// SPDX-License-Identifier: MIT
// Service: the verbs of an init script, from the command line to the daemon and back.
#include <daemonkit/control_socket.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/service_control.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "notify_receiver.hpp"
#include "run_program.hpp"
#include "running_program.hpp"
#include "surroundings.hpp"
#include "temp_folder.hpp"

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// probe_service in a folder of its own, with these options for every verb.
struct Probe {
    explicit Probe(Words given = {}) : options(std::move(given)) {}

    Words command(const Words& verb) const {
        return Words{probe("probe_service"), folder.path()} + options + Words{"--"} + verb;
    }
    // Any verb but start, to its end.
    Finished run(const Words& verb) const { return run_program(command(verb)); }
    // A start; what comes of it ends with the object.
    std::unique_ptr<DaemonStart> start(const Words& verb = {"start"}) const {
        return std::make_unique<DaemonStart>(command(verb));
    }
    // A start that has worked.
    std::unique_ptr<DaemonStart> started() const {
        auto launcher = start();
        REQUIRE(launcher->await().exit_status == 0);
        REQUIRE(launcher->err().substr(0, 11) == "starting up");
        return launcher;
    }
    std::string log() const { return read_file(folder / "log"); }
    bool await_log(const std::string& line) const {
        return eventually(
            [&] { return ("\n" + log()).find("\n" + line + "\n") != std::string::npos; });
    }
    void go() const { write_file(folder / "go", ""); }
    std::optional<pid_t> holder() const {
        const auto found = PidLock::holder(folder / "pid");
        return found ? found->pid : std::nullopt;
    }

    TempFolder folder;
    Words options;
};

// `status: text`, of whichever stream it was told on.
std::string told(const Finished& verb) {
    return std::to_string(verb.exit_status) + ": " + verb.out + verb.err;
}

std::string named(const char* words, pid_t pid) {
    return "0: probe: " + std::string(words) + " as pid " + std::to_string(pid) + "\n";
}

}  // namespace

TEST_CASE("Service: what is asked of a service that runs, and of one that does not",
          "[service][process]") {
    const Probe service(GENERATE(Words{}, Words{"--loop"}, Words{"--close-all"}));
    CAPTURE(service.options);
    CHECK(told(service.run({"status"})) ==
          "3: probe: stopped: nobody holds " + service.folder / "pid" + "\n");
    CHECK(told(service.run({"stop"})) == "0: probe: not running\n");
    CHECK(told(service.run({"reload"})) == "7: probe: not running\n");
    CHECK(told(service.run({"wait-ready"})) == "7: probe: not running\n");
    CHECK(told(service.run({"echo", "x"})) == "7: probe: not running\n");

    const auto start = service.started();
    const pid_t daemon = start->daemon();
    CHECK(start->out() == "probe: started as pid " + std::to_string(daemon) + "\n");
    CHECK(told(service.run({"start"})) == named("already running", daemon));
    CHECK(told(service.run({"wait-ready"})) == named("running", daemon));
    const Finished status = service.run({"status"});
    CHECK(status.exit_status == 0);
    CHECK(status.out.find("probe: running as pid " + std::to_string(daemon)) == 0);
    CHECK(status.out.find("\n  threads     1\n") != std::string::npos);
    CHECK(status.out.find("\n  descriptors ") != std::string::npos);
    CHECK(status.out.find("\n  reloads     0, failed 0\n") != std::string::npos);
    CHECK(status.out.find("\n  doing       starting up\n") != std::string::npos);
    const Finished json = service.run({"status", "--json"});
    CHECK(json.exit_status == 0);
    CHECK(json.out.find("\"pid\": " + std::to_string(daemon) + ", ") != std::string::npos);

    CHECK(told(service.run({"reload"})) == "3: probe: this service has nothing to reload\n");
    CHECK(told(service.run({"echo", "a b", "", "c\"d"})) == "0: <a b><><c\"d>\n");
    CHECK(told(service.run({"echo"})) == "5: ");
    CHECK(service.run({"sttop"}).exit_status == 2);
    CHECK(told(service.run({"log-level"})) == "0: notice\n");
    CHECK(told(service.run({"log-level", "warn"})) == "0: warning\n");
    CHECK(told(service.run({"log-level"})) == "0: warning\n");
    CHECK(service.run({"log-level", "loud"}).exit_status == 2);
    CHECK(service.run({"log-level", "info", "debug"}).exit_status == 2);

    CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
    CHECK(DaemonStart::await_end(daemon).exit_status == 0);
    CHECK_FALSE(fs::exists(service.folder / "pid"));
    CHECK_FALSE(fs::exists(service.folder / "control"));
    CHECK(service.log() ==
          "body " + std::to_string(daemon) + "\nlevel notice\nready\nlevel warning\nstopped\n");
    CHECK(service.run({"status"}).exit_status == 3);
}

TEST_CASE("Service: a reload is done when it has an outcome, and tells it", "[service][process]") {
    SECTION("the new one is in force") {
        const Probe service({"--reload", "good"});
        const auto start = service.started();
        CHECK(told(service.run({"reload"})) == "0: probe: reloaded\n");
        CHECK(told(service.run({"reload"})) == "0: probe: reloaded\n");
        const std::string status = service.run({"status", "--json"}).out;
        CHECK(status.find(R"("reloads": 2, "failed_reloads": 0, "last_error": null)") !=
              std::string::npos);
    }
    SECTION("the old one stays") {
        const std::string how = GENERATE("bad", "throws");
        const Probe service({"--reload", how});
        const auto start = service.started();
        CHECK(told(service.run({"reload"})) ==
              (how == "bad" ? "1: probe: the roof\nleaks\n" : "1: probe: the roof is missing\n"));
        const std::string status = service.run({"status"}).out;
        CHECK(status.find("\n  reloads     0, failed 1\n") != std::string::npos);
        CHECK(status.find(how == "bad"
                              ? "\n  last error  the roof\\nleaks\n"
                              : "\n  last error  the roof is missing\n") != std::string::npos);
    }
    SECTION("what is thrown is no std::exception: the old one stays all the same") {
        const Probe service({"--reload", "odd"});
        const auto start = service.started();
        CHECK(service.run({"reload"}).exit_status == 1);
        ::kill(start->daemon(), SIGHUP);
        CHECK(service.await_log("reload\nreload"));
        CHECK(service.run({"status"}).out.find("reloads     0, failed 2\n") != std::string::npos);
    }
    SECTION("without a control socket it is SIGHUP, and nobody knows") {
        const Probe service({"--reload", "bad", "--no-control"});
        const auto start = service.started();
        CHECK(told(service.run({"reload"})) ==
              "0: probe: SIGHUP is sent to pid " + std::to_string(start->daemon()) +
                  "; without a control socket its outcome is not known\n");
        CHECK(service.await_log("reload"));
        CHECK(service.run({"echo", "x"}).exit_status == 2);
        CHECK(service.run({"status"}).exit_status == 0);
        CHECK(told(service.run({"start"})) == named("already running", start->daemon()));
        CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
    }
    SECTION("SIGHUP does the same") {
        const Probe service({"--reload", "good"});
        const auto start = service.started();
        ::kill(start->daemon(), SIGHUP);
        CHECK(service.await_log("reload"));
        CHECK(service.run({"status"}).out.find("reloads     1, failed 0") != std::string::npos);
    }
    SECTION("one after the other without end, and clients are answered all the same") {
        const bool in_own_loop = GENERATE(false, true);
        Words options{"--reload", "endless"};
        if (in_own_loop) options.push_back("--loop");
        const Probe service(options);
        const auto start = service.started();
        ::kill(start->daemon(), SIGHUP);
        CHECK(service.await_log("reload\nreload\nreload"));
        CHECK(told(service.run({"echo", "x"})) == "0: <x>\n");
        CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
    }
    SECTION("a daemon that does not answer in time") {
        const Probe service({"--reload", "good", "--hang", "--answer-timeout", "200"});
        const auto start = service.started();
        const Finished reload = service.run({"reload"});
        CHECK(reload.exit_status == 1);
        CHECK(reload.err.find("probe: ask_control_socket: ") == 0);
    }
    SECTION("a client that the daemon does not listen to") {
        const Probe service({"--reload", "good", "--refuse"});
        const auto start = service.started();
        CHECK(service.run({"reload"}).exit_status == 4);
        CHECK(service.run({"wait-ready"}).exit_status == 4);
        const Finished status = service.run({"status"});
        CHECK(status.exit_status == 0);
        CHECK(status.out.find("\n  no report   ") != std::string::npos);
    }
}

TEST_CASE("Service: a start that fails is told with a status of LSB, and leaves nothing",
          "[service][process]") {
    SECTION("in the body") {
        const Probe service({"--throw", "early"});
        const auto start = service.start();
        CHECK(start->await().exit_status == 1);
        CHECK(start->err() == "starting up\nprobe: application: the cellar is locked\n");
        CHECK(start->leaves_nothing());
        CHECK(told(service.run({"status"})).substr(0, 18) == "3: probe: stopped:");
        CHECK_FALSE(fs::exists(service.folder / "control"));
    }
    SECTION("where the pid file cannot be made") {
        const Probe service;
        fs::create_directory(service.folder / "pid");
        const auto start = service.start();
        CHECK(start->await().exit_status == 1);
        CHECK(start->err().find("probe: open_pid_file: ") == 0);
        CHECK(service.run({"status"}).exit_status == 4);
        CHECK(service.run({"stop"}).exit_status == 1);
    }
    SECTION("where the control socket cannot be made") {
        const Probe service;
        write_file(service.folder / "control", "mine");
        const auto start = service.start();
        CHECK(start->await().exit_status == 1);
        CHECK(start->err().find("probe: open_control_socket: ") == 0);
        CHECK(start->leaves_nothing());
        CHECK(read_file(service.folder / "control") == "mine");
    }
    SECTION("once it is up it goes to the daemon's stderr") {
        const Probe service({"--throw", "late"});
        const auto start = service.start();
        CHECK(start->await().exit_status == 0);
        CHECK(eventually(
            [&] { return read_file(service.folder / "err") == "probe: the roof has gone\n"; }));
    }
}

TEST_CASE("Service: a start beside another start is done when the service is ready",
          "[service][process]") {
    SECTION("by the other one") {
        const Probe service({"--start", "sleeps"});
        const auto first = service.start();
        REQUIRE(first->await_err("starting up"));
        const auto second = service.start();
        CHECK_FALSE(eventually([&] { return !is_alive(second->launcher()); }, Milliseconds(200)));
        service.go();
        CHECK(first->await().exit_status == 0);
        CHECK(second->await().exit_status == 0);
        CHECK(second->out() ==
              "probe: already running as pid " + std::to_string(first->daemon()) + "\n");
        CHECK(second->leaves_nothing());
    }
    SECTION("by itself, when the other one fails") {
        Probe service({"--start", "sleeps", "--throw", "early"});
        const auto first = service.start();
        REQUIRE(first->await_err("starting up"));
        service.options = {};
        const auto second = service.start();
        CHECK_FALSE(eventually([&] { return !is_alive(second->launcher()); }, Milliseconds(200)));
        service.go();
        CHECK(first->await().exit_status == 1);
        CHECK(second->await().exit_status == 0);
        CHECK(service.holder() == second->daemon());
    }
    SECTION("or says that it is not, when its time is over") {
        const Probe service({"--start", "sleeps", "--ready-timeout", "300"});
        Probe patient({"--start", "sleeps"});
        const auto first = std::make_unique<DaemonStart>(Words{
            probe("probe_service"), service.folder.path(), "--start", "sleeps", "--", "start"});
        REQUIRE(first->await_err("starting up"));
        const auto second = service.start();
        CHECK(second->await().exit_status == 1);
        CHECK(second->err().find("probe: not ready within 300 ms: already running as pid ") == 0);
    }
}

TEST_CASE("Service: of fifty starts at once each is done, and there is one daemon",
          "[service][starters][process]") {
    const Probe service;
    std::vector<std::unique_ptr<DaemonStart>> starts;
    for (int i = 0; i < 50; ++i) starts.push_back(service.start());
    int launched = 0;
    for (const auto& start : starts) {
        CHECK(start->await().exit_status == 0);
        if (start->out().find("probe: started as pid ") == 0) ++launched;
    }
    CHECK(launched == 1);
    const auto daemon = service.holder();
    REQUIRE(daemon);
    for (const auto& start : starts) {
        const std::string end = " as pid " + std::to_string(*daemon) + "\n";
        CHECK(start->out().substr(start->out().size() - end.size()) == end);
    }
    CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
    for (const auto& start : starts) CHECK(start->leaves_nothing());
}

TEST_CASE("Service: a stop ends a start that is under way", "[service][process]") {
    SECTION("before there is a daemon") {
        const Probe service({"--slow-launcher"});
        const auto start = service.start();
        const std::string launcher = "pid " + std::to_string(start->launcher());
        REQUIRE(eventually(
            [&] { return service.run({"status"}).out.find("start") != std::string::npos; }));
        CHECK(told(service.run({"status"})) == "3: probe: starting: by " + launcher + "\n");
        const auto stop = service.start({"stop"});
        CHECK_FALSE(eventually([&] { return !is_alive(stop->launcher()); }, Milliseconds(200)));
        service.go();
        CHECK(stop->await().exit_status == 0);
        CHECK(stop->out() == "probe: stopped\n");
        start->await();
        CHECK(start->leaves_nothing());
        CHECK(service.run({"status"}).exit_status == 3);
    }
    SECTION("whose body hears of it") {
        const Probe service({"--start", "polls"});
        const auto start = service.start();
        REQUIRE(start->await_err("starting up"));
        CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
        CHECK(start->await().exit_status == 1);
        CHECK(start->leaves_nothing());
        CHECK(service.await_log("stopped while it started"));
    }
    SECTION("whose body does not") {
        const Probe service({"--start", "sleeps", "--stop", "TERM 100ms, KILL 10s"});
        const auto start = service.start();
        REQUIRE(start->await_err("starting up"));
        const Finished stop = service.run({"stop"});
        CHECK(stop.exit_status == 0);
        CHECK(start->await().exit_status == 1);
        CHECK(start->leaves_nothing());
    }
}

TEST_CASE("Service: a stop goes on by its schedule, says so, and is done when the daemon is gone",
          "[service][process]") {
    SECTION("to the end") {
        const Probe service({"--ignore-term", "--stop", "TERM 100ms, KILL 10s"});
        const auto start = service.started();
        const std::string pid = "pid " + std::to_string(start->daemon());
        const Finished stop = service.run({"stop"});
        CHECK(stop.exit_status == 0);
        CHECK(stop.err == "probe: " + pid + " has not ended on SIGTERM; SIGKILL follows\n");
        CHECK(stop.out == "probe: " + pid + " was killed\n");
        CHECK(start->leaves_nothing());
        // As after any SIGKILL.
        CHECK(told(service.run({"status"})) ==
              "1: probe: crashed: its pid file was left behind: " + service.folder / "pid" + "\n");
        CHECK(told(service.run({"stop"})) == "0: probe: not running\n");
        CHECK(service.run({"reload"}).exit_status == 7);
        const auto next = service.started();
        CHECK(service.holder() == next->daemon());
    }
    SECTION("and no further") {
        const Probe service({"--ignore-term", "--stop", "TERM 100ms"});
        const auto start = service.started();
        const pid_t daemon = start->daemon();
        CHECK(told(service.run({"stop"})) ==
              "1: probe: pid " + std::to_string(daemon) + " has not ended\n");
        CHECK(is_alive(daemon));
    }
    SECTION("a daemon that hears of nothing") {
        const Probe service({"--hang", "--stop", "TERM 100ms, KILL 10s"});
        const auto start = service.started();
        const Finished status = service.run({"status"});
        CHECK(status.exit_status == 0);
        CHECK(status.out.find("\n  no report   ask_control_socket: ") != std::string::npos);
        CHECK(service.run({"stop"}).exit_status == 0);
        CHECK(start->leaves_nothing());
    }
    SECTION("a child that a killed daemon leaves behind keeps its lock") {
        const Probe service({"--leave-child", "--stop", "KILL 10s"});
        const auto start = service.start();
        REQUIRE(start->await().exit_status == 0);
        const auto daemon = service.holder();
        REQUIRE(daemon);
        CHECK(told(service.run({"stop"})) ==
              "1: probe: pid " + std::to_string(*daemon) +
                  " has ended, but a process that it has started holds its lock (see fuser)\n");
        CHECK(service.run({"status"}).exit_status == 2);
        CHECK(service.run({"stop"}).exit_status == 1);
        CHECK(service.run({"reload"}).exit_status == 1);
        const auto next = service.start();
        CHECK(next->await().exit_status == 1);
        CHECK(next->err().find("probe: already running; the process cannot be named: ") == 0);
    }
}

TEST_CASE("Service: no verb signals a process whose number stands in a forged pid file",
          "[service][process]") {
    const Probe service({"--reload", "good"});
    RunningProgram victim({"/bin/sleep", "60"});
    const std::string forged = std::to_string(victim.pid()) + "\n";
    SECTION("while nobody holds the lock") {
        write_file(service.folder / "pid", forged);
        CHECK(told(service.run({"stop"})) == "0: probe: not running\n");
        CHECK(service.run({"reload"}).exit_status == 7);
        CHECK(service.run({"status"}).exit_status == 1);
        const auto restart = service.start({"restart"});
        CHECK(restart->await().exit_status == 0);
        CHECK(service.holder() == restart->daemon());
    }
    SECTION("while the daemon does") {
        const auto start = service.started();
        const pid_t daemon = start->daemon();
        write_file(service.folder / "pid", forged);
        CHECK(told(service.run({"start"})) == named("already running", daemon));
        CHECK(told(service.run({"reload"})) == "0: probe: reloaded\n");
        CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
        CHECK(DaemonStart::await_end(daemon).exit_status == 0);
    }
    CHECK(is_alive(victim.pid()));
}

TEST_CASE("Service: whatever stands in a pid file that nobody holds, no verb believes it",
          "[service][process]") {
    const Probe service;
    const std::string path = service.folder / "pid";
    RunningProgram victim({"/bin/sleep", "60"});
    const std::string pid = std::to_string(victim.pid());
    using namespace std::string_literals;
    for (const std::string& text :
         {pid + "\n", pid, " " + pid + "\n", "+" + pid + "\n", "0" + pid + "\n", pid + "\r\n",
          pid + "\n" + pid + "\n", pid + ".0\n", pid + "e0\n", "-" + pid + "\n", "-1\n"s, "0\n"s,
          "1\n"s, std::to_string(4'294'967'296 + victim.pid()) + "\n", "garbage\n"s, "\0"s, "\n"s,
          pid + "\0"s, std::string(1 << 20, '1')}) {
        CAPTURE(text.substr(0, 40));
        write_file(path, text);
        CHECK(told(service.run({"stop"})) == "0: probe: not running\n");
        CHECK(service.run({"reload"}).exit_status == 7);
        CHECK(service.run({"status"}).exit_status == 1);
        CHECK(read_file(path) == text);
    }
    write_file(path, "");
    CHECK(service.run({"status"}).exit_status == 3);
    const auto cannot_be_a_pid_file = [&] {
        CHECK(service.run({"stop"}).exit_status == 1);
        CHECK(service.run({"reload"}).exit_status == 1);
        CHECK(service.run({"status"}).exit_status == 4);
        fs::remove_all(path);
    };
    fs::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    cannot_be_a_pid_file();
    fs::create_directory(path);
    cannot_be_a_pid_file();
    write_file(service.folder / "other", pid + "\n");
    fs::create_symlink(service.folder / "other", path);
    cannot_be_a_pid_file();
    fs::create_hard_link(service.folder / "other", path);
    cannot_be_a_pid_file();
    CHECK(is_alive(victim.pid()));
}

TEST_CASE("Service: what answers on the socket, and is no daemon's answer, is told as such",
          "[service][process]") {
    const Probe service({"--no-control"});
    const auto start = service.started();
    // Somebody else has put his socket there.
    const ControlSocketOptions options{.path = service.folder / "control"};
    ControlSocket stranger(options);
    const std::string text = GENERATE("", "reloads: many\nfailed reloads: 0", "\x1b[2Jwhat?");
    stranger.on("status", [&](const ControlRequest&) { return ControlAnswer{0, text}; });
    const auto ask = [&](const std::string& verb) {
        auto asked = std::make_unique<DaemonStart>(
            Words{probe("probe_service"), service.folder.path(), "--", verb});
        while (is_alive(asked->launcher())) {
            stranger.serve();
            ::poll(nullptr, 0, 1);
        }
        return asked;
    };
    const auto status = ask("status");
    CHECK(status->await().exit_status == 0);
    CHECK(status->out().find("\n  no report   answered with 0: ") != std::string::npos);
    CHECK(status->out().find('\x1b') == std::string::npos);
    // Nor does an answer that is shown as it came do anything to a terminal.
    for (const int answer : {0, 5}) {
        for (const char* const verb : {"reload", "own"}) {
            stranger.on(verb, [&](const ControlRequest&) {
                return ControlAnswer{answer, std::string("a\tb\x1b[2J\r\0c\nd", 12)};
            });
            const auto asked = ask(verb);
            CHECK(asked->await().exit_status == answer);
            const std::string told = asked->out() + asked->err();
            CHECK(told.find("a\tb\\x1b[2J\\x0d\\x00c\nd\n") != std::string::npos);
        }
    }
}

TEST_CASE("Service: a service manager hears of ready, of each reload, and of the end",
          "[service][process]") {
    const std::string how = GENERATE("good", "bad", "tells");
    const Probe service({"--reload", how});
    const NotifyReceiver manager(service.folder / "notify");
    DaemonStart run(service.command({"run"}), Surroundings{{manager.variable()}});
    CHECK(manager.next().text == "STATUS=starting up");
    CHECK(manager.next().text == "READY=1");
    REQUIRE(service.await_log("ready"));
    service.run({"reload"});
    CHECK(manager.next().text.substr(0, 12) == "RELOADING=1\n");
    if (how == "tells") CHECK(manager.next().text == "STATUS=the roof is new");
    CHECK(manager.next().text ==
          (how != "bad" ? "STATUS=starting up\nREADY=1" : "STATUS=the roof\\nleaks\nREADY=1"));
    if (how == "tells") CHECK(manager.next().text == "STATUS=the roof is new");
    service.run({"stop"});
    CHECK(manager.next().text == "STOPPING=1");
    CHECK(run.await().exit_status == 0);
}

TEST_CASE("Service: another user may look, and neither stop nor reload",
          "[service][process][root]") {
    const Probe service({"--reload", "good"});
    const auto start = service.started();
    fs::permissions(service.folder.path(), static_cast<fs::perms>(0755));
    const std::string program = service.folder / "program";  // where that user can reach it
    fs::copy_file(probe("probe_service"), program);
    const auto as_another = [&](const std::string& verb) {
        constexpr uid_t nobody = 65534;
        const auto become = [] {
            if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(126);
        };
        return std::make_unique<DaemonStart>(Words{program, service.folder.path(), "--", verb},
                                             Surroundings{{}, become});
    };
    const auto status = as_another("status");
    CHECK(status->await().exit_status == 0);
    CHECK(status->out().find("probe: running as pid ") == 0);
    CHECK(status->out().find("\n  no report   ") != std::string::npos);
    for (const char* verb : {"stop", "reload", "restart", "start", "log-level"}) {
        CAPTURE(verb);
        const auto refused = as_another(verb);
        CHECK(refused->await().exit_status == 4);
        CHECK_FALSE(refused->err().empty());
    }
    CHECK(service.holder() == start->daemon());
    CHECK(service.log().find("reload") == std::string::npos);
}

TEST_CASE("Service: a body that has a watchdog gives its signs of life while it waits",
          "[service][process]") {
    const Probe service({"--watchdog"});
    const NotifyReceiver manager(service.folder / "notify");
    DaemonStart run(service.command({"run"}),
                    Surroundings{{manager.variable(), "WATCHDOG_USEC=40000"}});
    CHECK(manager.next().text == "STATUS=starting up");
    CHECK(manager.next().text == "READY=1");
    CHECK(manager.next().text == "WATCHDOG=1");
    CHECK(manager.next().text == "WATCHDOG=1");
    service.run({"stop"});
    CHECK(run.await().exit_status == 0);
}

TEST_CASE("Service: a restart that would fail stops nothing", "[service][process]") {
    Probe service;
    SECTION("what the check throws is told, and the daemon goes on") {
        const auto start = service.started();
        service.options = {"--check", "x.conf:2: there is no key hgih"};
        CHECK(told(service.run({"restart"})) ==
              "6: probe: not restarted: x.conf:2: there is no key hgih\n");
        CHECK(service.holder() == start->daemon());
    }
    SECTION("another daemon takes its place") {
        const auto start = service.started();
        const pid_t first = start->daemon();
        const auto restart = service.start({"restart"});
        CHECK(restart->await().exit_status == 0);
        CHECK(service.holder() == restart->daemon());
        CHECK(restart->daemon() != first);
        CHECK(eventually([&] { return !is_alive(first); }));
    }
    SECTION("one that does not run is started") {
        const auto restart = service.start({"restart"});
        CHECK(restart->await().exit_status == 0);
        CHECK(service.holder() == restart->daemon());
    }
    SECTION("one that does not end is not started") {
        service.options = {"--ignore-term", "--stop", "TERM 50ms"};
        const auto start = service.started();
        const auto restart = service.start({"restart"});
        CHECK(restart->await().exit_status == 1);
        CHECK(service.holder() == start->daemon());
    }
}

TEST_CASE(
    "Service: in the foreground it is the same, with the statuses of the body and of sysexits",
    "[service][process]") {
    SECTION("to the end") {
        const Probe service({"--end", "5"});
        const auto run = service.start({"run"});
        REQUIRE(service.await_log("ready"));
        CHECK(service.holder() == run->launcher());
        CHECK(told(service.run({"wait-ready"})) == named("running", run->launcher()));
        CHECK(service.run({"run"}).exit_status == 75);
        CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
        CHECK(run->await().exit_status == 5);
    }
    SECTION("a failure before it is ready, and after") {
        const std::string when = GENERATE("early", "late");
        const Probe service({"--throw", when});
        const Finished run = service.run({"run"});
        CHECK(run.exit_status == 70);
        CHECK(run.err + read_file(service.folder / "err") ==
              (when == "early" ? "probe: the cellar is locked\n" : "probe: the roof has gone\n"));
        CHECK_FALSE(fs::exists(service.folder / "pid"));
        CHECK_FALSE(fs::exists(service.folder / "control"));
    }
}

TEST_CASE("Service: from another pid namespace it runs, and is not stopped", "[service][process]") {
    const Probe service;
    const auto start = service.started();
    DaemonStart status(service.command({"status"}), Surroundings{{}, become_pid_one});
    if (status.await().exit_status == not_possible) return not_tested("a pid namespace");
    CHECK(status.await().exit_status == 0);
    CHECK(status.out().find("probe: running: in another pid namespace") == 0);
    CHECK(status.out().find("\n  doing       starting up\n") != std::string::npos);
    DaemonStart stop(service.command({"stop"}), Surroundings{{}, become_pid_one});
    CHECK(stop.await().exit_status == 1);
    CHECK(service.holder() == start->daemon());
}

TEST_CASE("Service: a pid file that somebody has removed is made again", "[service][process]") {
    const Probe service(GENERATE(Words{}, Words{"--loop"}));
    const auto start = service.started();
    const pid_t daemon = start->daemon();
    fs::remove(service.folder / "pid");
    // Whatever wakes it has it look; at the latest a minute does.
    CHECK(eventually([&] {
        ::kill(daemon, SIGHUP);
        return service.holder() == daemon;
    }));
    CHECK(eventually(
        [&] { return read_file(service.folder / "pid") == std::to_string(daemon) + "\n"; }));
    CHECK(told(service.run({"stop"})) == "0: probe: stopped\n");
    CHECK_FALSE(fs::exists(service.folder / "pid"));
}

TEST_CASE("Service: of two daemons, as the files of the first were removed, one is left",
          "[service][process]") {
    const Probe service;
    const auto first = service.started();
    const pid_t daemon = first->daemon();
    // Where it answers the second time, it has looked after the first, and does not look for a second.
    for (int count = 0; count < 2; ++count) service.run({"log-level"});
    fs::remove(service.folder / "pid");
    fs::remove(service.folder / "control");
    const auto second = service.start();
    REQUIRE(second->await().exit_status == 0);
    // It looks once a second at most. One more signal, while it ends, would end it in another way.
    for (int times = 0; times < 10; ++times) {
        ::kill(daemon, SIGHUP);
        if (eventually([&] { return !is_alive(daemon); }, Milliseconds(3000))) break;
    }
    CHECK(DaemonStart::await_end(daemon).exit_status == 75);
    const auto holder = service.holder();
    CHECK((holder && *holder != daemon));
    CHECK(told(service.run({"log-level"})) == "0: notice\n");
    CHECK(read_file(service.folder / "err").find("probe: lock_pid_file: ") == 0);
}

TEST_CASE("Service: a status that nobody can be told is not known", "[service][process]") {
    const Probe service;
    const std::string folder = service.folder.path();
    const auto start = service.started();
    for (const char* const output : {">/dev/full", ">&-"})
        for (const char* const form : {"", "--json"})
            CHECK(
                run_program({"/bin/sh", "-c",
                             probe("probe_service") + " " + folder + " -- status " + form + output})
                    .exit_status == 4);
}

TEST_CASE("Service: a command line that cannot be is refused", "[service][process]") {
    const Probe service;
    for (const Words& words :
         {Words{}, Words{""}, Words{"--version"}, Words{"-x"}, Words{"start", "now"},
          Words{"stop", ""}, Words{"status", "--xml"}, Words{"status", "--json", "--json"},
          Words{"run", "run"}, Words{"--help", "x"}}) {
        const Finished wrong = service.run(words);
        CAPTURE(words, wrong.err);
        CHECK(wrong.exit_status == 2);
        CHECK(wrong.out == "");
        CHECK(wrong.err != "");
    }
    for (const char* help : {"--help", "-h"}) {
        const Finished asked = service.run({help});
        CHECK(asked.exit_status == 0);
        CHECK(asked.out.find("usage: probe VERB\n  start ") == 0);
        for (const std::string verb :
             {"start", "stop", "restart", "reload", "status", "wait-ready", "run"})
            CHECK(asked.out.find("\n  " + verb + ' ') != std::string::npos);
        CHECK(asked.err == "");
    }
}

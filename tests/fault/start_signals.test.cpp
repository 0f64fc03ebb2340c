// SPDX-License-Identifier: MIT
// Launcher, session leader and daemon are killed, stopped and signalled at every call of a start: there is a complete
// daemon or none, and the next start comes up.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"

#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

// What was tried, and how often the promise was kept.
struct Tally {
    int tried = 0;
    int kept = 0;

    void add(const std::string& why) {
        CHECK(why == "");
        ++tried;
        if (why.empty()) ++kept;
    }

    void print(const std::string& what, std::size_t calls) const {
        std::cout << what << ": calls in a start: " << calls << ", faults tried: " << tried
                  << ", kept: " << kept << std::endl;
        CHECK(tried > 20);
    }
};

// From its answer on, a launcher leaves a daemon that is complete without it.
bool is_answer(const Call& call) { return call.role == "launcher" && call.name == "send"; }

// What happens to the daemon between its ready and its body may be before or after the launcher's answer.
bool awaits_answer(const Call& call) {
    return call.role == "daemon" &&
           (call.name == "send" || call.name == "poll" || call.name == "recv");
}

// Why there is neither a complete daemon nor none.
std::string why_half_started(DaemonStart& start, const SeamedStart& seamed) {
    std::vector<pid_t> left;
    const auto runs = [&](pid_t daemon) {
        const std::string running = "pid " + std::to_string(daemon) + ": running\n";
        return read_file(seamed.files.log).find(running) != std::string::npos;
    };
    if (!eventually([&] {
            left = start.processes();
            return left.empty() || runs(left.front());
        }))
        return "it neither runs nor ends: " + start.err();
    if (left.empty()) return is_locked(seamed.files.pid_file) ? "locked by nobody" : "";
    DaemonStart::end(left.front(), SIGKILL);
    return "";
}

// Why a start in which one process is killed at a call ends in anything but a complete daemon or none.
std::string why_half_killed(const Call& call, const std::string& action, DaemonStart& start,
                            const SeamedStart& seamed) {
    const Ended launcher = start.await();
    if (launcher.signal == SIGKILL) {
        // The daemon finds the end of the line, and leaves; only after the answer it is complete.
        const bool may_be_complete = is_answer(call) && action == "late_kill";
        if (!may_be_complete && !start.leaves_nothing(Milliseconds(3000)))
            return "a daemon without a launcher";
        return why_half_started(start, seamed);
    }
    if (awaits_answer(call)) return why_half_started(start, seamed);
    if (launcher.exit_status == 0) {
        // The session leader was not needed any more, or this start did not make the call.
        const std::string why = why_not_up(start, seamed.files);
        if (why.empty()) DaemonStart::end(start.daemon(), SIGKILL);
        return why;
    }
    const std::string told = "probe_daemon: await_ready: daemon: ";
    if (start.err().rfind(told, 0) != 0 || start.err().find("SIGKILL") == std::string::npos)
        return "not told: " + start.err();
    return why_not_failed(start, seamed.files);
}

std::string why_broken_by_kill(Features features, const Call& call, const std::string& action) {
    const SeamedStart seamed(features);
    DaemonStart start(seamed.command(), {{call.plan(action)}, {}});
    const std::string why = why_half_killed(call, action, start, seamed);
    return why.empty() ? why_no_clean_life(seamed.files, seamed.command()) : why;
}

void kill_at_every_call(Features features) {
    const auto calls = calls_of_start(features);
    Tally tally;
    for (const Call& call : calls) {
        for (const std::string action : {"kill", "late_kill"}) {
            CAPTURE(call.role, call.name, call.occurrence, action);
            tally.add(why_broken_by_kill(features, call, action));
        }
    }
    tally.print(std::string(to_string(features)) + ", killed", calls.size());
}

// One of many starts that are stopped at the same time.
struct StoppedStart {
    StoppedStart(const Call& at, const std::string& action)
        : call(at),
          plan(at.plan(action)),
          start(seamed.command({"--ready-timeout-ms", "200"}), {{plan}, {}}) {}

    SeamedStart seamed{Features::few};
    Call call;
    std::string plan;
    DaemonStart start;
};

// Why a daemon that a signal stops while it starts is not ended by its launcher.
std::string why_not_ended(StoppedStart& stopped) {
    DaemonStart& start = stopped.start;
    if (start.await().exit_status == 0) {
        if (!awaits_answer(stopped.call)) return "status 0, and the daemon is stopped";
        ::kill(start.daemon(), SIGCONT);
        if (std::string why = why_not_up(start, stopped.seamed.files); !why.empty()) return why;
        DaemonStart::end(start.daemon(), SIGKILL);
    } else {
        if (std::string why = why_not_failed(start, stopped.seamed.files); !why.empty()) return why;
        if (start.err().find("not ready within 200 ms") == std::string::npos &&
            !awaits_answer(stopped.call))
            return "not told: " + start.err();
    }
    return why_no_clean_life(stopped.seamed.files, stopped.seamed.command());
}

// What became of a start one of whose processes was signalled at a call.
struct Signalled {
    SeamedStart seamed{Features::few};
    std::optional<DaemonStart> start;
    bool was_stopped = false;

    Signalled(const Call& call, int signal, const Words& options) {
        start.emplace(seamed.command(options), Surroundings{{call.plan("stop")}, {}});
        const auto process =
            call.role == "daemon" ? start->await_stopped_daemon() : start->await_stopped_launcher();
        was_stopped = process.has_value();
        if (!was_stopped) return;
        ::kill(*process, signal);
        ::kill(*process, SIGCONT);
    }
};

// Why a signal to the daemon, which it has to remember, is not acted on once it is up.
std::string why_forgotten(const Call& call, int signal) {
    Signalled signalled(call, signal, {});
    DaemonStart& start = *signalled.start;
    const DaemonFiles& files = signalled.seamed.files;
    const Ended launcher = start.await();
    if (!signalled.was_stopped)
        return why_not_up(start, files);  // not every start makes every call
    const std::string line = "signal " + std::to_string(signal) + " from pid";
    if (launcher.exit_status == 0 &&
        !eventually([&] { return read_file(files.log).find(line) != std::string::npos; }))
        return "forgotten";
    if (signal == SIGTERM) {
        // An orderly end, of the start or of the daemon.
        if (!start.leaves_nothing()) return "it does not end";
        if (is_locked(files.pid_file) || !read_file(files.pid_file).empty())
            return "it leaves its file";
        return "";
    }
    return why_not_up(start, files);
}

// With a SignalSet before the start, an interrupt before the forks would be the launcher's own to read.
const Words signals_made_late{"--signals", "after"};

// Why a launcher that is interrupted leaves a daemon, or ends as if nothing had happened.
std::string why_not_interrupted(const Call& call, int signal) {
    Signalled signalled(call, signal, signals_made_late);
    DaemonStart& start = *signalled.start;
    const Ended launcher = start.await();
    if (launcher.exit_status == 0) {
        // The daemon was ready before the launcher looked for signals.
        if (std::string why = why_not_up(start, signalled.seamed.files); !why.empty()) return why;
        DaemonStart::end(start.daemon(), SIGKILL);
    } else {
        if (launcher.signal != signal) return "not ended by the signal: " + start.err();
        if (!start.leaves_nothing(Milliseconds(1000))) return "a daemon is left";
    }
    return why_no_clean_life(signalled.seamed.files, signalled.seamed.command());
}

}  // namespace

TEST_CASE("start with few features: each process is killed at every call",
          "[fault][context][process]") {
    kill_at_every_call(Features::few);
}

TEST_CASE("start with all features: each process is killed at every call",
          "[fault][context][process]") {
    kill_at_every_call(Features::all);
}

TEST_CASE("start: a daemon that is stopped at any call is ended when the time is over",
          "[fault][context][process]") {
    const auto calls = calls_of_start(Features::few);
    Tally tally;
    std::vector<std::unique_ptr<StoppedStart>> batch;
    const auto judge_batch = [&] {
        for (const auto& stopped : batch) {
            CAPTURE(stopped->plan);
            tally.add(why_not_ended(*stopped));
        }
        batch.clear();
    };
    for (const Call& call : calls) {
        if (call.role != "daemon") continue;
        for (const std::string action : {"stop", "late_stop"}) {
            batch.push_back(std::make_unique<StoppedStart>(call, action));
            constexpr std::size_t at_once = 32;
            if (batch.size() == at_once) judge_batch();
        }
    }
    judge_batch();
    tally.print("daemon stopped", calls.size());
}

TEST_CASE("start: a launcher or a session leader that is stopped at any call goes on afterwards",
          "[fault][context][process]") {
    const auto calls = calls_of_start(Features::few);
    Tally tally;
    for (const Call& call : calls) {
        if (call.role == "daemon") continue;
        CAPTURE(call.role, call.name, call.occurrence);
        Signalled signalled(call, SIGCONT, {});
        tally.add(why_not_up(*signalled.start, signalled.seamed.files));
    }
    tally.print("stopped and continued", calls.size());
}

TEST_CASE("start: what the daemon is sent while it starts is remembered",
          "[fault][context][process]") {
    const int signal = GENERATE(SIGHUP, SIGUSR1, SIGTERM);
    const auto calls = calls_of_start(Features::few);
    Tally tally;
    for (const Call& call : calls) {
        if (call.role != "daemon") continue;
        CAPTURE(signal, call.name, call.occurrence);
        tally.add(why_forgotten(call, signal));
    }
    tally.print("daemon sent signal " + std::to_string(signal), calls.size());
}

TEST_CASE("start: an interrupt ends launcher and daemon, or comes too late",
          "[fault][context][process]") {
    const int signal = GENERATE(SIGTERM, SIGINT, SIGHUP, SIGQUIT);
    const auto calls = calls_of_start(Features::few, signals_made_late);
    Tally tally;
    for (const Call& call : calls) {
        if (call.role != "launcher") continue;
        CAPTURE(signal, call.name, call.occurrence);
        tally.add(why_not_interrupted(call, signal));
    }
    tally.print("launcher sent signal " + std::to_string(signal), calls.size());
}

TEST_CASE("start: signals that are none of its business do not disturb the launcher",
          "[fault][context][process]") {
    const int signal = GENERATE(SIGCHLD, SIGWINCH, SIGCONT, SIGURG);
    const auto calls = calls_of_start(Features::few);
    Tally tally;
    for (const Call& call : calls) {
        if (call.role != "launcher") continue;
        CAPTURE(signal, call.name, call.occurrence);
        Signalled signalled(call, signal, {});
        tally.add(why_not_up(*signalled.start, signalled.seamed.files));
    }
    tally.print("launcher sent signal " + std::to_string(signal), calls.size());
}

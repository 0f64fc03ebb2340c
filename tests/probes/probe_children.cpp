// SPDX-License-Identifier: MIT
// A program with children: probe_children VERB, reported as key=value.
//
//   orphans COUNT    as a subreaper: a child leaves that many orphans, all at once; SIGCHLD's callback reaps them
//   coalesced COUNT  that many children end while nobody looks
//   owned            reap_children beside a ChildProcess and a child of its own
//   thieves ROUNDS   one thread reaps all the time, others run children
//   stolen           somebody else waits for every child
//   ignored          SIGCHLD is ignored
//   forked           a ChildProcess is told to stop, and goes out of scope, in a forked process
#include <daemonkit/child_process.hpp>
#include <daemonkit/reap_children.hpp>
#include <daemonkit/signal_set.hpp>

#include "verbs.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using daemonkit::ChildProcess;
using daemonkit::reap_children;
using daemonkit::run_child;
using daemonkit::SignalSet;
using probe::require;
using namespace std::chrono_literals;

namespace {

std::string helper;  // the path of probe_helper, which stands beside this program

using probe::report;
void report(const std::string& key, long long value) { report(key, std::to_string(value)); }
void report(const std::string& key, const char* text) { report(key, std::string(text)); }

// True when this process has no child, ended or not.
bool is_childless() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

template <class Child>
pid_t start(Child child) {
    const pid_t pid = ::fork();
    require(pid >= 0, "fork");
    if (pid == 0) ::_exit(child());
    return pid;
}

void orphans(int count) {
    require(::prctl(PR_SET_CHILD_SUBREAPER, 1UL) == 0, "a subreaper");
    int gate[2];
    require(::pipe(gate) == 0, "pipe");
    SignalSet signals({SIGTERM});
    int callbacks = 0;
    int reaped = 0;
    int wrong = 0;
    std::set<pid_t> pids;
    signals.on(SIGCHLD, [&] {
        ++callbacks;
        for (const auto& [pid, status] : reap_children()) {
            ++reaped;
            pids.insert(pid);
            wrong += !status.code() || *status.code() > 7;
        }
        if (reaped == count + 1) signals.stop();
    });
    start([&] {
        for (int i = 0; i < count; ++i) {
            start([&] {
                ::close(gate[1]);
                char byte = 0;
                static_cast<void>(::read(gate[0], &byte, 1) == 0);
                return i % 8;
            });
        }
        return 0;
    });
    ::close(gate[1]);  // they all end now that their parent has, or when it does
    signals.run();
    report("reaped", reaped);
    report("different", static_cast<long long>(pids.size()));
    report("wrong", wrong);
    report("callbacks_at_most_reaped", callbacks <= reaped);
    report("childless", is_childless());
}

void coalesced(int count) {
    SignalSet signals({SIGCHLD});
    std::vector<pid_t> children;
    for (int i = 0; i < count; ++i) children.push_back(start([i] { return i; }));
    for (const pid_t child : children) {
        siginfo_t info{};
        require(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0, "waitid");
    }
    require(signals.wait().number == SIGCHLD, "SIGCHLD");
    int sum = 0;
    int reaped = 0;
    for (const auto& child : reap_children()) sum += *child.status.code(), ++reaped;
    report("reaped", reaped);
    report("sum", sum);
    report("none_left", reap_children().empty());
}

void owned() {
    ChildProcess child({helper, "exit:5"});
    const pid_t own = start([] { return 6; });
    siginfo_t info{};
    require(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT) == 0 &&
                ::waitid(P_PID, static_cast<id_t>(own), &info, WEXITED | WNOWAIT) == 0,
            "waitid");
    const auto reaped = reap_children();
    report("reaped", static_cast<long long>(reaped.size()));
    report("own", reaped.size() == 1 && reaped[0].pid == own);
    report("own_status", to_string(reaped.at(0).status));
    report("status", to_string(child.wait()));
    report("childless", is_childless());
}

void thieves(int rounds) {
    std::atomic<bool> over{false};
    std::atomic<int> right{0};
    std::atomic<int> strangers{0};
    std::thread thief([&] {
        while (!over) strangers += static_cast<int>(reap_children().size());
    });
    std::vector<std::thread> threads;
    for (int number = 1; number <= 3; ++number) {
        threads.emplace_back([&, number] {
            const std::string verb = "exit:" + std::to_string(number);
            for (int round = 0; round < rounds; ++round)
                right += run_child({helper, verb}).status == daemonkit::ExitStatus::exited(number);
        });
    }
    for (auto& thread : threads) thread.join();
    over = true;
    thief.join();
    report("right", right);
    report("strangers", strangers);
    report("childless", is_childless());
}

void stolen() {
    ChildProcess child({helper, "exit:5"});
    require(::waitpid(-1, nullptr, 0) == child.pid(), "waitpid");
    for (const char* const time : {"first", "second"}) {
        try {
            child.wait();
            report(time, "a result");
        } catch (const daemonkit::Error& error) {
            report(time, error.what());
        }
    }
    child.signal(SIGKILL);
    child.stop();
    // The number may be another child's by now, whose end is not this object's.
    report("owned", daemonkit::detail::child_registry.find(child.pid()) != nullptr);
    report("childless", is_childless());
}

void ignored() {
    ::signal(SIGCHLD, SIG_IGN);
    try {
        run_child({helper, "exit:0"});
        report("error", "none");
    } catch (const daemonkit::Error& error) {
        report(error);
    }
    ::signal(SIGCHLD, SIG_DFL);
    report("result", to_string(run_child({helper, "exit:4"})));
}

void forked() {
    auto child = std::make_unique<ChildProcess>(
        std::vector<std::string>{helper, "heed:15", "say:ready", "pause"},
        daemonkit::ChildOptions{.out = [](std::string_view) {}});
    const pid_t copy = start([&] {
        child->signal(SIGTERM);
        child->stop();
        child.reset();
        return 0;
    });
    int status = -1;
    require(::waitpid(copy, &status, 0) == copy, "waitpid");
    report("copy", status);
    report("runs", !child->wait_for(50ms));
    child->stop();
    report("result", to_string(child->wait()));
}

}  // namespace

int main(int argc, char** argv) {
    helper = argv[0];
    helper = helper.substr(0, helper.rfind('/') + 1) + "probe_helper";
    const std::string verb = argc > 1 ? argv[1] : "";
    const int count = argc > 2 ? std::atoi(argv[2]) : 0;
    if (verb == "orphans") orphans(count);
    if (verb == "coalesced") coalesced(count);
    if (verb == "owned") owned();
    if (verb == "thieves") thieves(count);
    if (verb == "stolen") stolen();
    if (verb == "ignored") ignored();
    if (verb == "forked") forked();
}

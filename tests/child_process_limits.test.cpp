// SPDX-License-Identifier: MIT
// ChildProcess and its limits: whatever a helper does, its group ends, and nobody waits for it longer than was said.
#include <daemonkit/child_process.hpp>
#include <daemonkit/signal_set.hpp>

#include "catch.hpp"
#include "children.hpp"

#include <chrono>
#include <csignal>
#include <optional>

#include <sys/prctl.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// Much longer than any limit here, much shorter than for ever.
constexpr auto soon = 8s;

// A limit within which the helper has come to its last verb, on a busy machine too.
constexpr auto begun = 1s;

struct Stopwatch {
    Clock::time_point begun = Clock::now();
    Clock::duration elapsed() const { return Clock::now() - begun; }
};

// What outlives the helper is this process's to wait for.
struct Subreaper {
    Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, 1UL); }
    static void end(pid_t pid) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
};

}  // namespace

TEST_CASE("run_child: after the time limit the program has the grace to end in order",
          "[child_process][process]") {
    Lines out;
    const Stopwatch watch;
    const auto result = run_child(helper({"heed:15", "say:ready", "pause"}),
                                  {.out = out.sink(), .timeout = begun, .grace = 10s});
    CHECK(result.status == ExitStatus::exited(9));
    CHECK(result.ended_by == EndedBy::timeout);
    CHECK(to_string(result) == "timed out, ended with status 9");
    CHECK(out.all == Words{"ready", "heeded"});
    CHECK(watch.elapsed() >= begun);
    CHECK(watch.elapsed() < soon);
}

TEST_CASE("run_child: a program that does not heed SIGTERM is killed when the grace is over",
          "[child_process][process]") {
    const Stopwatch watch;
    const auto result =
        run_child(helper({"ignore:15", "pause"}), {.timeout = begun, .grace = 100ms});
    CHECK(result.status == ExitStatus::signalled(SIGKILL));
    CHECK(result.ended_by == EndedBy::timeout);
    CHECK(watch.elapsed() >= begun + 100ms);
    CHECK(watch.elapsed() < soon);
    CHECK(is_childless());
}

TEST_CASE("run_child: the time limit ends the whole group, stopped or deaf as it may be",
          "[child_process][process]") {
    const Subreaper subreaper;
    // The descendant inherits that SIGTERM is ignored; the program itself heeds it, or is stopped.
    const std::string last = GENERATE("raise:19", "pause");
    CAPTURE(last);
    Lines out;
    const Stopwatch watch;
    const auto result = run_child(helper({"ignore:15", "descendant", "heed:15", last}),
                                  {.out = out.sink(), .timeout = begun, .grace = 200ms});
    CHECK(result.status == ExitStatus::exited(9));
    CHECK(watch.elapsed() < soon);
    REQUIRE(out.descendant() != 0);
    CHECK(comes_to_hold([&] { return is_gone(out.descendant()); }));
    Subreaper::end(out.descendant());
    CHECK(is_childless());
}

TEST_CASE("run_child: a program that never stops printing does not outrun its time limit",
          "[child_process][process]") {
    std::size_t lines = 0;
    const Stopwatch watch;
    const auto result = run_child(helper({"chatter"}),
                                  {.out = [&](std::string_view) { ++lines; }, .timeout = 100ms});
    CHECK(result.ended_by == EndedBy::timeout);
    CHECK(lines > 0);
    CHECK(watch.elapsed() < soon);
}

TEST_CASE("run_child: a descendant that holds the output holds nobody up, and is left alone",
          "[child_process][process]") {
    const Subreaper subreaper;
    const std::string kind = GENERATE("descendant", "stranger");
    CAPTURE(kind);
    Lines out;
    const Stopwatch watch;
    SECTION("for the grace, without a time limit") {
        CHECK(run_child(helper({kind, "exit:3"}), {.out = out.sink(), .grace = 100ms}).status ==
              ExitStatus::exited(3));
    }
    SECTION("until the time limit, where that comes first") {
        const auto result =
            run_child(helper({kind, "exit:3"}), {.out = out.sink(), .timeout = begun, .grace = 1h});
        CHECK(result.status == ExitStatus::exited(3));
        CHECK(result.ended_by == EndedBy::itself);
    }
    CHECK(watch.elapsed() < soon);
    REQUIRE(out.descendant() != 0);
    CHECK_FALSE(is_gone(out.descendant()));
    Subreaper::end(out.descendant());
    CHECK(is_childless());
}

TEST_CASE("run_child: a descendant that has left the group cannot hold up an end by the limit",
          "[child_process][process]") {
    const Subreaper subreaper;
    Lines out;
    const Stopwatch watch;
    const auto result = run_child(helper({"stranger", "pause"}),
                                  {.out = out.sink(), .timeout = begun, .grace = 200ms});
    CHECK(result.status == ExitStatus::signalled(SIGTERM));
    CHECK(result.ended_by == EndedBy::timeout);
    CHECK(watch.elapsed() < soon);
    REQUIRE(out.descendant() != 0);
    Subreaper::end(out.descendant());
}

TEST_CASE("ChildProcess: at the end of the scope the program ends, and its group with it",
          "[child_process][process]") {
    const Subreaper subreaper;
    const int before = count_descriptors();
    Lines out;
    pid_t pid = 0;
    const Stopwatch watch;
    {
        ChildProcess child(helper({"ignore:15", "descendant", "say:ready", "pause"}),
                           {.out = out.sink(), .grace = 100ms});
        pid = child.pid();
        await_line(child, out, "ready");
    }
    CHECK(watch.elapsed() < soon);
    CHECK(is_gone(pid));
    CHECK(comes_to_hold([&] { return is_gone(out.descendant()); }));
    Subreaper::end(out.descendant());
    CHECK(is_childless());
    CHECK(count_descriptors() == before);
}

TEST_CASE("ChildProcess: the end of the scope takes no longer than one grace",
          "[child_process][process]") {
    const Subreaper subreaper;
    constexpr auto grace = 2s;
    // Who has left the group holds the output on and on; the program itself ends at once, or never by itself.
    const std::string first = GENERATE("heed:15", "ignore:15");
    CAPTURE(first);
    Lines out;
    std::optional<ChildProcess> child(std::in_place,
                                      helper({first, "stranger", "say:ready", "pause"}),
                                      ChildOptions{.out = out.sink(), .grace = grace});
    await_line(*child, out, "ready");
    const Stopwatch watch;
    child.reset();
    CHECK(watch.elapsed() < 2 * grace - 500ms);  // not one for each of two ends
    REQUIRE(out.descendant() != 0);
    Subreaper::end(out.descendant());
}

TEST_CASE("ChildProcess: stop begins the end, and wait brings it to its end",
          "[child_process][process]") {
    Lines out;
    ChildProcess child(helper({"heed:15", "say:ready", "pause"}), {.out = out.sink()});
    await_line(child, out, "ready");
    CHECK_FALSE(child.poll());
    child.stop();
    const auto result = child.wait();
    CHECK(result.ended_by == EndedBy::request);
    CHECK(to_string(result) == "stopped, ended with status 9");
    CHECK(out.has("heeded"));
}

TEST_CASE("run_child: a SignalSet's descriptor ends the program when a signal arrives",
          "[child_process][process]") {
    SignalSet signals({SIGUSR2});
    Lines out;
    const auto send_when_ready = [&](std::string_view line) {
        out.all.emplace_back(line);
        if (line == "ready") ::kill(::getpid(), SIGUSR2);
    };
    const auto result =
        run_child(helper({"heed:15", "say:ready", "pause"}),
                  {.out = send_when_ready, .end_when_readable = signals.native_handle()});
    CHECK(result.ended_by == EndedBy::request);
    CHECK(result.status == ExitStatus::exited(9));
    CHECK(signals.wait().number == SIGUSR2);  // it is still there to be taken
}

TEST_CASE("ChildProcess: wait_for comes back when its time is over", "[child_process][process]") {
    ChildProcess child(helper({"pause"}));
    const Stopwatch watch;
    CHECK_FALSE(child.wait_for(20ms));
    CHECK(watch.elapsed() >= 20ms);
    CHECK_FALSE(child.wait_for(0ms));
    CHECK_FALSE(child.wait_for(-1h));
    CHECK(watch.elapsed() < soon);
}

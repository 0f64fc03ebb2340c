// SPDX-License-Identifier: MIT
// ProcessHandle where the kernel lacks what it is made of, and with every system call failing.
#include <daemonkit/process_handle.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "not_tested.hpp"
#include "pid_lock_probe.hpp"
#include "process_handle_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;

namespace {

constexpr std::uint32_t first = 1;

// What /proc says of a process named like that, in a state, with so many threads.
std::string stat_line(const std::string& name, char state, const std::string& threads,
                      const std::string& started, const std::string& flags = "4194560") {
    return "71 (" + name + ") " + state + " 1 71 71 0 -1 " + flags + " 1 2 3 4 5 6 7 8 20 0 " +
           threads + " 0 " + started + " 2 3 4\n";
}

// How a handle on a running program lives and dies, by whatever means there are.
void check_life(RunningProgram& program) {
    ProcessHandle handle(program.pid());
    CHECK_FALSE(handle.native_handle());
    CHECK(handle.is_running());
    CHECK_FALSE(handle.wait_for(5ms));
    CHECK(handle.signal(0));
    CHECK(handle.stop({.steps = {{SIGTERM, 20s}}}) == SIGTERM);
    // Nobody has taken its end yet.
    CHECK_FALSE(handle.is_running());
    CHECK_FALSE(ProcessHandle(program.pid()).is_running());
    CHECK(program.await_end() == 128 + SIGTERM);
    CHECK_FALSE(handle.is_running());
    CHECK_FALSE(handle.signal(SIGTERM));
    CHECK_FALSE(ProcessHandle(program.pid()).is_running());
}

}  // namespace

TEST_CASE("ProcessHandle: without a descriptor of the process, its start time stands for it",
          "[process_handle][process][fault]") {
    const int error = GENERATE(ENOSYS, EPERM);
    CAPTURE(std::strerror(error));
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    const Fault no_pidfd("pidfd_open", first, error, Repeat::for_good);
    check_life(program);
}

TEST_CASE("ProcessHandle: a signal that has no call of its own goes by kill",
          "[process_handle][process][fault]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    const Fault fault("pidfd_send_signal", first, ENOSYS, Repeat::for_good);
    ProcessHandle handle(program.pid());
    CHECK(handle.stop({.steps = {{SIGTERM, 20s}}}) == SIGTERM);
    CHECK(fault.hits() > 0);
    CHECK(program.await_end() == 128 + SIGTERM);
}

TEST_CASE("ProcessHandle: where nothing but the number is left, the number is refused",
          "[process_handle][process][fault]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    const Finished finished =
        run_program(handle_probe({"hide-proc", "handle:" + std::to_string(program.pid()),
                                  "handle:4194305", "running"}),
                    {{"DAEMONKIT_FAULT", "pidfd_open:1:38:sticky"}});
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    CHECK(finished["error"] == "find_process");
    CHECK(finished["errno"] == std::to_string(ENOTSUP));
    CHECK(finished["running"] == "no");  // the other one: it does not exist
}

TEST_CASE("ProcessHandle: where neither descriptor nor /proc tells, the lock is asked each time",
          "[process_handle][process][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    daemon.await("paused");
    const Finished finished =
        run_program(handle_probe({"hide-proc", "holder-of:" + path, "running", "wait:1", "signal:0",
                                  "stop:TERM 20s", "running", "signal:15"}),
                    {{"DAEMONKIT_FAULT", "pidfd_open:1:38:sticky"}});
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    CHECK(finished.out == "handle=" + std::to_string(daemon.pid()) +
                              "\nrunning=yes\nended=no\nsignalled=yes\nstopped_by=15\nrunning=no\n"
                              "signalled=ended\nend=reached\n");
    CHECK(daemon.await_end() == 128 + SIGTERM);
}

TEST_CASE("ProcessHandle: a call that fails names its step, and nobody is signalled",
          "[process_handle][process][fault]") {
    struct Row {
        const char* name;
        int error;
        Step step;
        int exit_status;
    };
    const auto row = GENERATE(values<Row>({
        {"pidfd_open", EMFILE, Step::find_process, 71},
        {"pidfd_open", ENFILE, Step::find_process, 71},
        {"pidfd_open", ENOMEM, Step::find_process, 71},
        {"poll", ENOMEM, Step::find_process, 71},
        {"pidfd_send_signal", EPERM, Step::signal_process, 77},
        {"pidfd_send_signal", EINVAL, Step::signal_process, 71},
        {"pidfd_send_signal", EBADF, Step::signal_process, 71},
    }));
    CAPTURE(row.name, std::strerror(row.error));
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    const int descriptors = open_descriptors();
    const Outcome outcome = with_fault(row.name, first, row.error, Repeat::for_good, [&] {
        ProcessHandle(program.pid()).stop({.steps = {{SIGTERM, 0ms}}});
    });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == row.step);
    CHECK(outcome.error->subject() == "pid " + std::to_string(program.pid()));
    CHECK(outcome.error->code().value() == row.error);
    CHECK(outcome.error->exit_status() == row.exit_status);
    CHECK(open_descriptors() == descriptors);
    program.tell();
    CHECK(program.await_end() == 0);
}

TEST_CASE("ProcessHandle: a process that is gone when it is signalled has ended",
          "[process_handle][process][fault]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    ProcessHandle handle(program.pid());
    const Outcome outcome = with_fault("pidfd_send_signal", first, ESRCH, Repeat::once,
                                       [&] { CHECK_FALSE(handle.signal(SIGTERM)); });
    CHECK_FALSE(outcome.error);
    CHECK(outcome.hits == 1);
    CHECK_FALSE(handle.is_running());
}

TEST_CASE("ProcessHandle: interrupted calls are made again, and a wait ends in its time",
          "[process_handle][process][fault]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    for (const char* const name : {"pidfd_open", "poll", "ppoll", "pidfd_send_signal"}) {
        CAPTURE(name);
        const Outcome once = with_fault(name, first, EINTR, Repeat::once, [&] {
            ProcessHandle handle(program.pid());
            CHECK(handle.signal(0));
            CHECK_FALSE(handle.wait_for(5ms));
        });
        CHECK(once.hits == 1);
        CHECK_FALSE(once.error);
    }
    const auto start = std::chrono::steady_clock::now();
    const Outcome for_good = with_fault("ppoll", first, EINTR, Repeat::for_good, [&] {
        CHECK_FALSE(ProcessHandle(program.pid()).wait_for(50ms));
    });
    CHECK_FALSE(for_good.error);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE(
    "ProcessHandle: whichever call fails while a holder is looked up, it is that holder or an "
    "error",
    "[process_handle][process][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    daemon.await("paused");
    for (std::uint32_t occurrence = first;; ++occurrence) {
        CAPTURE(occurrence);
        std::optional<ProcessHandle> found;
        const Outcome outcome = with_fault("any", occurrence, EIO, Repeat::once,
                                           [&] { found = ProcessHandle::holder_of(path); });
        if (outcome.hits == 0) break;
        CHECK((outcome.error || (found && found->pid() == daemon.pid())));
        REQUIRE(occurrence < 100);
    }
}

// -- what /proc says --------------------------------------------------------------------------------------------------

TEST_CASE("process_trace: the line of a process is read, whatever its name",
          "[process_handle][unit]") {
    using detail::parse_process_stat;
    for (const std::string name : {"daemon", "a b", "()", ") S 1 (", ") Z 1 2 3 4 5 6", ""}) {
        CAPTURE(name);
        const auto trace = parse_process_stat(stat_line(name, 'S', "1", "4711"));
        REQUIRE(trace);
        CHECK(trace.value.started == 4711);
        CHECK_FALSE(trace.value.is_ending);
        CHECK_FALSE(trace.value.has_ended);
    }
    CHECK(parse_process_stat(stat_line("x", 'Z', "1", "18446744073709551615")).value.has_ended);
    CHECK(parse_process_stat(stat_line("x", 'X', "0", "1")).value.has_ended);
    CHECK(parse_process_stat(stat_line("x", 'R', "1", "1", "4194564")).value.is_ending);
    // Its first thread alone has ended.
    CHECK_FALSE(parse_process_stat(stat_line("x", 'Z', "3", "1")).value.has_ended);
    CHECK_FALSE(parse_process_stat(stat_line("x", 'T', "1", "1")).value.has_ended);

    for (const std::string& text :
         {std::string(), std::string("71"), std::string("71 (x"), std::string("71 (x) "),
          std::string("71 (x) S"), std::string("71 (x) S 1 2 3"), stat_line("x", 'S', "1", ""),
          stat_line("x", 'S', "1", "-1"), stat_line("x", 'S', "1", "18446744073709551616"),
          stat_line("x", 'S', "", "1"), stat_line("x", 'S', "1x", "1")}) {
        CAPTURE(text);
        CHECK(parse_process_stat(text).error == ENOTSUP);
    }
    const std::string whole = stat_line("x", 'S', "1", "4711");
    for (std::size_t size = 0; size < whole.find("4711") + 4; ++size)
        CHECK(parse_process_stat(std::string_view(whole).substr(0, size)).error == ENOTSUP);
}

TEST_CASE("process_trace: a process is told from none and from one that does not answer",
          "[process_handle][unit][fault]") {
    const auto own = detail::trace_process(::getpid());
    if (own.error == ENOTSUP) return not_tested("there is no /proc");
    REQUIRE(own);
    CHECK(own.value.started > 0);
    CHECK(own.value.started == detail::trace_process(::getpid()).value.started);
    CHECK(detail::trace_process(4'194'305).error == ESRCH);
    const auto [name, error, told] =
        GENERATE(table<const char*, int, int>({{"open", ENOENT, ENOTSUP},
                                               {"open", EACCES, ENOTSUP},
                                               {"open", EPERM, ENOTSUP},
                                               {"open", EMFILE, EMFILE},
                                               {"read", ESRCH, ESRCH},
                                               {"read", EIO, EIO}}));
    CAPTURE(name, std::strerror(error));
    const Fault fault(name, first, error, Repeat::for_good);
    CHECK(detail::trace_process(::getpid()).error == told);
}

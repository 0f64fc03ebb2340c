// SPDX-License-Identifier: MIT
#include <daemonkit/process_handle.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "pid_lock_probe.hpp"
#include "process_handle_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using namespace std::string_literals;
namespace fs = std::filesystem;

static_assert(!std::is_copy_constructible_v<ProcessHandle>);
static_assert(std::is_nothrow_move_constructible_v<ProcessHandle>);
static_assert(std::is_nothrow_move_assignable_v<ProcessHandle>);

namespace {

using Clock = std::chrono::steady_clock;

// -- one process ------------------------------------------------------------------------------------------------------

TEST_CASE("ProcessHandle: a process is seen to run, is signalled, and is seen to have ended",
          "[process_handle][process]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    ProcessHandle handle(program.pid());
    CHECK(handle.pid() == program.pid());
    CHECK(handle.is_running());
    CHECK_FALSE(handle.wait_for(0ms));
    CHECK_FALSE(handle.wait_for(20ms));
    CHECK(handle.signal(0));
    CHECK(handle.signal(SIGTERM));
    CHECK(handle.wait_for(20s));
    // Nobody has taken its end yet.
    CHECK_FALSE(handle.is_running());
    CHECK_FALSE(handle.signal(SIGTERM));
    CHECK_FALSE(ProcessHandle(program.pid()).is_running());
    CHECK(program.await_end() == 128 + SIGTERM);
    CHECK_FALSE(handle.is_running());
    CHECK_FALSE(handle.signal(SIGTERM));
    CHECK(handle.wait_for(0ms));
    CHECK(handle.stop() == SIGTERM);
}

TEST_CASE("ProcessHandle: its descriptor is readable when the process has ended, and close-on-exec",
          "[process_handle][process]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    ProcessHandle handle(program.pid());
    const auto fd = handle.native_handle();
    if (!fd) return not_tested("this kernel has no pidfd_open");
    CHECK((::fcntl(*fd, F_GETFD) & FD_CLOEXEC) != 0);
    ::pollfd set{*fd, POLLIN, 0};
    CHECK(::poll(&set, 1, 0) == 0);
    program.signal(SIGKILL);
    CHECK(::poll(&set, 1, 20'000) == 1);
    CHECK_FALSE(handle.is_running());
}

TEST_CASE("ProcessHandle: what is no number of another process is refused",
          "[process_handle][unit]") {
    const std::vector<int> numbers{0, -1, -2, -::getpid(), -::getpgrp(), -2'147'483'647};
    for (const int number : numbers) {
        CAPTURE(number);
        try {
            const ProcessHandle handle(number);
            FAIL("accepted");
        } catch (const Error& error) {
            CHECK(error.step() == Step::find_process);
            CHECK(error.subject() == "pid " + std::to_string(number));
            CHECK(error.code().value() == EINVAL);
        }
    }
    // Numbers that no process can have, on Linux.
    for (const int number : {2'147'483'647, 4'194'305}) {
        CAPTURE(number);
        CHECK_FALSE(ProcessHandle(number).is_running());
        CHECK_FALSE(ProcessHandle(number).signal(SIGKILL));
        CHECK(ProcessHandle(number).wait_for(0ms));
    }
}

TEST_CASE("ProcessHandle: neither pid 1 nor the calling process is ever signalled",
          "[process_handle][unit]") {
    for (const pid_t pid : {pid_t{1}, ::getpid()}) {
        CAPTURE(pid);
        ProcessHandle handle(pid);
        CHECK(handle.is_running());
        for (const int number : {0, SIGURG, SIGTERM}) {
            try {
                handle.signal(number);
                FAIL("signalled");
            } catch (const Error& error) {
                CHECK(error.step() == Step::signal_process);
                CHECK(error.subject() == "pid " + std::to_string(pid));
                CHECK(error.code().value() == EPERM);
                CHECK(error.exit_status() == 77);
            }
        }
        CHECK_THROWS_AS(handle.stop({.steps = {{SIGURG, 0ms}}}), Error);
    }
}

TEST_CASE("ProcessHandle: a number that is no signal, and a schedule without steps, are refused",
          "[process_handle][process]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    ProcessHandle handle(program.pid());
    for (const int number : {-1, 65, 1000}) {
        CAPTURE(number);
        CHECK_THROWS_AS(handle.signal(number), Error);
    }
    CHECK_THROWS_AS(handle.stop({.steps = {}}), Error);
    CHECK(handle.is_running());
}

TEST_CASE("ProcessHandle: a thread's number is no process", "[process_handle][process]") {
    RunningProgram program(handle_probe({"thread", "pause:here"}));
    const pid_t thread = std::stoi(program.await("thread"));
    try {
        const ProcessHandle handle(thread);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.step() == Step::find_process);
        CHECK(error.code().value() == EINVAL);
        CHECK(says(error, "a thread's number"));
    }
}

TEST_CASE("ProcessHandle: another user's process runs, and may not be signalled",
          "[process_handle][process][root]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    const Finished finished =
        run_program(handle_probe({"user:65534", "handle:" + std::to_string(program.pid()),
                                  "running", "signal:15", "stop:TERM 0s"}));
    INFO(finished.out << finished.err);
    CHECK(finished["running"] == "yes");
    CHECK(finished["signalled"] == "(no signalled)");
    CHECK(finished["error"] == "signal_process");
    CHECK(finished["errno"] == std::to_string(EPERM));
    CHECK(finished["status"] == "77");
    CHECK(finished["stopped_by"] == "(no stopped_by)");
    CHECK(ProcessHandle(program.pid()).is_running());
}

// -- the end, step by step --------------------------------------------------------------------------------------------

TEST_CASE("ProcessHandle: a process is stopped by the first signal that ends it",
          "[process_handle][process]") {
    SECTION("the first") {
        RunningProgram program(handle_probe({"pause:here"}));
        program.await("paused");
        CHECK(ProcessHandle(program.pid()).stop() == SIGTERM);
        CHECK(program.await_end() == 128 + SIGTERM);
    }
    SECTION("the last") {
        RunningProgram program(handle_probe({"ignore:15", "ignore:2", "pause:here"}));
        program.await("paused");
        const auto start = Clock::now();
        const StopSchedule schedule{.steps = {{SIGTERM, 100ms}, {SIGINT, 50ms}, {SIGKILL, 20s}}};
        CHECK(ProcessHandle(program.pid()).stop(schedule) == SIGKILL);
        CHECK(Clock::now() - start >= 150ms);
        CHECK(Clock::now() - start < 10s);
        CHECK(program.await_end() == 128 + SIGKILL);
    }
    SECTION("none") {
        RunningProgram program(handle_probe({"ignore:15", "pause:here"}));
        program.await("paused");
        ProcessHandle handle(program.pid());
        CHECK_FALSE(handle.stop({.steps = {{SIGTERM, 10ms}, {SIGTERM, 0ms}}}));
        CHECK(handle.is_running());
    }
}

TEST_CASE("ProcessHandle: a process that is stopped by SIGSTOP hears of SIGTERM",
          "[process_handle][process]") {
    RunningProgram program(handle_probe({"pause:here"}));
    program.await("paused");
    ProcessHandle handle(program.pid());
    CHECK(handle.signal(SIGSTOP));
    CHECK(program.await_stop_or("never"));
    CHECK(handle.stop({.steps = {{SIGTERM, 20s}}}) == SIGTERM);
    CHECK(program.await_end() == 128 + SIGTERM);
}

// -- by the pid file --------------------------------------------------------------------------------------------------

TEST_CASE("ProcessHandle: the holder of a pid file is the process that has the lock",
          "[process_handle][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    CHECK_FALSE(ProcessHandle::holder_of(path));
    CHECK_FALSE(ProcessHandle::holder_of(folder / "missing/pid"));
    RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    daemon.await("paused");
    auto handle = ProcessHandle::holder_of(path);
    REQUIRE(handle);
    CHECK(handle->pid() == daemon.pid());
    CHECK(handle->stop() == SIGTERM);
    CHECK(PidLock::wait_until_free(path, 20s));
    CHECK(daemon.await_end() == 128 + SIGTERM);
    CHECK_FALSE(ProcessHandle::holder_of(path));
}

TEST_CASE("ProcessHandle: a holder that cannot be named is an error, and nobody is signalled",
          "[process_handle][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram holder(pid_lock_probe(
        {"lock:" + path, "pause:unwritten", "write", "fork-worker", "pause:written"}));
    holder.await("paused");
    const auto check_unnamed = [&] {
        try {
            ProcessHandle::holder_of(path);
            FAIL("named");
        } catch (const Error& error) {
            CHECK(error.step() == Step::find_process);
            CHECK(error.subject() == path);
            CHECK(error.code().value() == EWOULDBLOCK);
            CHECK(error.exit_status() == 75);
            CHECK(says(error, "see fuser"));
        }
    };
    check_unnamed();  // a start is under way
    holder.tell();
    holder.await("worker");
    CHECK(ProcessHandle::holder_of(path)->pid() == holder.pid());
    holder.signal(SIGKILL);
    CHECK(holder.await_end() == 128 + SIGKILL);
    check_unnamed();  // a worker has outlived its daemon
}

// The text that careless parsers take for the number of a process; then what stands for others.
std::vector<std::string> forged(pid_t victim) {
    const std::string number = std::to_string(victim);
    std::string wrapped_32 = std::to_string(4'294'967'296ULL + static_cast<unsigned>(victim));
    std::string wrapped_64 =
        "1844674407" + std::to_string(3'709'551'616ULL + static_cast<unsigned>(victim));
    return {number + "\n",
            number,
            " " + number + "\n",
            "\t" + number + "\n",
            "+" + number + "\n",
            "0" + number + "\n",
            "000" + number + "\n",
            number + " \n",
            number + "\r\n",
            number + ".0\n",
            number + "e0\n",
            "0x" + number + "\n",
            wrapped_32 + "\n",
            wrapped_64 + "\n",
            "-" + number + "\n",
            "1\n" + number + "\n",
            number + "\n1\n",
            number + "\0"s + "\n",
            "-1\n",
            "0\n",
            "1\n",
            "",
            "garbage\n",
            "18446744073709551615\n"};
}

TEST_CASE("ProcessHandle: whoever stands in a pid file that nobody holds is never signalled",
          "[process_handle][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram victim(handle_probe({"pause:here"}));
    victim.await("paused");
    for (const std::string& text : forged(victim.pid())) {
        CAPTURE(text);
        write_file(path, text);
        CHECK_FALSE(ProcessHandle::holder_of(path));
    }
    SECTION("absent") { fs::remove(path); }
    SECTION("a pipe") {
        fs::remove(path);
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        CHECK_THROWS_AS(ProcessHandle::holder_of(path), Error);
    }
    SECTION("a folder") {
        fs::remove(path);
        fs::create_directory(path);
        CHECK_THROWS_AS(ProcessHandle::holder_of(path), Error);
    }
    SECTION("a symbolic link") {
        fs::rename(path, folder / "other");
        fs::create_symlink(folder / "other", path);
        CHECK_THROWS_AS(ProcessHandle::holder_of(path), Error);
    }
    SECTION("mode 000") {
        REQUIRE(::chmod(path.c_str(), 0) == 0);
        if (::geteuid() == 0)
            CHECK_FALSE(ProcessHandle::holder_of(path));
        else
            CHECK_THROWS_AS(ProcessHandle::holder_of(path), Error);
    }
    CHECK(ProcessHandle(victim.pid()).is_running());
    victim.tell();
    CHECK(victim.await_end() == 0);
}

TEST_CASE("ProcessHandle: whatever stands in a pid file, its holder alone is stopped",
          "[process_handle][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram victim(handle_probe({"pause:here"}));
    victim.await("paused");
    for (const std::string& text : forged(victim.pid())) {
        CAPTURE(text);
        RunningProgram holder(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
        holder.await("paused");
        write_file(path, text);
        auto handle = ProcessHandle::holder_of(path);
        REQUIRE(handle);
        CHECK(handle->pid() == holder.pid());
        CHECK(handle->stop() == SIGTERM);
        CHECK(holder.await_end() == 128 + SIGTERM);
    }
    victim.tell();
    CHECK(victim.await_end() == 0);
}

// -- a number that becomes another's ----------------------------------------------------------------------------------

const std::map<std::string, std::string> no_pidfd{
    {"DAEMONKIT_FAULT", "pidfd_open:1:" + std::to_string(ENOSYS) + ":sticky"}};

TEST_CASE("ProcessHandle: the next process with the number is never taken for the first one",
          "[process_handle][process]") {
    const auto has_pidfd = GENERATE(true, false);
    CAPTURE(has_pidfd);
    const Finished finished = run_program(
        handle_probe({"pid-namespace", "child", "handle:child", "running", "kill-child", "ticked",
                      "next-pid", "child", "running", "signal:9", "stop:KILL 1s", "wait:0",
                      "child-alive", "handle:child", "signal:9", "wait:20000"}),
        has_pidfd ? std::map<std::string, std::string>{} : no_pidfd);
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    // The same number twice, and each line in its turn.
    const auto child = finished["child"];
    CHECK(finished.out == "child=" + child + "\nhandle=" + child + "\nrunning=yes\nchild=" + child +
                              "\nrunning=no\nsignalled=ended\nstopped_by=9\nended=yes\nalive=yes\n"
                              "handle=" +
                              child + "\nsignalled=yes\nended=yes\nend=reached\n");
}

TEST_CASE("ProcessHandle: a holder whose number becomes another's while it is looked up is nobody",
          "[process_handle][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    const auto call = GENERATE("pidfd_open:1:stop", "pidfd_open:1:late_stop");
    CAPTURE(call);
    const Finished finished = run_program(
        handle_probe({"pid-namespace", "holder:" + path, "holder-of-late:" + path, "child-alive"}),
        {{"DAEMONKIT_FAULT", call}});
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    CHECK(finished["stopped"] == "yes");
    CHECK(finished["handle"] == "none");
    CHECK(finished["alive"] == "yes");
}

}  // namespace

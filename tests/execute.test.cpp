// SPDX-License-Identifier: MIT
// DaemonContext::execute: the daemon becomes another program, and the launcher's status says whether it has.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "fault/start_calls.hpp"
#include "notify_receiver.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// A start of probe_execute; the program that comes of it has another name, and is found by the lock that it holds.
struct Program {
    explicit Program(const Words& options, const Words& command,
                     const Surroundings& surroundings = {})
        : start(
              Words{probe("probe_execute"), files.folder.path()} + options + Words{"--"} + command,
              surroundings) {}
    ~Program() {
        if (const auto left = holder()) DaemonStart::end(*left, SIGKILL);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    std::optional<pid_t> holder() const {
        const auto found = PidLock::holder(files.pid_file);
        return found ? found->pid : std::nullopt;
    }

    // What a start that failed has told, and with which status.
    std::string told(int status) {
        CHECK(start.await().exit_status == status);
        CHECK(start.leaves_nothing());
        CHECK_FALSE(fs::exists(files.pid_file));
        return start.err();
    }

    DaemonFiles files;
    DaemonStart start;
};

// Empty where the kernel does not tell: of a process that leaves no core, to root alone.
std::string program_of(pid_t pid) {
    std::error_code refused;
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", refused).filename();
}

const std::string sleep_program = fs::canonical("/bin/sleep").filename();

/// Why a start with a fault is neither up, with the program in its place, nor failed, with nothing left.
std::string why_neither(Program& program) {
    const Ended launcher = program.start.await();
    // A launcher that is killed may leave a program that is complete, a moment later.
    if (launcher.signal == SIGKILL && !program.start.leaves_nothing()) return "a process is left";
    auto holder = program.holder();
    // A process that ends gives up its memory, and with that the name of its program, before its descriptors.
    const auto is_settled = [&] {
        return !(holder = program.holder()) || !program_of(*holder).empty();
    };
    if (launcher.signal == SIGKILL) static_cast<void>(eventually(is_settled));
    if (launcher.exit_status == 0 && !holder) return "status 0, and nobody holds the lock";
    if (holder && (launcher.exit_status == 0 || launcher.signal == SIGKILL)) {
        if (program_of(*holder) != sleep_program) return "the holder is " + program_of(*holder);
        const bool is_named = read_file(program.files.pid_file) == std::to_string(*holder) + "\n";
        return is_named ? "" : "the pid file has another number";
    }
    if (launcher.signal == 0 && program.start.err().empty()) return "nothing is told";
    // A launcher that cannot wait has killed what it cannot wait for.
    constexpr Milliseconds time_to_go{3000};
    if (!program.start.leaves_nothing(time_to_go)) return "a process is left";
    const bool is_free = eventually([&] { return !is_locked(program.files.pid_file); }, time_to_go);
    return is_free ? "" : "the pid file is locked";
}

std::string script(const DaemonFiles& files, const std::string& text, mode_t mode = 0755) {
    std::string path = files.folder / "script";
    write_file(path, text);
    ::chmod(path.c_str(), mode);
    return path;
}

}  // namespace

TEST_CASE("DaemonContext: the program that it becomes has its pid, its pid file and its lock",
          "[context][execute][process]") {
    Program program({}, {"sleep", "60"});
    REQUIRE(program.start.await().exit_status == 0);
    CHECK(program.start.err() == "");
    const auto holder = program.holder();
    REQUIRE(holder);
    // The launcher has seen the exec: there is no moment after it at which this is still the probe.
    CHECK(program_of(*holder) == sleep_program);
    CHECK(read_file(program.files.pid_file) == std::to_string(*holder) + "\n");
    CHECK(::getsid(*holder) != *holder);
    CHECK(read_file(program.files.log) == "before the exec\n");

    DaemonStart second({probe("probe_execute"), program.files.folder.path(), "--", "sleep", "60"});
    CHECK(second.await().exit_status == 75);
    CHECK(second.err().find("already running as pid " + std::to_string(*holder)) !=
          std::string::npos);

    CHECK(DaemonStart::end(*holder, SIGTERM).signal == SIGTERM);
    CHECK_FALSE(is_locked(program.files.pid_file));
    CHECK_FALSE(program.holder());
}

TEST_CASE("DaemonContext: a program that cannot be executed is told by the launcher",
          "[context][execute][process]") {
    struct Case {
        Words command;
        int status;
        std::string message;
    };
    const DaemonFiles files;
    const std::string plain = script(files, "no program\n", 0644);
    const std::string lost = files.folder / "lost";
    write_file(lost, "#!/no/such/interpreter\n");
    ::chmod(lost.c_str(), 0755);
    const std::string text = files.folder / "text";
    write_file(text, "no program\n");
    ::chmod(text.c_str(), 0755);
    const Case cases[] = {
        {{"/no/such/program"}, 127, "/no/such/program: No such file or directory"},
        {{"no_such_program"},
         127,
         "no_such_program: it is in no folder of PATH (No such file or directory)"},
        {{plain}, 126, plain + ": Permission denied"},
        {{lost},
         127,
         lost + ": the interpreter that the program needs does not exist (No such file or "
                "directory)"},
        {{text},
         126,
         text + ": it is no program; a script begins with #! and its interpreter (Exec format "
                "error)"}};
    const std::string path = "PATH=/usr/bin:/bin";
    const Case& each = cases[GENERATE(0, 1, 2, 3, 4)];
    SECTION("detached") {
        Program program({}, each.command, {{path}});
        CHECK(program.told(each.status) ==
              "probe_execute: execute_program: " + each.message + "\n");
    }
    SECTION("in the foreground, where standard error leads back to the caller") {
        const NotifyReceiver manager(files.folder / "notify");
        Program program({"--foreground"}, each.command, {{path, manager.variable()}});
        CHECK(program.told(each.status) ==
              "probe_execute: execute_program: " + each.message + "\n");
    }
    SECTION("when it was up") {
        Program program({"--when-up"}, each.command, {{path}});
        CHECK(program.start.await().exit_status == 0);
        CHECK(program.start.leaves_nothing());
        CHECK_FALSE(fs::exists(program.files.pid_file));
        CHECK(read_file(program.files.log) ==
              "before the exec\nprobe_execute: execute_program: " + each.message + "\n");
    }
}

TEST_CASE("DaemonContext: a folder of PATH that may not be searched is told",
          "[context][execute][process]") {
    const DaemonFiles files;
    write_file(files.folder / "tool",
               "#!/bin/sh\n");  // found, and not to be executed, by root either
    Program program({}, {"tool"}, {{"PATH=" + files.folder.path().string()}});
    CHECK(program.told(126) ==
          "probe_execute: execute_program: tool: a folder of PATH may not be searched, or the "
          "program there not executed (Permission denied)\n");
}

TEST_CASE("DaemonContext: no command is no program", "[context][execute][process]") {
    const Words command = GENERATE(Words{}, Words{""});
    Program program({}, command);
    CHECK(program.told(78) ==
          "probe_execute: validate_options: command: it names no program (Invalid argument)\n");
}

TEST_CASE("DaemonContext: a program that fails before it has lasted long enough is a failed start",
          "[context][execute][process]") {
    SECTION("by its status") {
        Program program({"--last", "30000"}, {"sh", "-c", "exit 3"});
        CHECK(program.told(70) ==
              "probe_execute: await_ready: daemon: ended with status 3 as it started\n");
    }
    SECTION("by a signal") {
        Program program({"--last", "30000"}, {"sh", "-c", "kill -USR1 $$"});
        CHECK(program.told(70) ==
              "probe_execute: await_ready: daemon: killed by SIGUSR1 as it started\n");
    }
    SECTION("but not one that has done its work") {
        Program program({"--last", "30000"}, {"true"});
        CHECK(program.start.await().exit_status == 0);
    }
    SECTION("and one that lasts is up after that time") {
        Program program({"--last", "50"}, {"sleep", "60"});
        CHECK(program.start.await().exit_status == 0);
        CHECK(program.holder());
    }
    SECTION("and one that is awaited ends with its launcher") {
        Program program({"--last", "30000"}, {"sleep", "60"});
        REQUIRE(eventually([&] {
            const auto holder = program.holder();
            return holder && program_of(*holder) == sleep_program;
        }));
        ::kill(program.start.launcher(), SIGINT);
        CHECK(program.start.await().signal == SIGINT);
        CHECK_FALSE(program.holder());
        CHECK_FALSE(fs::exists(program.files.pid_file));
    }
}

TEST_CASE("DaemonContext: a launcher that ends before the exec takes the daemon along",
          "[context][execute][process]") {
    Program program({}, {"sleep", "60"}, {{"DAEMONKIT_FAULT=daemon/execve:1:stop"}});
    const auto daemon = program.start.await_stopped_daemon();
    REQUIRE(daemon);
    SECTION("killed") {
        ::kill(program.start.launcher(), SIGKILL);
        program.start.await();
    }
    SECTION("interrupted") {
        ::kill(program.start.launcher(), SIGTERM);
        CHECK(program.start.await().signal == SIGTERM);
    }
    CHECK(program.start.leaves_nothing());
    CHECK_FALSE(is_locked(program.files.pid_file));
}

TEST_CASE("DaemonContext: an exec that takes too long is a failed start",
          "[context][execute][process]") {
    Program program({"--timeout", "100"}, {"sleep", "60"},
                    {{"DAEMONKIT_FAULT=daemon/execve:1:stop"}});
    CHECK(program.told(70) ==
          "probe_execute: await_ready: daemon: not ready within 100 ms; it has been ended "
          "(Connection timed out)\n");
}

TEST_CASE("DaemonContext: each call on the way to the exec fails, or kills, and no daemon is left",
          "[context][execute][process]") {
    const std::string fault = GENERATE("fcntl_setfd:1:9", "send:1:32", "dup2:3:9", "execve:1:12",
                                       "execve:1:kill", "send:1:kill");
    Program program({}, {"/bin/sleep", "60"}, {{"DAEMONKIT_FAULT=daemon/" + fault}});
    CAPTURE(fault);
    CHECK(program.start.await().exit_status >= 70);
    CHECK(program.start.leaves_nothing());
    CHECK_FALSE(program.holder());
    CHECK_FALSE(is_locked(program.files.pid_file));
}

// Its line ends a moment before it can be waited for, and an exec ends the line as well.
TEST_CASE("DaemonContext: a daemon that is killed at its exec has never been up",
          "[context][execute][process]") {
    constexpr int rounds = 25;  // one of six was missed
    for (int round = 0; round < rounds; ++round) {
        Program program({}, {"/bin/sleep", "60"}, {{"DAEMONKIT_FAULT=daemon/execve:1:kill"}});
        CHECK(program.told(70) ==
              "probe_execute: await_ready: daemon: killed by SIGKILL as it started\n");
    }
}

TEST_CASE(
    "DaemonContext: whichever call of a start fails or kills, there is the program or nothing",
    "[context][execute][fault][process]") {
    const Words command{"/bin/sleep", "60"};
    std::vector<Call> calls;
    {
        const DaemonFiles files;
        const std::string record = files.folder / "record";
        Program program({"--last", "1"}, command, {{"DAEMONKIT_FAULT_COUNT=" + record}});
        REQUIRE(why_neither(program) == "");
        calls = read_all_calls(record);
    }
    REQUIRE(calls.size() > 50);
    const std::string action = GENERATE("5", "5:sticky", "kill", "late_kill");
    for (const Call& call : calls) {
        INFO(call.plan(action));
        Program program({"--last", "1"}, command, {{call.plan(action)}});
        CHECK(why_neither(program) == "");
    }
}

TEST_CASE(
    "DaemonContext: the program that it becomes can speak to the service manager, as it is the "
    "service",
    "[context][execute][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const bool detaches = GENERATE(true, false);
    Program program(detaches ? Words{} : Words{"--foreground"},
                    {"sh", "-c", "echo NOTIFY_SOCKET=$NOTIFY_SOCKET"}, {{manager.variable()}});
    CHECK(program.start.await().exit_status == 0);
    CHECK(eventually([&] {
        return read_file(program.files.log) == "before the exec\n" + manager.variable() + "\n";
    }));
}

TEST_CASE("DaemonContext: a service manager hears ready before the process becomes the program",
          "[context][execute][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    Program program({"--foreground"}, {"sleep", "60"}, {{manager.variable()}});
    const Notification ready = manager.next();
    CHECK(ready.text == "READY=1");
    CHECK(ready.sender == program.start.launcher());
    REQUIRE(eventually([&] { return program_of(program.start.launcher()) == sleep_program; }));
    CHECK(program.holder() == program.start.launcher());
    ::kill(program.start.launcher(), SIGTERM);
    CHECK(program.start.await().signal == SIGTERM);
}

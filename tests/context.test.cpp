// SPDX-License-Identifier: MIT
// DaemonContext as a program uses it: the fifteen steps of daemon(7) and each option, as the kernel shows them in the
// daemon. What it is started from, how it gets ready and the foreground are tested in context_*.test.cpp.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"

#include <algorithm>  // std::sort
#include <csignal>
#include <cstdlib>  // setenv
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

static_assert(!std::is_copy_constructible_v<DaemonContext>);
static_assert(!std::is_move_constructible_v<DaemonContext>);
static_assert(!std::is_copy_assignable_v<DaemonContext>);
static_assert(!std::is_move_assignable_v<DaemonContext>);

namespace {

constexpr bool has_handlers_of_a_sanitizer = DAEMONKIT_ASAN() || DAEMONKIT_TSAN();

// What the daemon says of itself before it is ready; the start must come up.
Report report_of(DaemonStart& start, const DaemonFiles& files) {
    REQUIRE(why_not_up(start, files) == "");
    return Report(files.report);
}

// The same from its body, when nothing of the start is left.
Report report_while_running(DaemonStart& start, const DaemonFiles& files) {
    REQUIRE(why_not_up(start, files) == "");
    ::kill(start.daemon(), SIGUSR2);
    const std::string reported = "signal " + std::to_string(SIGUSR2) + " from";
    REQUIRE(eventually([&] { return read_file(files.log).find(reported) != std::string::npos; }));
    return Report(files.report + ".running");
}

// The descriptors above 2, without those of the report and of probe_daemon's SignalSet.
std::vector<std::string> files_above_standard(const Report& report) {
    std::vector<std::string> targets;
    for (const std::string& fd : report.keys_after("fd.")) {
        const std::string target = report["fd." + fd];
        const bool is_standard = fd == "0" || fd == "1" || fd == "2";
        if (is_standard || fd.find('.') != std::string::npos || target.rfind("pipe:", 0) == 0)
            continue;
        targets.push_back(target);
    }
    std::sort(targets.begin(), targets.end());
    return targets;
}

unsigned mode_of(const std::string& path) {
    struct ::stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

std::string own_pid() { return std::to_string(::getpid()); }

}  // namespace

TEST_CASE("DaemonContext: the steps of daemon(7), with the options' defaults",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--signals", "after"}),
                      {{"UNCHANGED=as it was"}, [] { ::fcntl(1, F_DUPFD, 40); }});
    const Report report = report_while_running(start, files);
    const std::string pid = std::to_string(start.daemon());

    SECTION("1: nothing is open above the standard streams but what the daemon itself needs") {
        CHECK(report["fd.40"] == "(no fd.40)");
        CHECK(files_above_standard(report) ==
              std::vector<std::string>{files.pid_file, files.witness});
        for (const std::string& fd : report.keys_after("fd.")) {
            if (fd.size() == 1 && fd[0] > '2') CHECK(report["fd." + fd + ".cloexec"] == "1");
        }
    }
    SECTION("2, 3: no disposition but the program's own, and no signal blocked") {
        CHECK(report["SigBlk"] == "0000000000000000");
        CHECK(report["SigIgn"] == "0000000000000000");
        CHECK(report.has_signal("SigCgt", SIGTERM));
    }
    SECTION("4: the environment, which is kept unless an option says otherwise") {
        CHECK(report["env.UNCHANGED"] == "as it was");
    }
    SECTION("5 to 8: a process of its own, in a session without terminal whose leader is gone") {
        CHECK(report["pid"] == pid);
        CHECK(pid != std::to_string(start.launcher()));
        CHECK(report["session"] != pid);
        CHECK(report["session"] == report["group"]);
        CHECK(report["session"] != std::to_string(::getsid(0)));
        CHECK_FALSE(is_alive(std::stoi(report["session"])));
        CHECK(report["terminal"] == "none");
        CHECK(report["parent"] == own_pid());  // the test adopts orphans, in place of init
    }
    SECTION("9: standard input leads to the null device, the others to the log") {
        CHECK(report["fd.0"] == "/dev/null");
        CHECK(report["fd.1"] == files.log);
        CHECK(report["fd.2"] == files.log);
    }
    SECTION("10: the umask") { CHECK(report["umask"] == "0027"); }
    SECTION("11: the working directory") { CHECK(report["directory"] == "/"); }
    SECTION("12: the pid file") {
        CHECK(read_file(files.pid_file) == pid + "\n");
        CHECK(mode_of(files.pid_file) == 0644);
    }
    SECTION("13: core dumps are prevented; nobody was to be dropped to") {
        CHECK(report["limit." + std::to_string(RLIMIT_CORE)] == "0/0");
        CHECK(report["dumpable"] == "0");
        CHECK(report["Uid"] == Report(files.report)["Uid"]);
    }
    SECTION("14, 15: the launcher has said nothing, and holds nobody up any more") {
        CHECK(start.out() == "");
        CHECK(start.err() == "");
        CHECK(start.streams_are_released());
    }
}

TEST_CASE("DaemonContext: without targets all streams lead to the null device",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(
        {probe("probe_daemon"), "--report", files.report, "--pid-file", files.pid_file});
    REQUIRE(start.await().exit_status == 0);
    ::kill(start.daemon(), SIGUSR2);
    REQUIRE(eventually([&] { return fs::exists(files.report + ".running"); }));
    DaemonStart::end(start.daemon(), SIGTERM);
    const Report report(files.report + ".running");
    for (const std::string fd : {"fd.0", "fd.1", "fd.2"}) {
        CHECK(report[fd] == "/dev/null");
        CHECK(report[fd + ".cloexec"] == "(no " + fd + ".cloexec)");
    }
}

TEST_CASE("DaemonContext: streams lead where the options say", "[context][process]") {
    const DaemonFiles files;
    const std::string input = files.folder / "input";
    write_file(input, "some text");
    DaemonStart start(files.start({"--in", input, "--out", files.folder / "out", "--err",
                                   files.folder / "err", "--say", "hello"}));
    CHECK(start.await().exit_status == 0);
    const std::string out = files.folder / "out";
    REQUIRE(eventually([&] { return read_file(out).find("running") != std::string::npos; }));
    const Report report(files.report);
    CHECK(report["fd.0"] == input);
    CHECK(report["fd.1"] == out);
    CHECK(mode_of(out) == 0640);
    CHECK(start.err() == "hello\n");  // until ready, stderr is the launcher's
    CHECK(read_file(files.folder / "err") == "later: hello\n");
}

TEST_CASE("DaemonContext: a stream that is inherited stays the launcher's", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--inherit", "err", "--say", "hello"}));
    REQUIRE(why_not_up(start, files) == "");
    CHECK_FALSE(start.streams_are_released());
    CHECK(start.await_err("later: hello"));
    DaemonStart::end(start.daemon(), SIGTERM);
    CHECK(eventually([&] { return start.streams_are_released(); }));
}

TEST_CASE("DaemonContext: who captures the output of a start need not wait for the daemon's end",
          "[context][process]") {
    const DaemonFiles files;
    const Words capture{"/bin/sh", "-c", "out=$(\"$@\" 2>&1); echo \"status $?, said: $out\"",
                        "sh"};
    DaemonStart shell(capture + files.start({"--say", "hello"}));
    CHECK(shell.await().exit_status == 0);
    CHECK(shell.out() == "status 0, said: hello\n");
    const pid_t daemon = std::stoi(read_file(files.pid_file));
    CHECK(is_alive(daemon));
    DaemonStart::end(daemon, SIGTERM);
}

TEST_CASE("DaemonContext: what stands in a buffer at the start comes out once",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--print", "unfinished"}));
    REQUIRE(why_not_up(start, files) == "");
    CHECK(start.out() == "unfinished");
    DaemonStart::end(start.daemon(), SIGTERM);
    CHECK(read_file(files.log).find("unfinished") == std::string::npos);
}

TEST_CASE("DaemonContext: relative paths are meant in the launcher's directory",
          "[context][process]") {
    const DaemonFiles files;
    const std::string folder = files.folder.path();
    DaemonStart start(
        {probe("probe_daemon"), "--pid-file", "pid", "--log", "log", "--witness", "witness",
         "--report", "report", "--directory", "sub"},
        {{}, [&] {
             if (::mkdir((folder + "/sub").c_str(), 0755) != 0 || ::chdir(folder.c_str()) != 0)
                 ::_exit(126);
         }});
    const Report report = report_of(start, files);
    CHECK(report["directory"] == folder + "/sub");
}

TEST_CASE("DaemonContext: the mode of the pid file is an option", "[context][process]") {
    const DaemonFiles files;
    write_file(files.pid_file, "");  // by somebody to whom it was no secret
    REQUIRE(::chmod(files.pid_file.c_str(), 0666) == 0);
    DaemonStart start(files.start({"--pid-file-mode", "0600", "--umask", "0"}));
    const Report report = report_of(start, files);
    CHECK(mode_of(files.pid_file) == 0600);
    CHECK(read_file(files.pid_file) == report["pid"] + "\n");
}

TEST_CASE("DaemonContext: umask, directory and core dumps are options", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(
        files.start({"--umask", "0077", "--directory", files.folder.path(), "--core", "allow"}));
    const Report report = report_of(start, files);
    CHECK(report["umask"] == "0077");
    CHECK(mode_of(files.log) == 0600);       // a log has the modes of the daemon's files
    CHECK(mode_of(files.pid_file) == 0644);  // a pid file may be read by all
    CHECK(report["directory"] == files.folder.path());
    CHECK(report["dumpable"] == "1");
    CHECK(report["limit." + std::to_string(RLIMIT_CORE)] != "0/0");
}

TEST_CASE("DaemonContext: which inherited descriptors are closed is an option",
          "[context][process]") {
    const DaemonFiles files;
    const auto leak = [] {
        ::fcntl(0, F_DUPFD, 50);
        ::fcntl(0, F_DUPFD, 60);
    };
    const auto open_in = [](const Report& report, const std::string& fd) {
        return report["fd." + fd] == "/dev/null";
    };
    SECTION("all inherited ones, by default") {
        DaemonStart start(files.start({"--keep", "60"}), {{}, leak});
        const Report report = report_of(start, files);
        CHECK_FALSE(open_in(report, "50"));
        CHECK(open_in(report, "60"));
    }
    SECTION("all but those to be kept") {
        DaemonStart start(files.start({"--close", "all", "--keep", "50"}), {{}, leak});
        const Report report = report_of(start, files);
        CHECK(open_in(report, "50"));
        CHECK_FALSE(open_in(report, "60"));
    }
    SECTION("none") {
        DaemonStart start(files.start({"--close", "none"}), {{}, leak});
        const Report report = report_of(start, files);
        CHECK(open_in(report, "50"));
        CHECK(open_in(report, "60"));
    }
}

TEST_CASE("DaemonContext: the environment is kept, or what is listed of it, and variables are set",
          "[context][process]") {
    const DaemonFiles files;
    const Surroundings caller{{"KEPT=here", "SECRET=x", "CHANGED=old"}, {}};
    SECTION("all of it is kept") {
        DaemonStart start(files.start({"--set", "CHANGED=new", "--set", "ADDED=now"}), caller);
        const Report report = report_of(start, files);
        CHECK(report["env.KEPT"] == "here");
        CHECK(report["env.SECRET"] == "x");
        CHECK(report["env.CHANGED"] == "new");
        CHECK(report["env.ADDED"] == "now");
    }
    SECTION("what is listed is kept") {
        DaemonStart start(
            files.start({"--list", "KEPT", "--list", "NOT_THERE", "--set", "CHANGED=new"}), caller);
        const Report report = report_of(start, files);
        CHECK(report.keys_after("env.") == std::vector<std::string>{"CHANGED", "KEPT"});
        CHECK(report["env.CHANGED"] == "new");
    }
}

TEST_CASE("DaemonContext: resource limits are set in the daemon", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--limit", "nofile:77"}));
    const Report report = report_of(start, files);
    CHECK(report["limit." + std::to_string(RLIMIT_NOFILE)] == "77/77");
}

TEST_CASE("DaemonContext: the signal map is applied", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start(
        {"--signals", "none", "--map", "13:ignore", "--map", "10:handler", "--map", "15:default"}));
    const Report report = report_of(start, files);
    CHECK(report.has_signal("SigIgn", SIGPIPE));
    CHECK(report.has_signal("SigCgt", SIGUSR1));
    CHECK_FALSE(report.has_signal("SigCgt", SIGTERM));
    if (!has_handlers_of_a_sanitizer) CHECK(report["SigCgt"] == "0000000000000200");
    ::kill(start.daemon(), SIGUSR1);
    ::kill(start.daemon(), SIGPIPE);
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).signal == SIGTERM);
}

TEST_CASE(
    "DaemonContext: a SignalSet made before it watches in the daemon as it did in the launcher",
    "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start());
    const Report report = report_of(start, files);
    for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGPIPE})
        CHECK(report.has_signal("SigCgt", number));
    const pid_t daemon = start.daemon();
    for (const int number : {SIGCHLD, SIGHUP, SIGPIPE}) {
        ::kill(daemon, number);
        const std::string line = "signal " + std::to_string(number) + " from pid " + own_pid();
        CHECK(eventually([&] { return read_file(files.log).find(line) != std::string::npos; }));
    }
}

TEST_CASE("DaemonContext: the hooks run in their order, each in its process",
          "[context][process]") {
    const DaemonFiles files;
    const std::string hooks = files.folder / "hooks";
    DaemonStart start(files.start({"--hooks", hooks}));
    REQUIRE(why_not_up(start, files) == "");
    const std::string launcher = std::to_string(start.launcher());
    CHECK(read_file(hooks) == "before_fork pid " + launcher + "\nin_daemon pid " +
                                  std::to_string(start.daemon()) + "\nin_launcher pid " + launcher +
                                  "\n");
}

TEST_CASE("DaemonContext: what the hook in the daemon opens stays open, whatever number it gets",
          "[context][process]") {
    const DaemonFiles files;
    const std::string file = files.folder / "opened";
    write_file(file, "");
    // The SignalSet of before the start has given up two descriptors for new ones when the hook runs.
    DaemonStart start(files.start({"--close", "all", "--hook-opens", file}));
    REQUIRE(why_not_up(start, files) == "");
    CHECK(read_file(files.report).find("=" + file + "\n") != std::string::npos);
}

TEST_CASE("DaemonContext: a hook that throws fails the start, but for the one after it",
          "[context][process]") {
    const DaemonFiles files;
    const std::string hooks = files.folder / "hooks";
    SECTION("before the fork") {
        DaemonStart start(
            files.start({"--hook-throws", "before_fork", "--state", files.folder / "s"}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.err() == "probe_daemon: the hook before_fork does not want to\n");
        CHECK(why_changed(files.folder / "s") == "");
    }
    SECTION("in the daemon") {
        DaemonStart start(files.start({"--hook-throws", "in_daemon"}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 70);
        CHECK(start.err() == "probe_daemon: application: the hook in_daemon does not want to\n");
    }
    SECTION("in the daemon, something that is no std::exception") {
        DaemonStart start(files.start({"--hook-throws", "in_daemon", "--hook-throws-int"}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 70);
        CHECK(start.err().find("application: ") != std::string::npos);
    }
    SECTION("in the launcher, when the daemon is up") {
        DaemonStart start(files.start({"--hook-throws", "in_launcher"}));
        CHECK(why_not_up(start, files) == "");
    }
}

TEST_CASE("DaemonContext: at the end of the scope the pid file goes while it is locked",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start());
    REQUIRE(why_not_up(start, files) == "");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE("DaemonContext: the lock is given up last: who starts meanwhile never meets the body",
          "[context][process]") {
    const DaemonFiles files;
    std::optional<DaemonStart> start(files.start());
    REQUIRE(why_not_up(*start, files) == "");
    for (int lives = 1; lives < 20; ++lives) {
        ::kill(start->daemon(), SIGTERM);
        // The old daemon is on its way out. As soon as the lock can be had, its body has to be over.
        std::optional<DaemonStart> next;
        do next.emplace(files.start());
        while (next->await().exit_status == 75);
        REQUIRE(start->leaves_nothing());
        start.reset();
        REQUIRE(why_not_up(*next, files) == "");
        ::kill(next->daemon(), SIGTERM);
        REQUIRE(next->leaves_nothing());
        start.emplace(files.start());
        REQUIRE(why_not_up(*start, files) == "");
    }
}

TEST_CASE("DaemonContext: a process that the daemon forks leaves the scope without its files",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--fork-in-body"}));
    REQUIRE(start.await().exit_status == 0);
    // Before that there are two processes to look at.
    REQUIRE(eventually([&] {
        return read_file(files.log).find("the forked child ended with 0") != std::string::npos;
    }));
    REQUIRE(why_not_up(start, files) == "");
    CHECK(PidLock::holder(files.pid_file)->pid == start.daemon());
    CHECK(read_file(files.pid_file) == std::to_string(start.daemon()) + "\n");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
}

TEST_CASE("DaemonContext: a second start is refused by the holder's pid, and changes nothing",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart first(files.start());
    REQUIRE(why_not_up(first, files) == "");
    DaemonStart second(files.start());
    CHECK(second.await().exit_status == 75);
    CHECK(second.err() == "probe_daemon: lock_pid_file: " + files.pid_file +
                              ": already running as pid " + std::to_string(first.daemon()) +
                              " (Resource temporarily unavailable)\n");
    CHECK(second.processes().empty());
    CHECK(why_not_up(first, files) == "");
}

TEST_CASE("DaemonContext: user, group and root directory", "[context][process][root]") {
    DaemonFiles files;
    files.jail = files.folder / "root";
    const std::string inside = files.jail + files.folder.path().string();
    fs::create_directories(inside + "/home");
    for (const std::string& folder : {files.folder.path().string(), files.jail, inside})
        fs::permissions(folder, fs::perms::all);
    SECTION("user and new root") {
        DaemonStart start(files.start(
            {"--user", "nobody", "--chroot", files.jail, "--directory", files.folder / "home"}));
        REQUIRE(why_not_up(start, files) == "");
        const Report report(files.jail + files.report);
        const std::string proc = "/proc/" + std::to_string(start.daemon());  // there is none inside
        const std::string status = read_file(proc + "/status");
        CHECK(status.find("\nUid:\t65534\t65534\t65534\t65534\n") != std::string::npos);
        CHECK(status.find("\nGid:\t65534\t65534\t65534\t65534\n") != std::string::npos);
        CHECK(status.find("\nCapPrm:\t0000000000000000\n") != std::string::npos);
        CHECK(report["dumpable"] == "0");
        CHECK(fs::read_symlink(proc + "/root") == files.jail);
        CHECK(fs::read_symlink(proc + "/cwd") == inside + "/home");
        // Nobody may not remove a file of root's folder, so that it is left, empty and unlocked.
        CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
        CHECK(read_file(files.pid_file) == "");
        CHECK_FALSE(is_locked(files.pid_file));
    }
    SECTION("a group alone") {
        files.jail = "";
        DaemonStart start(files.start({"--group", "nogroup"}));
        const Report report = report_of(start, files);
        CHECK(report["Uid"] == "0\t0\t0\t0");
        CHECK(report["Gid"] == "65534\t65534\t65534\t65534");
    }
}

TEST_CASE("DaemonContext: a program with threads is refused, or starts again",
          "[context][process]") {
    const DaemonFiles files;
    SECTION("refused, with number and names") {
        DaemonStart start(files.start({"--threads", "2"}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 78);
        // A sanitizer may have a thread of its own.
        CHECK(start.err().rfind("probe_daemon: refuse_threads: ", 0) == 0);
        CHECK(start.err().find("worker-1, worker-2: 2 other threads run; construct DaemonContext "
                               "before the first thread (Device or resource busy)\n") !=
              std::string::npos);
        CHECK_FALSE(fs::exists(files.pid_file));
    }
    SECTION("the program is executed anew, and comes up with its threads") {
        DaemonStart start(files.start({"--threads", "2", "--start-again"}));
        const Report report = report_of(start, files);
        CHECK(report["session"] != report["pid"]);
        CHECK(report["terminal"] == "none");
        CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
        CHECK_FALSE(fs::exists(files.pid_file));
    }
    SECTION("a failed start of the program executed anew is told like any other") {
        DaemonStart start(files.start({"--threads", "2", "--start-again", "--init", "fail"}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 70);
        CHECK(start.err() ==
              "probe_daemon: application: the cellar: no room (No space left on device)\n");
    }
}

TEST_CASE("DaemonContext: a helper that a start leaves behind may end without being taken for it",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--orphan-in-init", "--init-ms", "100"}));
    CHECK(why_not_up(start, files) == "");
}

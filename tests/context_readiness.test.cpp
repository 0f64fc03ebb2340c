// SPDX-License-Identifier: MIT
// DaemonContext until the daemon is up: what the launcher tells of a start that fails, that takes its time, or that
// is interrupted; and that nothing is left of it.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"

#include <csignal>
#include <filesystem>
#include <map>
#include <string>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// Why a start does not fail with that status and that one line, leaving nothing.
std::string why_not_told(const Words& options, int status, const std::string& line,
                         const Surroundings& surroundings = {}) {
    const DaemonFiles files;
    DaemonStart start(files.start(options), surroundings);
    if (std::string why = why_not_failed(start, files); !why.empty()) return why;
    if (start.await().exit_status != status)
        return "status " + std::to_string(start.await().exit_status) + ": " + start.err();
    if (start.err() != "probe_daemon: " + line + "\n") return "it says: " + start.err();
    if (fs::exists(files.pid_file)) return "the pid file is left";
    return why_no_clean_life(files, files.start());
}

// Waits until the daemon has begun its own start.
bool is_starting(const DaemonFiles& files) {
    return eventually([&] { return read_file(files.log).find("starting") != std::string::npos; });
}

}  // namespace

TEST_CASE("DaemonContext: what the program throws before it is ready is thrown in the launcher",
          "[context][process]") {
    CHECK(why_not_told({"--init", "fail"}, 70,
                       "application: the cellar: no room (No space left on device)") == "");
    CHECK(why_not_told({"--init", "throw"}, 70, "application: the roof is missing") == "");
}

TEST_CASE("DaemonContext: a daemon that ends before it is ready is told with its status or signal",
          "[context][process]") {
    CHECK(why_not_told({"--init", "exit"}, 70,
                       "await_ready: daemon: ended with status 3 before it was ready") == "");
    CHECK(why_not_told({"--init", "abort"}, 70,
                       "await_ready: daemon: killed by SIGABRT before it was ready") == "");
}

TEST_CASE("DaemonContext: an early end is told by a launcher that was started with SIGCHLD ignored",
          "[context][process]") {
    CHECK(why_not_told({"--init", "abort"}, 70,
                       "await_ready: daemon: killed by SIGABRT before it was ready",
                       {{}, [] { ::signal(SIGCHLD, SIG_IGN); }}) == "");
}

TEST_CASE("DaemonContext: a start that takes too long is ended", "[context][process]") {
    const std::string told =
        "await_ready: daemon: not ready within 200 ms; it has been ended (Connection timed out)";
    SECTION("by SIGTERM, which the daemon heeds") {
        CHECK(why_not_told({"--ready-timeout-ms", "200", "--init", "hang"}, 70, told) == "");
    }
    SECTION("by SIGKILL, if it does not") {
        CHECK(why_not_told({"--ready-timeout-ms", "200", "--init", "hang", "--signals", "none",
                            "--map", "15:ignore"},
                           70, told) == "");
    }
}

TEST_CASE("DaemonContext: a start may ask for more time", "[context][process]") {
    const DaemonFiles files;
    SECTION("more than it was given") {
        DaemonStart start(
            files.start({"--ready-timeout-ms", "300", "--extend-ms", "20000", "--init-ms", "600"}));
        CHECK(why_not_up(start, files) == "");
    }
    SECTION("more than fits into a message: as much as possible") {
        DaemonStart start(files.start({"--extend-ms", "9000000000000", "--init-ms", "100"}));
        CHECK(why_not_up(start, files) == "");
    }
    SECTION("less than it takes") {
        DaemonStart start(files.start({"--extend-ms", "100", "--init", "hang"}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.err().find("not ready within 100 ms") != std::string::npos);
    }
}

TEST_CASE("DaemonContext: the longest time there is means for ever", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--ready-timeout-ms", "9223372036854775807"}));
    CHECK(why_not_up(start, files) == "");
}

TEST_CASE("DaemonContext: the launcher shows what a start is doing, and what it writes to stderr",
          "[context][process]") {
    const DaemonFiles files;
    SECTION("of a start that comes up") {
        DaemonStart start(files.start({"--say", "hello", "--status", "loading\nthe index"}));
        CHECK(why_not_up(start, files) == "");
        CHECK(start.err() == "hello\nloading\\nthe index\n");
    }
    SECTION("of a start that fails") {
        DaemonStart start(files.start({"--say", "hello", "--init", "throw"}));
        CHECK(start.await().exit_status == 70);
        CHECK(start.err() == "hello\nprobe_daemon: application: the roof is missing\n");
    }
    SECTION("any number of times") {
        DaemonStart start(files.start({"--status", "still loading", "--statuses", "20000"}));
        CHECK(why_not_up(start, files) == "");
    }
    SECTION("to a launcher that does not listen for a while") {
        const Words flood{"--status", "still loading", "--statuses", "20000"};
        DaemonStart start(files.start(flood, "probe_daemon_fault"),
                          {{"DAEMONKIT_FAULT=launcher/recv:1:stop"}, {}});
        const auto launcher = start.await_stopped_launcher();
        REQUIRE(launcher.has_value());
        // The daemon sleeps, because the line is full.
        CHECK(eventually([&] { return stat_field(start.daemon(), 0) == "S"; }));
        ::kill(*launcher, SIGCONT);
        CHECK(why_not_up(start, files) == "");
    }
}

TEST_CASE("DaemonContext: a start that tells what it does is not held up by a stderr that is full",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--status", std::string(1000, 'x'), "--statuses", "100"}),
                      {{}, [] {
                           // Both ends are the launcher's own: nobody empties the pipe.
                           int ends[2];
                           if (::pipe(ends) != 0 || ::dup2(ends[1], 2) != 2) ::_exit(125);
                       }});
    CHECK(why_not_up(start, files) == "");
}

TEST_CASE("DaemonContext: a daemon that dies early is noticed though its child holds the line open",
          "[context][process]") {
    // By its own descriptor, or where there is none by SIGCHLD.
    const std::string fault = GENERATE("FAULT=none", "DAEMONKIT_FAULT=launcher/pidfd_open:1:38");
    CAPTURE(fault);
    const DaemonFiles files;
    const auto begin = Clock::now();
    DaemonStart start(files.start({"--fork-in-init", "--init", "abort"}, "probe_daemon_fault"),
                      {{fault}, {}});
    CHECK(start.await().exit_status == 70);
    CHECK(start.err().find("killed by SIGABRT before it was ready") != std::string::npos);
    CHECK(Clock::now() - begin < Milliseconds(20'000));  // of 30 that a start may take
    CHECK(start.leaves_nothing(Milliseconds(1000)));     // the child has gone with it
    CHECK_FALSE(is_locked(files.pid_file));
}

TEST_CASE("DaemonContext: a launcher that is interrupted leaves no daemon", "[context][process]") {
    const int number = GENERATE(SIGINT, SIGTERM, SIGHUP, SIGQUIT);
    CAPTURE(number);
    const DaemonFiles files;
    SECTION("and dies of the signal") {
        DaemonStart start(files.start({"--init", "hang", "--signals", "after"}));
        REQUIRE(is_starting(files));
        ::kill(start.launcher(), number);
        CHECK(start.await().signal == number);
    }
    SECTION("or throws, where the program watches the signal itself") {
        DaemonStart start(files.start({"--init", "hang"}));
        REQUIRE(is_starting(files));
        ::kill(start.launcher(), number);
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 128 + number);
        CHECK(start.err().find("interrupted by SIG") != std::string::npos);
    }
    CHECK(eventually([&] { return !is_locked(files.pid_file); }));
    CHECK_FALSE(fs::exists(files.pid_file));
    CHECK(why_no_clean_life(files, files.start()) == "");
}

TEST_CASE("DaemonContext: an interrupt that the launcher ignores does not end the start",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--init-ms", "400", "--signals", "after"}),
                      {{}, [] { ::signal(SIGHUP, SIG_IGN); }});
    REQUIRE(is_starting(files));
    ::kill(start.launcher(), SIGHUP);
    CHECK(why_not_up(start, files) == "");
}

TEST_CASE(
    "DaemonContext: a launcher that is stopped beyond the time finds a daemon that is up in time",
    "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--ready-timeout-ms", "300"}, "probe_daemon_fault"),
                      {{"DAEMONKIT_FAULT=launcher/recv:1:late_stop"}, {}});
    const auto launcher = start.await_stopped_launcher();
    if (launcher) {
        ::poll(nullptr, 0, 400);  // the time that it has is over
        ::kill(*launcher, SIGCONT);
    }
    CHECK(why_not_up(start, files) == "");
}

TEST_CASE("DaemonContext: a hanging start does not outlive a launcher that is killed",
          "[context][process]") {
    const DaemonFiles files;
    const Words deaf{"--init", "hang", "--signals", "none", "--map", "15:ignore"};
    DaemonStart start(files.start(deaf));
    REQUIRE(is_starting(files));
    ::kill(start.launcher(), SIGKILL);
    CHECK(start.await().signal == SIGKILL);
    CHECK(start.leaves_nothing(Milliseconds(1000)));
    CHECK(why_no_clean_life(files, files.start()) == "");
}

TEST_CASE("DaemonContext: SIGTERM while the daemon starts ends the start", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--init", "hang"}));
    REQUIRE(is_starting(files));
    ::kill(start.daemon(), SIGTERM);
    CHECK(why_not_failed(start, files) == "");
    CHECK(start.err().find("stopped while starting, by signal 15") != std::string::npos);
}

TEST_CASE("DaemonContext: ready at the end of the constructor, where that is asked for",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--ready", "constructed", "--init-ms", "300"}));
    CHECK(start.await().exit_status == 0);
    CHECK(read_file(files.log).find("running") == std::string::npos);  // it is still in its init
    CHECK(why_not_up(start, files) == "");
}

TEST_CASE("DaemonContext: values that can never work are refused before anything is touched",
          "[context][process]") {
    const TempFolder folder;
    const std::string why = GENERATE(
        "pid_file: the path is empty", "umask: it is outside 0000-0777",
        "working_directory: the path is empty", "pid_file_mode: it is outside 0000-0777",
        "signal_map: SIGKILL cannot be caught", "environment: a variable cannot be named \"A=B\"",
        "privileges.user: the name is empty", "ready_timeout: it is not above zero");
    CAPTURE(why);
    const std::map<std::string, Words> options{{"pid_file", {"--pid-file", ""}},
                                               {"umask", {"--umask", "1000"}},
                                               {"pid_file_mode", {"--pid-file-mode", "1644"}},
                                               {"working_directory", {"--directory", ""}},
                                               {"signal_map", {"--map", "9:ignore"}},
                                               {"environment", {"--list", "A=B"}},
                                               {"privileges.user", {"--user", ""}},
                                               {"ready_timeout", {"--ready-timeout-ms", "0"}}};
    const std::string log = folder / "log";
    DaemonStart start(Words{probe("probe_daemon"), "--log", log} +
                      options.at(why.substr(0, why.find(':'))));
    CHECK(start.await().exit_status == 78);
    CHECK(start.err() == "probe_daemon: validate_options: " + why + " (Invalid argument)\n");
    CHECK_FALSE(fs::exists(log));
}

TEST_CASE(
    "DaemonContext: what cannot work here is told in the launcher, whose state does not change",
    "[context][process]") {
    const DaemonFiles files;
    const std::string missing = files.folder / "missing";
    const std::string file = files.folder / "file";
    write_file(file, "text");
    struct Case {
        Words options;
        int status;
        std::string line;
    };
    const Case cases[] = {
        {{"--directory", missing},
         78,
         "change_directory: " + missing + ": No such file or directory"},
        {{"--directory", file}, 78, "change_directory: " + file + ": Not a directory"},
        {{"--user", "no-such-user"},
         78,
         "resolve_user: no-such-user: no such user (No such file or directory)"},
        {{"--log", missing + "/log"},
         73,
         "open_stream: " + missing + "/log: its folder does not exist (No such file or directory)"},
        {{"--err", files.folder.path()},
         73,
         "open_stream: " + files.folder.path().string() +
             ": it is a folder; name a file (Is a directory)"},
        {{"--in", missing}, 73, "open_stream: " + missing + ": No such file or directory"},
        {{"--pid-file", missing + "/pid"},
         73,
         "open_pid_file: " + missing +
             "/pid: the directory has to be made first (No such file or directory)"},
        {{"--pid-file", files.folder.path()},
         73,
         "open_pid_file: " + files.folder.path().string() + ": Is a directory"},
    };
    for (const auto& [options, status, line] : cases) {
        CAPTURE(line);
        const std::string state = files.folder / "state";
        DaemonStart start(files.start(options + Words{"--state", state}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == status);
        CHECK(start.err() == "probe_daemon: " + line + "\n");
        CHECK(why_changed(state) == "");
        CHECK_FALSE(fs::exists(files.pid_file));
    }
}

TEST_CASE("DaemonContext: what an ordinary user may not do is told in the launcher",
          "[context][process][root]") {
    const DaemonFiles files;
    fs::permissions(files.folder.path(), fs::perms::all);
    const std::string own = files.folder / "own";  // root's
    fs::create_directory(own);
    fs::permissions(own, fs::perms::owner_all | fs::perms::others_exec);
    const auto as_nobody = [&](const Words& options, int status) -> std::string {
        DaemonStart start(for_other_users(files, files.start(options)),
                          {{}, [] {
                               if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(126);
                           }});
        if (std::string why = why_not_failed(start, files); !why.empty()) return why;
        return start.await().exit_status == status
                   ? start.err()
                   : "status " + std::to_string(start.await().exit_status) + ": " + start.err();
    };
    CHECK(as_nobody({"--pid-file", own + "/pid"}, 77) ==
          "probe_daemon: open_pid_file: " + own + "/pid: Permission denied\n");
    CHECK(as_nobody({"--log", own + "/log"}, 73) ==
          "probe_daemon: open_stream: " + own + "/log: Permission denied\n");
    CHECK(as_nobody({"--user", "root"}, 77).find("probe_daemon: drop_privileges: ") == 0);
    CHECK(as_nobody({"--chroot", own}, 77).find("probe_daemon: change_root: " + own + ": ") == 0);
}

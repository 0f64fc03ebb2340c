// SPDX-License-Identifier: MIT
// DaemonContext started from anywhere: whatever the launcher is born with, the daemon is the same.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "surroundings.hpp"

#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

void limit_descriptors(rlim_t soft) {
    struct ::rlimit limit {};
    require(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = soft;
    require(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

rlim_t hard_descriptor_limit() {
    struct ::rlimit limit {};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 0;
}

// Descriptors from 3 to `last`, without the close-on-exec flag, but for every seventh.
void leak_descriptors(int last) {
    if (::getuid() == 0 || hard_descriptor_limit() > static_cast<rlim_t>(last))
        limit_descriptors(hard_descriptor_limit());
    for (int fd = 3; fd <= last; ++fd)
        if (fd % 7 != 0) require(::dup2(0, fd) == fd);
}

// The descriptors above 2 that a program started by the daemon would find.
std::vector<std::string> leaked(const Report& report) {
    std::vector<std::string> all;
    for (const std::string& fd : report.keys_after("fd.")) {
        const bool is_own = report["fd." + fd + ".cloexec"] == "1";
        if (fd.find('.') == std::string::npos && std::stoi(fd) > 2 && !is_own) all.push_back(fd);
    }
    return all;
}

// The daemon's defaults, whatever stands before them.
void check_usual_daemon(const Report& report, const DaemonFiles& files) {
    CHECK(report["SigBlk"] == "0000000000000000");
    CHECK(report["SigIgn"] == "0000000000000000");
    CHECK(report["umask"] == "0027");
    CHECK(report["directory"] == "/");
    CHECK(report["terminal"] == "none");
    CHECK(report["session"] != report["pid"]);
    CHECK(report["fd.0"] == "/dev/null");
    CHECK(report["fd.1"] == files.log);
    CHECK(leaked(report).empty());
}

// The usual daemon comes up in these surroundings; false when this machine cannot make them.
bool check_start(const Surroundings& surroundings, const Words& options = {},
                 const std::string& program = "probe_daemon") {
    const DaemonFiles files;
    DaemonStart start(files.start(options, program), surroundings);
    if (start.await().exit_status == not_possible) return false;
    REQUIRE(why_not_up(start, files) == "");
    check_usual_daemon(Report(files.report), files);
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK_FALSE(fs::exists(files.pid_file));
    return true;
}

}  // namespace

TEST_CASE("DaemonContext: started with any of 0-2 closed", "[context][process]") {
    const int closed = GENERATE(range(0, 8));
    CAPTURE(closed);
    const auto close_them = [closed] {
        for (int fd = 0; fd <= 2; ++fd)
            if ((closed & 1 << fd) != 0) ::close(fd);
    };
    SECTION("it comes up") { CHECK(check_start({{}, close_them})); }
    SECTION("a failure has its status, and its line where there is a stderr") {
        const DaemonFiles files;
        DaemonStart start(files.start({"--directory", "/no/such/folder"}), {{}, close_them});
        CHECK(start.await().exit_status == 78);
        CHECK(start.err().empty() == ((closed & 4) != 0));
        CHECK(start.leaves_nothing());
        CHECK_FALSE(fs::exists(files.pid_file));
    }
    SECTION("the launcher has them closed again after a failed start") {
        const DaemonFiles files;
        const std::string state = files.folder / "state";
        DaemonStart start(files.start({"--directory", "/no/such/folder", "--state", state}),
                          {{}, close_them});
        CHECK(start.await().exit_status == 78);
        CHECK(why_changed(state) == "");
    }
}

TEST_CASE("DaemonContext: started with signals ignored, as by nohup and in a shell's background",
          "[context][process]") {
    const std::string made = GENERATE("before", "after");
    CAPTURE(made);
    CHECK(check_start({{},
                       [] {
                           for (const int number : {SIGCHLD, SIGHUP, SIGPIPE, SIGINT, SIGQUIT,
                                                    SIGTERM, SIGUSR1, SIGTSTP, SIGTTOU, SIGTTIN})
                               ::signal(number, SIG_IGN);
                       }},
                      {"--signals", made}));
}

TEST_CASE("DaemonContext: started with the C library's own signals ignored, too",
          "[context][process]") {
    SECTION("the daemon has their defaults") { CHECK(check_start({{}, ignore_signals_of_libc})); }
    SECTION("after a failed start in the foreground they are ignored again") {
        const DaemonFiles files;
        const std::string state = files.folder / "state";
        DaemonStart start(
            files.start({"--foreground", "--directory", "/no/such/folder", "--state", state}),
            {{}, ignore_signals_of_libc});
        CHECK(start.await().exit_status == 78);
        CHECK(why_changed(state) == "");
    }
}

TEST_CASE("DaemonContext: started with every signal blocked", "[context][process]") {
    const std::string made = GENERATE("before", "after");
    CAPTURE(made);
    CHECK(check_start({{},
                       [] {
                           sigset_t all;
                           sigfillset(&all);
                           ::sigprocmask(SIG_BLOCK, &all, nullptr);
                       }},
                      {"--signals", made}));
}

TEST_CASE("DaemonContext: started with the umask 0777", "[context][process]") {
    CHECK(check_start({{}, [] { ::umask(0777); }}));
}

TEST_CASE("DaemonContext: started in a directory that has been removed", "[context][process]") {
    const auto enter_removed = [] {
        char name[] = "/tmp/daemonkit-removed-XXXXXX";
        require(::mkdtemp(name) != nullptr && ::chdir(name) == 0 && ::rmdir(name) == 0);
    };
    SECTION("with absolute paths it comes up") { CHECK(check_start({{}, enter_removed})); }
    SECTION("with a relative one it fails") {
        const DaemonFiles files;
        DaemonStart start(files.start({"--pid-file", "pid"}), {{}, enter_removed});
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 78);
        CHECK(start.err() ==
              "probe_daemon: resolve_path: pid: the path is relative and the current directory has "
              "been removed (No such file or directory)\n");
    }
}

TEST_CASE(
    "DaemonContext: after a failed start the launcher is back in a directory that it may not read",
    "[context][process][root]") {
    const TempFolder folder;
    fs::permissions(folder.path(), fs::perms::others_exec);
    const DaemonFiles files;
    fs::permissions(files.folder.path(), fs::perms::all);
    const std::string state = files.folder / "state";
    const Words fails_after_chdir{"--foreground", "--limit", "nofile:99999999", "--state", state};
    DaemonStart start(for_other_users(files, files.start(fails_after_chdir)),
                      {{}, [&] {
                           require(::chdir(folder.path().c_str()) == 0 && ::setgid(65534) == 0 &&
                                   ::setuid(65534) == 0);
                       }});
    CHECK(start.await().exit_status == 71);
    CHECK(Report(state + ".before")["directory"] == folder.path());
    CHECK(why_changed(state) == "");
}

TEST_CASE("DaemonContext: started as the leader of a session, or of a group",
          "[context][process]") {
    SECTION("of a session") {
        CHECK(check_start({{}, [] { ::setsid(); }}));
    }
    SECTION("of a group") {
        CHECK(check_start({{}, [] { ::setpgid(0, 0); }}));
    }
}

TEST_CASE("DaemonContext: started with 900 leaked descriptors with holes", "[context][process]") {
    SECTION("as they are") {
        CHECK(check_start({{}, [] { leak_descriptors(902); }}));
    }
    SECTION("and a limit of 20 below them") {
        CHECK(check_start({{}, [] {
                               leak_descriptors(902);
                               for (int fd = 3; fd < 16; ++fd) ::close(fd);
                               limit_descriptors(20);
                           }}));
    }
    SECTION("where close_range is forbidden, or unknown") {
        const std::string error = GENERATE("1", "38");  // EPERM, ENOSYS
        CHECK(check_start({{"DAEMONKIT_FAULT=daemon/close_range:1:" + error + ":sticky"},
                           [] { leak_descriptors(902); }},
                          {}, "probe_daemon_fault"));
    }
}

TEST_CASE("DaemonContext: started with 10000 leaked descriptors", "[context][process]") {
    constexpr int many = 10'002;
    if (hard_descriptor_limit() <= many) return not_tested("so many descriptors may not be open");
    CHECK(check_start({{}, [] { leak_descriptors(many); }}));
}

TEST_CASE("DaemonContext: started with the highest descriptor limit there is",
          "[context][process]") {
    const rlim_t hard = hard_descriptor_limit();
    CHECK(check_start({{}, [hard] { limit_descriptors(hard); }}));
}

TEST_CASE("DaemonContext: a low descriptor limit is enough, or a reason to fail",
          "[context][process]") {
    // UndefinedBehaviorSanitizer looks at objects through a pipe of its own, and takes EMFILE for a broken object.
    if (DAEMONKIT_ASAN() != 0) return not_tested("the sanitizers need descriptors themselves");
    const int limit = GENERATE(range(3, 21));
    CAPTURE(limit);
    const DaemonFiles files;
    DaemonStart start(files.start(),
                      {{}, [limit] { limit_descriptors(static_cast<rlim_t>(limit)); }});
    if (start.await().exit_status == 0) {
        CHECK(why_not_up(start, files) == "");
    } else {
        CHECK(why_not_failed(start, files) == "");
        CHECK(limit < 16);
    }
}

TEST_CASE("DaemonContext: started where there is no /proc", "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start(), {{}, [] {
                                          leak_descriptors(902);
                                          hide_proc();
                                      }});
    if (start.await().exit_status == not_possible)
        return not_tested("/proc cannot be hidden from a process");
    REQUIRE(why_not_up(start, files) == "");
    CHECK(leaked(Report(files.report)).empty());
}

TEST_CASE("DaemonContext: pid 1 of a namespace is refused, or stays in the foreground",
          "[context][process]") {
    const DaemonFiles files;
    SECTION("asked to detach, it is told what to do") {
        const Words threads = GENERATE(Words{}, Words{"--start-again", "--threads", "1"});
        DaemonStart start(files.start(threads), {{}, become_pid_one});
        if (start.await().exit_status == not_possible)
            return not_tested("there are no pid namespaces for this user");
        CHECK(start.await().exit_status == 78);
        CHECK(
            start.err() ==
            "probe_daemon: refuse_pid_one: pid 1: its end would end the daemon; use Detach::never "
            "(Operation not permitted)\n");
        CHECK_FALSE(fs::exists(files.pid_file));
    }
    SECTION("by itself it decides for the foreground") {
        DaemonStart start(files.start({"--detach", "automatic"}), {{}, become_pid_one});
        const auto running = [&] {
            return read_file(files.log).find("pid 1: running") != std::string::npos;
        };
        REQUIRE(eventually([&] { return running() || !is_alive(start.launcher()); }));
        if (!running()) return not_tested("there are no pid namespaces for this user");
        CHECK(read_file(files.pid_file) == "1\n");
        const auto inside = start.processes();
        REQUIRE(inside.size() == 1);
        ::kill(inside.front(), SIGTERM);
        CHECK(start.await().exit_status == 0);
        CHECK_FALSE(fs::exists(files.pid_file));
    }
}

TEST_CASE("DaemonContext: under a service manager it stays in the foreground",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--detach", "automatic"}),
                      {{"NOTIFY_SOCKET=/nobody/listens"}, {}});
    REQUIRE(eventually([&] { return read_file(files.log).find("running") != std::string::npos; }));
    CHECK(read_file(files.pid_file) == std::to_string(start.launcher()) + "\n");
    ::kill(start.launcher(), SIGTERM);
    CHECK(start.await().exit_status == 0);
}

TEST_CASE(
    "DaemonContext: a shell that captures, backgrounds or nohups a start goes on when it is up",
    "[context][process]") {
    const std::string how =
        GENERATE("out=$(\"$@\" 2>&1)", "out=$(nohup \"$@\" 2>&1)", "\"$@\" & wait $!",
                 "trap '' CHLD HUP; out=$(\"$@\")", "out=$(\"$@\" | cat)");
    CAPTURE(how);
    const DaemonFiles files;
    DaemonStart shell(Words{"/bin/sh", "-c", how + "; echo \"$? [$out]\"", "sh"} + files.start());
    CHECK(shell.await().exit_status == 0);
    CHECK(shell.out() == "0 []\n");
    const auto holder = PidLock::holder(files.pid_file);
    REQUIRE((holder && holder->pid));
    CHECK(read_file(files.pid_file) == std::to_string(*holder->pid) + "\n");
    CHECK(Report(files.report)["SigIgn"] == "0000000000000000");
    CHECK(DaemonStart::end(*holder->pid, SIGTERM).exit_status == 0);
}

TEST_CASE("DaemonContext: a start from a shell detaches by itself", "[context][process]") {
    CHECK(check_start({}, {"--detach", "automatic"}));
}

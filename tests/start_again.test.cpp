// SPDX-License-Identifier: MIT
// OtherThreads::start_again: a program with threads is executed anew, and is the same program in the same surroundings.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>  // getenv
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// A program with a thread that has chosen to be executed anew.
Words threaded(const DaemonFiles& files, const Words& more = {},
               const std::string& program = "probe_daemon") {
    return files.start(Words{"--threads", "1", "--start-again"} + more, program);
}

// The arguments as the kernel has them, the first one without what DaemonStart adds to it.
std::string arguments_of(pid_t pid) {
    std::string all = read_file("/proc/" + std::to_string(pid) + "/cmdline");
    const auto mark = all.find('#');
    return all.substr(0, mark) + all.substr(all.find('\0', mark));
}

std::string joined(const Words& words) {
    std::string all;
    for (const std::string& word : words) all += word + '\0';
    return all;
}

bool says(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("start_again: the arguments are the same, whatever stands in them",
          "[start_again][context][process]") {
    const DaemonFiles files;
    Words odd{"--say", "", "--say", "a b", "--say", "'\"$(id)`*\\", "--say", "%s%n"};
    odd = odd + Words{"--say", "\xc3\xbc\xff\x01\x7f", "--say", std::string(100'000, 'x')};
    odd = odd + Words{"--say", "new\nline"};
    const Words command = threaded(files, odd);
    DaemonStart start(command);
    REQUIRE(why_not_up(start, files) == "");
    CHECK(arguments_of(start.daemon()) == joined(command));
    CHECK(start.err() == "new\nline\n");
}

TEST_CASE("start_again: the environment is the same, and says nothing of it to children",
          "[start_again][context][process]") {
    const DaemonFiles files;
    const std::string stale = GENERATE("", "9:1:1", "9:1:4", "nonsense", "::", "9:99999999999:1");
    CAPTURE(stale);
    DaemonStart start(threaded(files),
                      {{"WITH_EQUALS=a=b c", "EMPTY=", "DAEMONKIT_STARTED_AGAIN=" + stale}, {}});
    if (stale == "9:1:4") {
        CHECK(start.await().exit_status == 71);
        CHECK(says(start.err(), "fork_daemon: OtherThreads::start_again: "));
        return;
    }
    REQUIRE(why_not_up(start, files) == "");
    const Report report(files.report);
    CHECK(report["env.WITH_EQUALS"] == "a=b c");
    CHECK(report["env.EMPTY"] == "");
    CHECK(report["env.PATH"] == ::getenv("PATH"));
    CHECK(report["env.DAEMONKIT_STARTED_AGAIN"] == "(no env.DAEMONKIT_STARTED_AGAIN)");
}

TEST_CASE("start_again: descriptors, directory, umask and signals are those of any daemon",
          "[start_again][context][process]") {
    const DaemonFiles files;
    DaemonStart start(threaded(files, {"--keep", "9"}), {{}, [] {
                                                             ::dup2(0, 8);
                                                             ::dup2(0, 9);
                                                             ::umask(0777);
                                                             ::signal(SIGTERM, SIG_IGN);
                                                             ::signal(SIGCHLD, SIG_IGN);
                                                             sigset_t all;
                                                             sigfillset(&all);
                                                             ::sigprocmask(SIG_BLOCK, &all,
                                                                           nullptr);
                                                         }});
    REQUIRE(why_not_up(start, files) == "");
    const Report report(files.report);
    CHECK(report["fd.8"] == "(no fd.8)");
    CHECK(report["fd.9"] == "/dev/null");
    CHECK(report["umask"] == "0027");
    CHECK(report["directory"] == "/");
    CHECK(report["SigBlk"] == "0000000000000000");
    CHECK(report["SigIgn"] == "0000000000000000");
    CHECK(report["session"] != report["pid"]);
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE("start_again: a program whose file has been removed meanwhile comes up",
          "[start_again][context][process][fault]") {
    const DaemonFiles files;
    const Words command = for_other_users(files, threaded(files, {}, "probe_daemon_fault"));
    DaemonStart start(command, {{"DAEMONKIT_FAULT=launcher/socketpair:1:stop"}, {}});
    const auto stopped = start.await_stopped_launcher();
    REQUIRE(stopped);
    fs::remove(command.front());
    ::kill(*stopped, SIGCONT);
    CHECK(why_not_up(start, files) == "");
}

TEST_CASE("start_again: a program that cannot be executed is told, and nothing is left",
          "[start_again][context][process][fault]") {
    const DaemonFiles files;
    const auto [call, error, words] = GENERATE(table<const char*, int, const char*>(
        {{"daemon/execve", ENOENT, "fork_daemon: No such file or directory"},
         {"daemon/execve", ENOMEM, "fork_daemon: Cannot allocate memory"},
         {"daemon/fcntl_setfd", EBADF, "fork_daemon: Bad file descriptor"},
         {"session_leader/fork", EAGAIN, "fork_daemon: Resource temporarily unavailable"},
         {"session_leader/setsid", EPERM, "create_session: Operation not permitted"}}));
    CAPTURE(call);
    const std::string fault =
        std::string("DAEMONKIT_FAULT=") + call + ":1:" + std::to_string(error);
    DaemonStart start(threaded(files, {}, "probe_daemon_fault"), {{fault}, {}});
    CHECK(why_not_failed(start, files) == "");
    CHECK(start.await().exit_status == 71);
    CHECK(start.err() == "probe_daemon: " + std::string(words) + "\n");
    CHECK(why_no_clean_life(files, threaded(files)) == "");
}

TEST_CASE("start_again: a second start is refused as any other",
          "[start_again][context][process]") {
    const DaemonFiles files;
    DaemonStart first(threaded(files));
    REQUIRE(why_not_up(first, files) == "");
    DaemonStart second(threaded(files));
    CHECK(second.await().exit_status == 75);
    CHECK(says(second.err(), "already running as pid " + std::to_string(first.daemon())));
    CHECK(second.leaves_nothing());
}

TEST_CASE("start_again: a program that makes it impossible is not started for ever",
          "[start_again][context][process]") {
    const DaemonFiles files;
    SECTION("it closes what it finds open") {
        DaemonStart start(threaded(files, {"--first", "close"}));
        CHECK(start.await().exit_status == 70);
        CHECK(says(start.err(),
                   "open_channel: line to the launcher: a program that is started "
                   "again must not close it before its DaemonContext"));
        CHECK(says(start.err(), "await_ready: daemon: ended with status 71 before it was ready"));
        CHECK(start.leaves_nothing());
    }
    SECTION("it forks first") {
        DaemonStart start(threaded(files, {"--first", "fork"}));
        CHECK(start.await().exit_status == 70);
        CHECK(says(start.err(),
                   "fork_daemon: OtherThreads::start_again: the program has been "
                   "started again and again"));
        CHECK(start.leaves_nothing());
    }
    CHECK_FALSE(is_locked(files.pid_file));
}

// SPDX-License-Identifier: MIT
// DaemonContext in the foreground: the same steps in the process itself, undone where somebody is left to undo for.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"

#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

bool is_running(const DaemonFiles& files) {
    return eventually([&] { return read_file(files.log).find("running") != std::string::npos; });
}

}  // namespace

TEST_CASE("DaemonContext: in the foreground it is the same process, and otherwise the same daemon",
          "[context][process]") {
    const DaemonFiles files;
    const auto leak = [] {
        ::fcntl(0, F_DUPFD, 50);
        ::signal(SIGPIPE, SIG_IGN);
    };
    DaemonStart start(files.start({"--foreground", "--umask", "0077", "--set", "ADDED=now", "--map",
                                   "10:ignore", "--signals", "none"}),
                      {{}, leak});
    REQUIRE(is_running(files));
    const Report report(files.report);
    CHECK(report["pid"] == std::to_string(start.launcher()));
    CHECK(report["session"] == std::to_string(::getsid(0)));
    CHECK(report["umask"] == "0077");
    CHECK(report["directory"] == "/");
    CHECK(report["dumpable"] == "0");
    CHECK(report["env.ADDED"] == "now");
    CHECK(report["SigBlk"] == "0000000000000000");
    CHECK(report["SigIgn"] == "0000000000000200");
    CHECK(report["fd.50"] == "(no fd.50)");
    CHECK(report["fd.1"] == files.log);
    CHECK(PidLock::holder(files.pid_file)->pid == start.launcher());
    CHECK(start.processes().empty());
    ::kill(start.launcher(), SIGTERM);
    CHECK(start.await().signal == SIGTERM);
}

TEST_CASE(
    "DaemonContext: in the foreground the streams stay as they are where nothing else is said",
    "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(
        {probe("probe_daemon"), "--foreground", "--pid-file", files.pid_file, "--say", "hello"});
    CHECK(start.await_err("later: hello"));
    ::kill(start.launcher(), SIGTERM);
    CHECK(start.await().exit_status == 0);
    CHECK(start.err() == "hello\nlater: hello\nover\n");
    CHECK(start.out().find("stopping\nover\n") != std::string::npos);
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE("DaemonContext: in the foreground the streams are back at the end of the scope",
          "[context][process]") {
    const std::string ready = GENERATE("constructed", "notified");
    const std::string close = GENERATE("not_close_on_exec", "all", "none");
    CAPTURE(ready, close);
    const DaemonFiles files;
    DaemonStart start(files.start({"--foreground", "--ready", ready, "--close", close, "--print",
                                   "before\n", "--say", "hello"}));
    REQUIRE(is_running(files));
    ::kill(start.launcher(), SIGTERM);
    CHECK(start.await().exit_status == 0);
    CHECK(start.out() == "before\nover\n");
    CHECK(start.err() == (ready == "notified" ? "hello\nover\n" : "over\n"));
    CHECK(read_file(files.log).find("over") == std::string::npos);
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE("DaemonContext: in the foreground a start that fails is told by the program itself",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--foreground", "--init", "throw"}));
    CHECK(start.await().exit_status == 70);
    CHECK(start.err() == "probe_daemon: the roof is missing\nover\n");
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE(
    "DaemonContext: in the foreground a signal during a start that fails meets the caller's "
    "dispositions",
    "[context][process]") {
    const DaemonFiles files;
    const Words fails{"--foreground", "--directory", "/no/such/folder", "--signals", "none"};
    DaemonStart start(
        files.start(fails, "probe_daemon_fault"),
        {{"DAEMONKIT_FAULT=launcher/chdir:1:stop"}, [] { ::signal(SIGHUP, SIG_IGN); }});
    const auto stopped = start.await_stopped_launcher();
    REQUIRE(stopped.has_value());
    ::kill(*stopped, SIGHUP);  // the default is in force by now, and would be its death
    ::kill(*stopped, SIGCONT);
    CHECK(start.await().exit_status == 78);
}

// SPDX-License-Identifier: MIT
// spawn: the caller lives on unchanged, and the daemon is nobody's child but init's.
#include <daemonkit/spawn.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"

#include <algorithm>  // std::find
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// A caller of spawn, and the files of its daemon.
struct Caller {
    explicit Caller(const Words& options)
        : start(Words{probe("probe_spawn"), files.folder.path()} + options) {}

    // What the caller says after the end of spawn.
    std::string operator[](const std::string& key) {
        start.await();
        Finished said;
        said.out = start.out();
        return said[key];
    }

    std::string state() const { return files.folder / "state"; }

    DaemonFiles files;
    DaemonStart start;
};

bool says(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

// The daemon that the caller was told of: it is up, and ends with the status of its body.
void check_daemon(Caller& caller, int status) {
    REQUIRE(caller.start.await().exit_status == 0);
    const pid_t daemon = caller.start.daemon();
    CHECK(caller["pid"] == std::to_string(daemon));
    CHECK(PidLock::holder(caller.files.pid_file)->pid == daemon);
    CHECK(read_file(caller.files.pid_file) == std::to_string(daemon) + "\n");
    CHECK(stat_field(daemon, 1) == std::to_string(::getpid()));  // the test adopts orphans
    CHECK(eventually([&] { return read_file(caller.files.log) == "starting\nrunning\n"; }));
    CHECK(DaemonStart::end(daemon, SIGTERM).exit_status == status);
    CHECK_FALSE(fs::exists(caller.files.pid_file));
}

// The caller is what it was: no child, no descriptor, no disposition more than before.
void check_caller(Caller& caller) {
    CHECK(caller["children"] == "none");
    CHECK(why_changed(caller.state()) == "");
    const std::string pid = std::to_string(caller.start.launcher());
    CHECK(says(caller.start.out(), "buffered=once\n"));
    CHECK(caller.start.out().find("buffered") == caller.start.out().rfind("buffered"));
    CHECK(says(caller.start.out(), "over=destructor " + pid + "\nover=atexit " + pid + "\n"));
    CHECK(caller.start.out().find("over=") == caller.start.out().find("over=destructor " + pid));
}

}  // namespace

TEST_CASE("spawn: a number that no supervisor has given is not taken from the start itself",
          "[spawn][process]") {
    const std::string fd = GENERATE("3", "4", "5", "6", "7", "8");
    CAPTURE(fd);
    Caller caller({"--notification-fd", fd});
    check_daemon(caller, 0);
    check_caller(caller);
}

TEST_CASE("spawn: the caller gets the daemon's pid and lives on as it was", "[spawn][process]") {
    SECTION("ready when constructed") {
        Caller caller({"--status", "7"});
        check_daemon(caller, 7);
        check_caller(caller);
    }
    SECTION("ready when the body says so") {
        Caller caller({"--notified"});
        check_daemon(caller, 0);
        check_caller(caller);
        CHECK(Report(caller.files.report)["session"] != std::to_string(::getsid(0)));
        CHECK(Report(caller.files.report)["terminal"] == "none");
    }
    SECTION("where no inherited descriptor is spared") {
        Caller caller({"--close-all"});
        check_daemon(caller, 0);
        check_caller(caller);
    }
    SECTION("where the caller ignores SIGCHLD") {
        Caller caller({"--ignore-child", "--notified"});
        check_daemon(caller, 0);
        check_caller(caller);
    }
}

TEST_CASE("spawn: a child of the daemon that holds all it can does not hold up the caller",
          "[spawn][process]") {
    Caller caller({"--hook-forks"});
    CHECK(caller.start.await().exit_status == 0);
    CHECK(caller["pid"] == read_file(caller.files.pid_file).substr(0, caller["pid"].size()));
    check_caller(caller);
}

TEST_CASE("spawn: what fails is thrown in the caller, and no daemon is left", "[spawn][process]") {
    struct Case {
        Words options;
        std::string message;
        std::string status;
    };
    const Case cases[] = {
        {{"--directory", "/no/such/folder"},
         "change_directory: /no/such/folder: No such file or directory",
         "78"},
        {{"--directory", ""},
         "validate_options: working_directory: the path is empty (Invalid argument)",
         "78"},
        {{"--notified", "--init", "fail"},
         "application: the cellar: no room (No space left on device)",
         "70"},
        {{"--notified", "--init", "throw"}, "application: the roof is missing", "70"},
        {{"--notified", "--init", "int"},
         "application: something was thrown that is no std::exception",
         "70"},
        {{"--notified", "--init", "exit"},
         "await_ready: daemon: ended with status 3 before it was ready",
         "70"},
    };
    for (const auto& [options, message, status] : cases) {
        CAPTURE(message);
        Caller caller(options);
        CHECK(caller.start.await().exit_status == 0);
        CHECK(caller["message"] == message);
        CHECK(caller["status"] == status);
        CHECK(caller.start.err() == "");  // what to say there is for the caller to decide
        CHECK(caller.start.leaves_nothing());
        CHECK_FALSE(fs::exists(caller.files.pid_file));
        check_caller(caller);
    }
}

TEST_CASE("spawn: a caller with threads is refused", "[spawn][process]") {
    Caller caller({"--threads"});
    CHECK(caller["error"] == "refuse_threads");
    CHECK(caller.start.leaves_nothing());
}

TEST_CASE("spawn: when the process in the middle is killed, there is no daemon",
          "[spawn][process]") {
    const std::string child = GENERATE("--ignore-child", "--status");
    CAPTURE(child);
    Caller caller({"--notified", "--init", "hang", child, "0"});
    // The middle's child is the daemon; the middle itself is the caller's.
    REQUIRE(eventually([&] { return says(read_file(caller.files.log), "starting"); }));
    for (const pid_t process : caller.start.processes())
        if (stat_field(process, 1) == std::to_string(caller.start.launcher()))
            ::kill(process, SIGKILL);
    CHECK(caller["error"] == "await_ready");
    CHECK(caller.start.leaves_nothing());
    CHECK_FALSE(is_locked(caller.files.pid_file));
}

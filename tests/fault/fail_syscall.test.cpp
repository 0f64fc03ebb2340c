// SPDX-License-Identifier: MIT
// The fault seam does what its header says: a matrix of faults is worth as much as this.
#include <daemonkit/detail/syscall.hpp>

#include "catch.hpp"
#include "fault/fail_syscall.hpp"
#include "file_text.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using daemonkit::testkit::Finished;
using daemonkit::testkit::read_file;
using daemonkit::testkit::TempFolder;

namespace {

Finished run(const std::string& fault, std::map<std::string, std::string> variables = {}) {
    if (!fault.empty()) variables["DAEMONKIT_FAULT"] = fault;
    return daemonkit::testkit::run_program({daemonkit::testkit::probe("probe_fault")}, variables);
}

int getcwd_error() {
    std::array<char, 4096> folder{};
    return daemonkit::detail::sys::getcwd(folder.data(), folder.size()).error;
}

std::vector<std::string> roles_that_failed(const Finished& finished, const std::string& call) {
    std::vector<std::string> failed;
    for (const std::string role : {"launcher", "session_leader", "daemon"})
        if (finished[role + "_" + call] != "0")
            failed.push_back(role + " " + finished[role + "_" + call]);
    return failed;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("fault: without a plan every call is made", "[fault][process]") {
    const Finished finished = run("");
    CHECK(finished.exit_status == 0);
    for (const std::string call : {"getcwd1", "getcwd2", "getcwd3", "close", "still_open"})
        CHECK(roles_that_failed(finished, call).empty());
}

TEST_CASE("fault: the n-th call fails, counted over all processes or over one role",
          "[fault][process]") {
    const Finished fourth = run("getcwd:4:5");
    CHECK(roles_that_failed(fourth, "getcwd1") == Words{"session_leader 5"});
    CHECK(roles_that_failed(fourth, "getcwd2").empty());
    CHECK(roles_that_failed(fourth, "getcwd3").empty());

    const Finished second = run("daemon/getcwd:2:13");
    CHECK(roles_that_failed(second, "getcwd1").empty());
    CHECK(roles_that_failed(second, "getcwd2") == Words{"daemon 13"});
    CHECK(roles_that_failed(second, "getcwd3").empty());

    const Finished any = run("session_leader/any:3:24");
    CHECK(roles_that_failed(any, "getcwd3") == Words{"session_leader 24"});
    CHECK(roles_that_failed(any, "getcwd2").empty());
}

TEST_CASE("fault: a sticky fault fails that call and every later one", "[fault][process]") {
    const Finished all = run("getcwd:2:5:sticky");
    CHECK(roles_that_failed(all, "getcwd1") == Words{"session_leader 5", "daemon 5"});
    CHECK(roles_that_failed(all, "getcwd2") == Words{"launcher 5", "session_leader 5", "daemon 5"});

    const Finished one = run("session_leader/getcwd:2:5:sticky");
    CHECK(roles_that_failed(one, "getcwd1").empty());
    CHECK(roles_that_failed(one, "getcwd2") == Words{"session_leader 5"});
    CHECK(roles_that_failed(one, "getcwd3") == Words{"session_leader 5"});
}

TEST_CASE("fault: close fails and has closed", "[fault][process]") {
    const Finished finished = run("launcher/close:1:5");
    CHECK(finished["launcher_close"] == "5");
    CHECK(finished["launcher_still_open"] == "0");
}

TEST_CASE("fault: a process is killed before the call or after it", "[fault][process]") {
    const Finished early = run("launcher/getcwd:2:kill");
    CHECK(early.signal == SIGKILL);
    CHECK(early["launcher_getcwd1"] == "0");
    CHECK(early["launcher_getcwd2"] == "(no launcher_getcwd2)");

    const Finished daemon = run("daemon/getcwd:1:kill");
    CHECK(daemon.exit_status == 0);
    CHECK(daemon["session_leader_saw_status"] == std::to_string(SIGKILL));

    // Only a call that was made can have forked the session leader.
    const Finished late = run("launcher/fork:1:late_kill");
    CHECK(late.signal == SIGKILL);
    CHECK(late["daemon_still_open"] == "0");
}

TEST_CASE("fault: every call of a role is recorded, in order", "[fault][process]") {
    const TempFolder folder;
    const Finished finished =
        run("daemon/getcwd:2:kill", {{"DAEMONKIT_FAULT_COUNT", folder / "count"}});
    CHECK(finished.exit_status == 0);
    std::istringstream record(read_file(folder / "count"));
    std::map<std::string, std::string>
        calls;  // of two processes at once, the order is their own affair
    std::string role;
    std::string name;
    std::string occurrence;
    while (record >> role >> name >> occurrence) calls[role] += name + " " + occurrence + "\n";
    const std::string each =
        "getcwd 1\ngetcwd 2\ngetcwd 3\nfcntl_dupfd_cloexec 1\nclose 1\nfcntl_getfd 1\n";
    CHECK(calls.size() == 3);
    CHECK(calls["launcher"] == each + "fork 1\nwaitpid 1\n");
    CHECK(calls["session_leader"] == each + "fork 1\nwaitpid 1\n");
    CHECK(calls["daemon"] == "getcwd 1\ngetcwd 2\n");
}

TEST_CASE("fault: a plan that means nothing ends the program", "[fault][process]") {
    const std::string plan = GENERATE(
        "getcwd", "getcwd:1", "getcwd:0:5", ":1:5", "getcwd:1:", "getcwd:1:0", "getcwd:1:x",
        "getcwd:1:5:", "getcwd:1:5:often", "parent/getcwd:1:5", "getcwd:1x:5");
    CAPTURE(plan);
    CHECK(run(plan).exit_status == 64);
}

TEST_CASE("fault: in the process itself for the length of a scope", "[fault][unit]") {
    CHECK(getcwd_error() == 0);
    {
        const Fault fault("getcwd", 2, EMFILE);
        CHECK(getcwd_error() == 0);
        CHECK(fault.hits() == 0);
        CHECK(getcwd_error() == EMFILE);
        CHECK(errno == EMFILE);
        CHECK(getcwd_error() == 0);
        CHECK(fault.hits() == 1);
    }
    {
        const Fault fault("getcwd", 1, EINTR, Repeat::for_good);
        CHECK(getcwd_error() == EINTR);
        CHECK(getcwd_error() == EINTR);
        CHECK(fault.hits() == 2);
    }
    CHECK(getcwd_error() == 0);
    CHECK(daemonkit::fault::calls("getcwd") == 7);
    CHECK(daemonkit::fault::calls("never_called") == 0);
}

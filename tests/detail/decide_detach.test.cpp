// SPDX-License-Identifier: MIT
#include <daemonkit/detail/decide_detach.hpp>

#include "catch.hpp"
#include "process_probe.hpp"

#include <string>
#include <vector>

using namespace daemonkit::testkit;

namespace {

// An environment in which nothing speaks for a service manager, whoever runs the tests.
Finished decide(std::vector<std::string> verbs, const std::string& wanted = "automatic") {
    const std::vector<std::string> cleared{"clear:NOTIFY_SOCKET", "clear:SYSTEMD_EXEC_PID",
                                           "clear:INVOCATION_ID", "clear:LISTEN_PID"};
    verbs.insert(verbs.begin(), cleared.begin(), cleared.end());
    verbs.push_back("detach:" + wanted);
    return ask_process(verbs);
}

void check(const Finished& finished, const std::string& choice, const std::string& words) {
    INFO(finished.out);
    CHECK(finished["choice"] == choice);
    CHECK(finished["reason"].find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("decide_detach: what is asked for is done, whatever the facts", "[detail][process]") {
    const std::string fact =
        GENERATE("variable:NOTIFY_SOCKET:/run/notify", "socket:tcp-listening", "close:0");
    check(decide({fact}, "always"), "always", "asked for");
    check(decide({fact}, "never"), "never", "asked for");
}

TEST_CASE("decide_detach: without a sign of a service manager the process detaches",
          "[detail][process]") {
    const std::vector<std::string> fact =
        GENERATE(values<std::vector<std::string>>({{},
                                                   {"close:0"},
                                                   {"variable:INVOCATION_ID:1234"},
                                                   {"variable:SYSTEMD_EXEC_PID:SELF"},
                                                   {"variable:MAINPID:SELF"},
                                                   {"variable:LISTEN_FDS:1"}}));
    check(decide(fact), "always", "nothing speaks for a service manager");
}

TEST_CASE("decide_detach: a service manager that waits for this process keeps it in the foreground",
          "[detail][process]") {
    check(decide({"variable:NOTIFY_SOCKET:@socket"}), "never", "NOTIFY_SOCKET");
    check(decide({"variable:NOTIFY_SOCKET:"}), "never", "NOTIFY_SOCKET");
    check(decide({"variable:SYSTEMD_EXEC_PID:SELF", "variable:INVOCATION_ID:1234"}), "never",
          "SYSTEMD_EXEC_PID");
    check(decide({"variable:LISTEN_PID:SELF"}), "never", "LISTEN_PID");
}

TEST_CASE("decide_detach: variables that were meant for another process say nothing",
          "[detail][process]") {
    const std::string value =
        GENERATE("1", "0", "-1", "", " SELF", "SELF ", "+SELF", "-SELF", "SELFx", "SELF.0", "0x1",
                 "4294967297", "99999999999999999999", "self");
    CAPTURE(value);
    check(decide({"variable:LISTEN_PID:" + value}), "always", "nothing speaks");
    check(decide({"variable:SYSTEMD_EXEC_PID:" + value, "variable:INVOCATION_ID:1234"}), "always",
          "nothing speaks");
}

TEST_CASE("decide_detach: a socket of a superserver on standard input keeps it in the foreground",
          "[detail][process]") {
    const std::string kind = GENERATE("tcp-listening", "tcp-accepted", "udp", "unix-listening",
                                      "unix-accepted", "abstract");
    CAPTURE(kind);
    check(decide({"socket:" + kind}), "never", "standard input is a socket");
}

TEST_CASE("decide_detach: an end of a socket pair is a pipe by another name", "[detail][process]") {
    // sshd gives one to a command without a terminal, and language runtimes to every program they start.
    check(decide({"socket:paired"}), "always", "nothing speaks");
    check(decide({"socket:paired", "variable:SSH_CONNECTION:::1 1 ::1 22"}), "always",
          "nothing speaks");
}

TEST_CASE("decide_detach: pid 1 stays", "[detail][process]") {
    const Finished finished = decide({"pid-one"});
    if (was_not_possible(finished)) return;
    check(finished, "never", "this is pid 1");
}

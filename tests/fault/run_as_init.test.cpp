// SPDX-License-Identifier: MIT
// run_as_init where it cannot work, and while any one call fails.
#include <daemonkit/run_as_init.hpp>

#include "catch.hpp"
#include "fault/start_calls.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <algorithm>  // std::any_of
#include <cerrno>
#include <csignal>
#include <set>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

using Words = std::vector<std::string>;

// A program that ends with 3; as pid 1 of a namespace, it leaves a process behind.
const Words plain{probe("probe_init"), "sh", "-c", "exit 3"};

Words as_pid_one() {
    Words command{"/usr/bin/env", "unshare", "--pid", "--fork", "--kill-child"};
    if (::geteuid() != 0) command.insert(command.end(), {"--user", "--map-root-user"});
    const auto is_allowed = [&](Words probed) {
        probed.emplace_back("true");
        return run_program(probed).exit_status == 0;
    };
    if (!is_allowed(command)) return {};
    command.insert(command.end(), {probe("probe_init"), "sh", "-c", "sleep 1000 & exit 3"});
    return command;
}

std::vector<Call> calls_of(const Words& command) {
    const TempFolder folder;
    const std::string record = folder / "calls";
    REQUIRE(run_program(command, {{"DAEMONKIT_FAULT_COUNT", record}}).exit_status == 3);
    return read_all_calls(record);
}

}  // namespace

TEST_CASE("run_as_init: what can never be passed on is refused", "[run_as_init][unit]") {
    CHECK_THROWS_AS(run_as_init({"true"}, {.forwarded = {SIGCHLD}}), Error);
    CHECK_THROWS_AS(run_as_init({"true"}, {.forwarded = {SIGKILL}}), Error);
    CHECK_THROWS_AS(run_as_init({}), Error);
}

TEST_CASE("run_as_init: where it is not pid 1 it signals nobody", "[run_as_init][fault][process]") {
    const auto signals_somebody = [](const Words& command) {
        const auto calls = calls_of(command);
        return std::any_of(calls.begin(), calls.end(),
                           [](const Call& call) { return call.name == "kill"; });
    };
    CHECK_FALSE(signals_somebody(plain));
    const Words command = as_pid_one();
    if (!command.empty()) CHECK(signals_somebody(command));
}

TEST_CASE("run_as_init: whichever call fails, the program's status is told or its start has failed",
          "[run_as_init][fault][process]") {
    for (const Words& command : {plain, as_pid_one()}) {
        if (command.empty()) continue;  // this machine has no pid namespaces for us
        std::set<std::string> names;
        for (const Call& call : calls_of(command)) {
            std::string fault = call.role + "/" + call.name + ":" +
                                std::to_string(call.occurrence) + ":" + std::to_string(EIO);
            if (names.insert(call.role + call.name).second) fault += ":sticky";
            INFO(fault);
            const Finished finished = run_program(command, {{"DAEMONKIT_FAULT", fault}});
            INFO(finished.out << finished.err);
            CHECK_FALSE(finished.timed_out);
            CHECK(finished.signal == 0);
            const bool is_told = finished.exit_status >= 64 && !finished.err.empty();
            CHECK((finished.exit_status == 3 || is_told));
        }
    }
}

// SPDX-License-Identifier: MIT
// Every call of a daemon's end fails, and the daemon is killed at each of them: nothing keeps the next start out, and
// the body has ended with status 0 all the same.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

// The calls that a daemon makes from SIGTERM to its end.
std::vector<Call> calls_of_end(Features features) {
    const SeamedStart seamed(features);
    const std::string record = seamed.files.folder / "record";
    DaemonStart start(seamed.command(), {{"DAEMONKIT_FAULT_COUNT=" + record}, {}});
    REQUIRE(why_not_up(start, seamed.files) == "");
    const pid_t daemon = start.daemon();
    // Asleep in the wait of its body it makes no further call.
    REQUIRE(eventually([&] { return stat_field(daemon, 0) == "S"; }));
    const std::size_t before = read_all_calls(record).size();
    REQUIRE(DaemonStart::end(daemon, SIGTERM).exit_status == 0);
    std::vector<Call> calls = read_all_calls(record);
    calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(before));
    return calls;
}

// Why a daemon whose end is disturbed keeps the next start out.
std::string why_broken(Features features, const Call& call, const std::string& action) {
    const SeamedStart seamed(features);
    DaemonStart start(seamed.command(), {{call.plan(action)}, {}});
    if (std::string why = why_not_up(start, seamed.files); !why.empty()) return why;
    const pid_t daemon = start.daemon();
    const Ended ended = DaemonStart::end(daemon, SIGTERM);
    const bool is_killed = action == "kill" || action == "late_kill";
    if (!is_killed && ended.exit_status != 0)
        return "status " + std::to_string(ended.exit_status) + ": " + read_file(seamed.files.log);
    if (is_locked(seamed.files.pid_file)) return "it is still locked";
    return why_no_clean_life(seamed.files, seamed.command());
}

}  // namespace

TEST_CASE("end: whichever call fails, or kills the daemon, the next start comes up",
          "[fault][context][process]") {
    const Features features = GENERATE(Features::few, Features::all);
    const auto calls = calls_of_end(features);
    int tried = 0;
    for (const Call& call : calls) {
        for (const std::string action :
             {"5", "13", "16", "4", "kill", "late_kill"}) {  // EIO, EACCES, EBUSY, EINTR
            CAPTURE(to_string(features), call.name, call.occurrence, action);
            CHECK(why_broken(features, call, action) == "");
            ++tried;
        }
    }
    std::cout << to_string(features) << ", end: calls: " << calls.size()
              << ", faults tried: " << tried << std::endl;
    CHECK(calls.size() > 3);
}

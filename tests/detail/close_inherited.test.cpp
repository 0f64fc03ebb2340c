// SPDX-License-Identifier: MIT
#include <daemonkit/detail/close_inherited.hpp>

#include "catch.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include <sys/resource.h>

using namespace daemonkit::testkit;

namespace {

Finished run(std::vector<std::string> verbs, const std::string& fault = "") {
    verbs.insert(verbs.begin(), probe("probe_close_inherited"));
    verbs.emplace_back("look");
    std::map<std::string, std::string> variables;
    if (!fault.empty()) variables["DAEMONKIT_FAULT"] = fault;
    Finished finished = run_program(verbs, variables);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.exit_status == 0);
    return finished;
}

unsigned long hard_limit() {
    struct ::rlimit limit {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_max;
}

// The ways a system can be: all there, or a call that always fails with that errno.
std::string any_system() {
    const auto fails = [](const char* call, int error) {
        return std::string(call) + ":1:" + std::to_string(error) + ":sticky";
    };
    const std::vector<std::string> systems{"",
                                           fails("close_range", ENOSYS),
                                           fails("close_range", EPERM),
                                           fails("close_range", EINVAL),
                                           fails("poll", EINVAL),
                                           fails("poll", ENOMEM),
                                           fails("stat", ENOENT)};
    return systems[GENERATE(range(0u, 7u))];
}

// Whether the number above every open descriptor is known.
std::string slots() { return GENERATE("inherit:known", "inherit:unknown"); }

int number(const Finished& finished, const std::string& key) { return std::stoi(finished[key]); }

}  // namespace

TEST_CASE("close_inherited: whatever means a system has, all go but 0 to 2", "[detail][process]") {
    const std::string system = any_system();
    const std::string inherit = slots();
    CAPTURE(system, inherit);
    CHECK(run({inherit}, system)["open"] == "0-2");
    CHECK(run({"open:10", inherit}, system)["open"] == "0-2");
    CHECK(run({"at:7", "at:9", "at:200", "at:900", inherit}, system)["open"] == "0-2");
    CHECK(run({"open:1000", inherit}, system)["open"] == "0-2");
}

TEST_CASE("close_inherited: whatever means a system has, the kept ones stay and no other",
          "[detail][process]") {
    const std::string system = any_system();
    const std::string inherit = slots();
    CAPTURE(system, inherit);
    const auto left = [&](const std::string& kept) {
        return run({"at:3", "at:4", "at:5", "at:6", "at:7", "at:20", "at:255", "at:256", "at:258",
                    "at:259", "at:260", inherit + ":" + kept},
                   system)["open"];
    };
    CHECK(left("3") == "0-3");
    CHECK(left("5") == "0-2,5");
    CHECK(left("260") == "0-2,260");
    CHECK(left("3-7") == "0-7");
    CHECK(left("3,5,7") == "0-3,5,7");
    CHECK(left("258,259") == "0-2,258-259");
    CHECK(left("255,256,258") == "0-2,255-256,258");
    CHECK(left("3-7,20,255,256,258-260") == "0-7,20,255-256,258-260");
    CHECK(left("0,1,2,8,99,5000") == "0-2");  // what is not open cannot be kept
}

TEST_CASE("close_inherited: close-on-exec descriptors can be spared", "[detail][process]") {
    const Finished finished =
        run({"at:3", "guarded:4", "at:5", "guarded:900", "at:901", slots() + ":guarded"});
    CHECK(finished["open"] == "0-2,4,900");
}

TEST_CASE("close_inherited: descriptors that are no more than a path are seen like all others",
          "[detail][process]") {
    // poll(2) calls them invalid: one that goes would stay, one that stays would go with its neighbours.
    const std::string system = any_system();
    const std::string inherit = slots();
    CAPTURE(system, inherit);
    CHECK(run({"path:7", "path:300", inherit}, system)["open"] == "0-2");
    CHECK(run({"at:6", "path:7", "at:8", inherit + ":7"}, system)["open"] == "0-2,7");
    CHECK(run({"at:6", "guarded_path:7", "at:8", "path:9", inherit + ":guarded"}, system)["open"] ==
          "0-2,7");
}

TEST_CASE("close_inherited: what got a number since the list was made stays", "[detail][process]") {
    const std::string system = any_system();
    const std::string inherit = slots();
    CAPTURE(system, inherit);
    CHECK(run({"at:4", "at:5", "at:8", "late:3", "late:6", "late:9", inherit}, system)["open"] ==
          "0-3,6,9");
}

TEST_CASE("close_inherited: a standard stream that is closed stays closed, the others stay open",
          "[detail][process]") {
    CHECK(run({"at:9", "close:0", slots()})["open"] == "1-2");
    CHECK(run({"at:9", "close:0", "close:2", slots()})["open"] == "1");
}

TEST_CASE("close_inherited: ten thousand descriptors, with every second one kept",
          "[detail][process]") {
    if (hard_limit() < 10'100) return not_tested("the limit of descriptors is below 10100");
    const std::string system = any_system();
    const std::string inherit = slots();
    CAPTURE(system, inherit);
    CHECK(run({"limit:max", "open:10000", inherit}, system)["open"] == "0-2");

    std::string every_second;
    for (int fd = 3; fd < 10'000; fd += 2)
        every_second += (fd == 3 ? "" : ",") + std::to_string(fd);
    const Finished finished =
        run({"limit:max", "open:10000", inherit + ":" + every_second}, system);
    CHECK(finished["open"] == "0-3," + every_second.substr(2));
}

TEST_CASE(
    "close_inherited: descriptors above a limit that was lowered later are closed or kept as "
    "any others",
    "[detail][process]") {
    const std::string system = any_system();
    const std::string inherit = slots();
    CAPTURE(system, inherit);
    const auto left = [&](const std::string& kept) {
        return run({"open:500", "at:900", "close:5", "close:6", "limit:20", inherit + ":" + kept},
                   system)["open"];
    };
    CHECK(left("") == "0-2");
    CHECK(left("7,400,900") == "0-2,7,400,900");
}

TEST_CASE(
    "close_inherited: the number of calls grows with the open descriptors, not with the limit",
    "[detail][process]") {
    const std::vector<std::string> count{"calls:poll", "calls:close_range", "calls:close",
                                         "calls:fcntl_getfd", "calls:stat"};
    const auto calls = [&](std::vector<std::string> verbs) {
        verbs.insert(verbs.end(), count.begin(), count.end());
        const Finished finished = run(verbs);
        CHECK(finished["open"] == "0-2");
        int all = 0;
        for (const auto& verb : count) all += number(finished, "calls_" + verb.substr(6));
        return all;
    };
    const int few = calls({"limit:256", "open:10", "inherit:known"});
    CHECK(calls({"limit:max", "open:10", "inherit:known"}) == few);
    CHECK(few < 6);
    const int unknown = calls({"limit:256", "open:10", "inherit:unknown"});
    CHECK(calls({"limit:max", "open:10", "inherit:unknown"}) == unknown);
    CHECK(unknown < 300);
    // One poll for each 256 numbers, one close_range for each run: 1000 descriptors cost a handful.
    CHECK(calls({"limit:1024", "open:1000", "inherit:known"}) < few + 5);
}

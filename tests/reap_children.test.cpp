// SPDX-License-Identifier: MIT
// reap_children: every end exactly once, and to whom it belongs.
#include <daemonkit/reap_children.hpp>

#include "catch.hpp"
#include "run_program.hpp"

#include <string>
#include <vector>

using namespace daemonkit::testkit;

namespace {

Finished ask(std::vector<std::string> verbs) {
    verbs.insert(verbs.begin(), probe("probe_children"));
    Finished finished = run_program(verbs);
    INFO(finished.out << finished.err);
    REQUIRE(finished.exit_status == 0);
    return finished;
}

}  // namespace

TEST_CASE("reap_children: without a child there is nothing, and no error",
          "[reap_children][unit]") {
    CHECK(daemonkit::reap_children().empty());
}

TEST_CASE("reap_children: one SIGCHLD is enough for all children, each with its status",
          "[reap_children][process]") {
    const Finished said = ask({"coalesced", "50"});
    CHECK(said["reaped"] == "50");
    CHECK(said["sum"] == std::to_string(49 * 50 / 2));
    CHECK(said["none_left"] == "1");
}

TEST_CASE("reap_children: a subreaper is left without one of 1000 orphans",
          "[reap_children][process]") {
    const Finished said = ask({"orphans", "1000"});
    CHECK(said["reaped"] == "1001");
    CHECK(said["different"] == "1001");
    CHECK(said["wrong"] == "0");
    CHECK(said["callbacks_at_most_reaped"] == "1");
    CHECK(said["childless"] == "1");
}

TEST_CASE("reap_children: the end of a ChildProcess is left to it", "[reap_children][process]") {
    const Finished said = ask({"owned"});
    CHECK(said["reaped"] == "1");
    CHECK(said["own"] == "1");
    CHECK(said["own_status"] == "ended with status 6");
    CHECK(said["status"] == "ended with status 5");
    CHECK(said["childless"] == "1");
}

TEST_CASE("reap_children: one thread that reaps without a pause takes no end from the others",
          "[reap_children][process]") {
    const Finished said = ask({"thieves", "30"});
    CHECK(said["right"] == "90");
    CHECK(said["strangers"] == "0");
    CHECK(said["childless"] == "1");
}

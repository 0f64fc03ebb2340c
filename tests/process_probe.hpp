// SPDX-License-Identifier: MIT
#pragma once
// ask_process: what the library finds out about a process that the verbs of probe_process have made.

#include "catch.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"

#include <map>
#include <string>
#include <vector>

namespace daemonkit::testkit {

/// Runs the probe to its end; what this machine does not allow is in `not_possible`.
inline Finished ask_process(const std::vector<std::string>& verbs,
                            const std::map<std::string, std::string>& variables = {}) {
    Finished finished = run_program(probe_command("probe_process", verbs), variables);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    REQUIRE((finished.exit_status == 0 || finished["not_possible"] != "(no not_possible)"));
    return finished;
}

/// True, and said, when the probe could not be made what the test needs.
inline bool was_not_possible(const Finished& finished) {
    const std::string what = finished["not_possible"];
    const bool is_possible = what == "(no not_possible)";
    if (!is_possible) not_tested("this user may not have " + what);
    return !is_possible;
}

}  // namespace daemonkit::testkit

// SPDX-License-Identifier: MIT
#pragma once
// What the tests of PrivilegeDrop share: probe_privileges, run to its end, and what a refusal is.

#include <daemonkit/error.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "run_program.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace daemonkit::testkit {

/// User and group, on every system.
inline const std::string nobody = "65534";

/// Runs probe_privileges with the verbs.
inline Finished run_privileges(const std::vector<std::string>& verbs,
                               const std::map<std::string, std::string>& variables = {}) {
    Finished finished = run_program(probe_command("probe_privileges", verbs), variables);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    return finished;
}

/// False when this machine did not allow what a verb needs.
inline bool was_possible(const Finished& finished) {
    return finished["not_possible"] == "(no not_possible)";
}

/// The drop was refused by that step, for that reason.
inline void check_refused(const Finished& finished, Step step, int error_number) {
    INFO(finished.out);
    REQUIRE(was_possible(finished));
    CHECK(finished["applied"] == "(no applied)");
    CHECK(finished["error"] == to_string(step));
    CHECK(finished["errno"] == std::to_string(error_number));
    CHECK(finished.exit_status == (step == Step::resolve_user ? 78 : 77));
}

/// How many calls the seam has recorded: a line each, then blank ones.
inline int lines_of(const std::string& record) {
    std::istringstream lines(read_file(record));
    int count = 0;
    for (std::string line; std::getline(lines, line) && !line.empty();) ++count;
    return count;
}

/// Verbs after which the process is an ordinary user without supplementary groups.
inline std::vector<std::string> as_ordinary_user(std::vector<std::string> verbs) {
    if (::geteuid() == 0) {
        const std::vector<std::string> first{"groups:", "ids:" + nobody + ":" + nobody};
        verbs.insert(verbs.begin(), first.begin(), first.end());
    }
    return verbs;
}

}  // namespace daemonkit::testkit

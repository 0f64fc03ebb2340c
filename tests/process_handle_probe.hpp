// SPDX-License-Identifier: MIT
#pragma once
// What the tests of ProcessHandle have in common: the probe.

#include "process_probe.hpp"
#include "run_program.hpp"
#include "running_program.hpp"

#include <string>
#include <utility>
#include <vector>

namespace daemonkit::testkit {

/// The command line of probe_process_handle.
inline std::vector<std::string> handle_probe(const std::vector<std::string>& verbs) {
    return probe_command("probe_process_handle", verbs);
}

}  // namespace daemonkit::testkit

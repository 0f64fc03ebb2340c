// SPDX-License-Identifier: MIT
// What a start would do, and what would stop it; nothing is opened, locked or forked.
//
//   guide_dry_run LOG PID_FILE USER
#include <daemonkit/plan.hpp>

#include <cstdio>

namespace {

// [dry_run]
int dry_run(const daemonkit::DaemonOptions& options) {
    for (const daemonkit::PlannedStep& step : daemonkit::plan(options))
        std::printf("%-22s %s\n", daemonkit::to_string(step.step), step.words.c_str());
    const auto findings = daemonkit::check(options);
    for (const daemonkit::Error& finding : findings) std::printf("FAILS: %s\n", finding.what());
    return findings.empty() ? 0 : findings.front().exit_status();
}
// [dry_run]

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s LOG PID_FILE USER\n", argv[0]);
        return 64;
    }
    // [options]
    const daemonkit::DaemonOptions options{
        .detach = daemonkit::Detach::always,
        .out = daemonkit::AppendTo{argv[1]},
        .pid_file = argv[2],
        .privileges = {.user = argv[3]},
    };
    // [options]
    return dry_run(options);
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

// SPDX-License-Identifier: MIT
// A daemon made with the single header: see docs/install.md.
//
//   guide_single_header
// [program]
#include "daemonkit_single.hpp"

#include <csignal>

int main() {
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonOptions options{.pid_file = "program.pid"};
    return daemonkit::run("program", options, [&](daemonkit::DaemonContext&) {
        signals.wait();
        return 0;
    });
}
// [program]

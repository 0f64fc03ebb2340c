// SPDX-License-Identifier: MIT
// A daemon made with the module, driven by tests/examples/guide/single_header.sh.
#include <csignal>

import daemonkit;

int main() try {
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonOptions options{.pid_file = "program.pid"};
    return daemonkit::run("program", options, [&](daemonkit::DaemonContext& daemon) {
        signals.wait();
        return daemon.pid_lock() != nullptr ? 0 : 1;
    });
} catch (const daemonkit::Error& error) {
    return error.exit_status();
}

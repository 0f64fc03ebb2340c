// SPDX-License-Identifier: MIT
#include "start.hpp"

#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>

int main(int argc, char** argv) try {
    const bench::Start start = bench::begin(argc, argv);
    daemonkit::DaemonContext daemon(
        {.detach = daemonkit::Detach::always, .keep_open = {start.report}});
    bench::tell_ready(start);
    if (start.stays) daemonkit::SignalSet({SIGTERM}).wait();
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_status();
}

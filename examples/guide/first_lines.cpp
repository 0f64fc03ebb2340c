// SPDX-License-Identifier: MIT
// What is logged before there is a log: seen at the terminal, and in the log afterwards.
//
//   guide_first_lines LOG_SOCKET
#include <daemonkit/bootstrap_log.hpp>
#include <daemonkit/context.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/syslog_client.hpp>

#include <csignal>
#include <cstdio>
#include <exception>

namespace {

// [bootstrap]
int start(const char* name, const char* log_socket) {
    daemonkit::BootstrapLog log;
    log.write(daemonkit::Severity::notice, "version 1.4, 3 sensors configured");  // the launcher
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonOptions options{.ready_when = daemonkit::ReadyWhen::notified};
    return daemonkit::run(name, options, [&](daemonkit::DaemonContext& daemon) {
        log.write(daemonkit::Severity::warning, "sensor 2 does not answer");  // the daemon
        const daemonkit::SyslogClient syslog({.to = daemonkit::LocalLog{.path = log_socket}});
        log.replay_into(syslog);  // both lines are in the log now, once, with their times
        daemon.notify_ready();
        log.write(daemonkit::Severity::info, "ready");  // goes to the log alone
        signals.wait();
        return 0;
    });
}
// [bootstrap]

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s LOG_SOCKET\n", argv[0]);
        return 64;
    }
    return start(argv[0], argv[1]);
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

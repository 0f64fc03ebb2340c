// SPDX-License-Identifier: MIT
// What every way of using the library has to compile, link and run. It does not daemonize: a package test must not.

#include <daemonkit/context.hpp>
#include <daemonkit/fd_redirect.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/syslog_sink.hpp>
#include <daemonkit/version.hpp>

#include <csignal>
#include <cstdio>

int main() try {
    daemonkit::SignalSet signals({SIGTERM});
    if (signals.poll()) return 1;
    const daemonkit::FdRedirect redirect(daemonkit::Stream::in, daemonkit::NullDevice{});
    daemonkit::DaemonContext daemon({.detach = daemonkit::Detach::always, .umask = 07777});
    return 1;
} catch (const daemonkit::Error& error) {
    std::printf("daemonkit %s: %s\n", daemonkit::version, error.what());
    return error.step() == daemonkit::Step::validate_options ? 0 : 1;
}

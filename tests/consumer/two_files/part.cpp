// SPDX-License-Identifier: MIT
// The headers of hello.cpp, and the same use of them.

#include <daemonkit/fd_redirect.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>

bool hears_signals() {
    daemonkit::SignalSet signals({SIGTERM});
    const daemonkit::FdRedirect redirect(daemonkit::Stream::in, daemonkit::NullDevice{});
    return !signals.poll();
}

// SPDX-License-Identifier: MIT

#include <daemonkit/fd_redirect.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>

bool hears_signals();

int main() {
    if (!hears_signals()) return 1;
    daemonkit::SignalSet signals({SIGTERM});
    const daemonkit::FdRedirect redirect(daemonkit::Stream::in, daemonkit::NullDevice{});
    return signals.poll() ? 1 : 0;
}

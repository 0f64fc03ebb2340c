// SPDX-License-Identifier: MIT
// A thread of its own for signals: says "reloaded" at SIGHUP, until its std::jthread is asked to stop.
#include <daemonkit/stop_on.hpp>

#include <csignal>
#include <cstdio>
#include <thread>

namespace {

void reload() { static_cast<void>(std::puts("reloaded") < 0 || std::fflush(stdout) != 0); }

}  // namespace

int main(int, char** argv) try {
    daemonkit::SignalSet end({SIGTERM});
    // [stop_token]
    std::jthread worker([](const std::stop_token& token) {
        daemonkit::SignalSet signals({SIGHUP});
        const daemonkit::StopOn stopping(signals, token);
        while (signals.wait().number != 0) reload();
    });
    // [stop_token]
    std::puts("ready");
    if (std::fflush(stdout) != 0) return 74;
    end.wait();
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

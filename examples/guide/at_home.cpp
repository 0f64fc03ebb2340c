// SPDX-License-Identifier: MIT
// What a service manager gives a service: a folder that stays, a secret, and word when memory is short.
//
//   guide_at_home NAME   counts its starts in its state directory; forgets its cache when memory is short
#include <daemonkit/context.hpp>
#include <daemonkit/credential.hpp>
#include <daemonkit/memory_pressure.hpp>
#include <daemonkit/service_directories.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include <poll.h>

namespace {

int count_start(const std::string& file) {
    int starts = 0;
    std::ifstream(file) >> starts;
    std::ofstream(file) << ++starts << '\n';
    return starts;
}

void empty_cache() {
    std::puts("memory is short: the cache is empty now");
    std::fflush(stdout);
}

void work(const char* name) {
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    // [given]
    const std::string state = daemonkit::state_directory(name);    // StateDirectory=
    const auto password = daemonkit::read_credential("database");  // LoadCredential=
    auto pressure = daemonkit::watch_memory_pressure();            // MemoryPressureWatch=
    // [given]
    std::printf("start %d, a password of %zu bytes\n", count_start(state + "/starts"),
                password ? password->size() : 0);
    std::fflush(stdout);

    for (;;) {
        // [wait]
        ::pollfd waits[] = {{signals.native_handle(), POLLIN, 0}, {-1, 0, 0}};
        if (pressure) waits[1] = {pressure->native_handle(), pressure->events(), 0};
        if (::poll(waits, 2, -1) == -1) continue;  // interrupted
        if (signals.poll()) return;
        const auto news =
            pressure ? pressure->consume(waits[1].revents) : daemonkit::PressureNews::none;
        if (news == daemonkit::PressureNews::pressure) empty_cache();
        if (news == daemonkit::PressureNews::ended) pressure.reset();
        // [wait]
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s NAME\n", argv[0]);
        return 64;
    }
    const daemonkit::DaemonContext daemon({.detach = daemonkit::Detach::never});
    work(argv[1]);
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

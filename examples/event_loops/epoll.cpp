// SPDX-License-Identifier: MIT
// A SignalSet in a loop around epoll(7): says "reloaded" at SIGHUP, and ends at SIGTERM.
#include <daemonkit/signal_set.hpp>

#include <csignal>
#include <cstdio>

#include <sys/epoll.h>
#include <unistd.h>

static bool say(const char* text) { return std::puts(text) >= 0 && std::fflush(stdout) == 0; }

int main(int, char** argv) try {
    const int loop = ::epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0) return 71;
    // [epoll]
    daemonkit::SignalSet signals({SIGTERM});
    signals.on(SIGHUP, [] { say("reloaded"); });
    ::epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.fd = signals.native_handle();
    if (::epoll_ctl(loop, EPOLL_CTL_ADD, wanted.data.fd, &wanted) != 0) return 71;

    bool running = say("ready");
    while (running) {
        ::epoll_event ready{};
        if (::epoll_wait(loop, &ready, 1, -1) != 1) continue;  // EINTR: a handler has run
        if (ready.data.fd != signals.native_handle()) continue;
        while (const auto signal = signals.poll())  // until there is nothing
            if (!signals.dispatch(*signal)) running = false;
    }
    // [epoll]
    ::close(loop);
    return say("ended") ? 0 : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

// SPDX-License-Identifier: MIT
// A SignalSet in an Asio loop: says "reloaded" at SIGHUP, and ends at SIGTERM.
#include <daemonkit/signal_set.hpp>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <csignal>
#include <cstdio>
#include <exception>

#include <fcntl.h>

static bool say(const char* text) { return std::puts(text) >= 0 && std::fflush(stdout) == 0; }

// [asio]
/// The loop hears of the set; the descriptor it closes in the end is a duplicate, the set's own stays open.
class SignalsInLoop {
public:
    SignalsInLoop(asio::io_context& loop, daemonkit::SignalSet& signals)
        : signals_(signals), readable_(loop, ::fcntl(signals.native_handle(), F_DUPFD_CLOEXEC, 0)) {
        wait();
    }

private:
    void wait() {
        readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                             [this](const asio::error_code& error) {
                                 if (!error && take_all()) wait();
                             });
    }
    bool take_all() {
        bool ended = false;
        while (const auto signal = signals_.poll()) ended = !signals_.dispatch(*signal) || ended;
        return !ended;
    }

    daemonkit::SignalSet& signals_;
    asio::posix::stream_descriptor readable_;
};
// [asio]

int main(int, char** argv) try {
    daemonkit::SignalSet signals({SIGTERM});
    signals.on(SIGHUP, [] { say("reloaded"); });
    asio::io_context loop;
    const SignalsInLoop in_loop(loop, signals);
    if (!say("ready")) return 74;
    loop.run();  // until there is nothing left to wait for
    return say("ended") ? 0 : 74;
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

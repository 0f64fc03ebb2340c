// SPDX-License-Identifier: MIT
// A daemon that can be asked and told while it runs: it counts, and a socket takes requests about that.
//
//   control_socket FOLDER   counts once in 100 ms until SIGTERM, SIGINT or the request "stop"; FOLDER gets pid, log and
//                           control. Ask it with control_client, or by hand: socat - UNIX-CONNECT:FOLDER/control
#include <daemonkit/control_socket.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include <poll.h>
#include <unistd.h>

namespace {

using daemonkit::ControlAnswer;
using daemonkit::ControlRequest;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// The number that is the request's only argument.
std::optional<long> number_of(const ControlRequest& request) {
    if (request.arguments.size() != 1) return {};
    const std::string& text = request.arguments.front();
    long number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || number < 0) return {};
    return number;
}

int count_until_stopped(daemonkit::DaemonContext& daemon, daemonkit::SignalSet& signals,
                        const std::string& socket) {
    long count = 0;
    // [control]
    bool is_running = true;
    daemonkit::ControlSocket control({.path = socket});
    control.on(
        "status",
        [&](const ControlRequest&) {
            return ControlAnswer{
                0, "pid " + std::to_string(::getpid()) + "\ncount " + std::to_string(count)};
        },
        "tells pid and count");
    control.on(
        "set",
        [&](const ControlRequest& request) {
            const auto number = number_of(request);
            if (!number) return ControlAnswer{64, "usage: set NUMBER"};
            count = *number;
            return ControlAnswer{0, "set by user " + std::to_string(request.peer.uid)};
        },
        "goes on counting from a number");
    control.on(
        "wait-for",
        [&](const ControlRequest& request) -> std::optional<ControlAnswer> {
            const auto number = number_of(request);
            if (!number) return ControlAnswer{64, "usage: wait-for NUMBER"};
            if (count < *number) return {};  // no answer yet
            return ControlAnswer{0, "count " + std::to_string(count)};
        },
        "waits until a number is reached");
    control.on(
        "stop",
        [&](const ControlRequest&) {
            is_running = false;
            return ControlAnswer{0, "stopping"};
        },
        "ends the daemon");
    // [control]
    daemon.notify_ready();

    auto next = Clock::now() + 100ms;
    // [loop]
    while (is_running) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
        ::pollfd set[] = {{signals.native_handle(), POLLIN, 0},
                          {control.native_handle(), POLLIN, 0}};
        if (::poll(set, 2, left > 0ms ? static_cast<int>(left.count()) : 0) < 0 && errno != EINTR)
            return 71;
        if (signals.poll()) break;
        control.serve();  // what there is to do for the clients; it never waits
        if (Clock::now() < next) continue;
        next += 100ms;
        ++count;
        control.look_again();  // somebody may have waited for that
    }
    // [loop]
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 64;
    }
    const std::string folder = std::filesystem::absolute(argv[1]);  // the daemon runs in "/"
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonOptions options{
        .out = daemonkit::AppendTo{folder + "/log"},
        .pid_file = folder + "/pid",
        .ready_when =
            daemonkit::ReadyWhen::notified,  // what goes wrong with the socket is told in the shell
    };
    return daemonkit::run(argv[0], options, [&](daemonkit::DaemonContext& daemon) {
        return count_until_stopped(daemon, signals, folder + "/control");
    });
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::filesystem::filesystem_error& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 78;
}

// SPDX-License-Identifier: MIT
// A daemon of one thread that reads its configuration again on SIGHUP. A bad one is told, and the old one stays.
//
//   reload_single_threaded CONFIG LOG PID_FILE   until SIGTERM or SIGINT; CONFIG holds a number of milliseconds
#include <daemonkit/context.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

struct Config {
    std::chrono::milliseconds interval;
};

/// The configuration, whole and checked; what it throws names the file and the reason.
Config read_config(const std::string& path) {
    struct Close {
        void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
    };
    const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
    char line[32] = "";
    if (!file || (std::fgets(line, sizeof line, file.get()) == nullptr && std::ferror(file.get())))
        throw std::system_error(errno, std::system_category(), path);
    int count = 0;
    const auto [end, error] = std::from_chars(line, line + std::strcspn(line, "\n"), count);
    if (error != std::errc() || *end != '\n' || count < 1)
        throw std::runtime_error(path + ":1: not a number of milliseconds, 1 or more");
    return {std::chrono::milliseconds(count)};
}

void say(const std::string& text) {
    // A full disk is no reason to end: this line is lost, the next one may find room.
    if (std::puts(text.c_str()) < 0 || std::fflush(stdout) != 0) std::clearerr(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s CONFIG LOG PID_FILE\n", argv[0]);
        return 64;
    }
    using Clock = std::chrono::steady_clock;
    auto next = Clock::now();
    // [reload]
    // The daemon runs in "/", and opens the file there.
    const std::string path = std::filesystem::absolute(argv[1]);
    // Before the context: with a configuration that cannot be read, nothing starts.
    daemonkit::Reloadable config([&] { return read_config(path); });

    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    signals.on(SIGHUP, [&] {
        const auto failure = config.reload();
        say(failure ? "the old configuration stays: " + *failure : "reloaded " + path);
        next = Clock::now();  // a new interval counts from here
    });
    // [reload]
    const daemonkit::DaemonContext daemon({
        .out = daemonkit::AppendTo{argv[2]},
        .pid_file = argv[3],
    });

    // [loop]
    for (;;) {
        const auto signal = signals.wait_until(next);
        if (!signal) {
            const auto now = config.get();
            say("alive, again in " + std::to_string(now->interval.count()) + " ms");
            next += now->interval;
        } else if (!signals.dispatch(*signal)) {
            break;  // SIGTERM and SIGINT have no callback
        }
    }
    // [loop]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 78;
}

// SPDX-License-Identifier: MIT
// Appends "Daemon is running at <time>" to a log every interval, until SIGTERM or SIGINT.
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

using Seconds = std::chrono::duration<double>;

/// Reads "--name value" pairs into the options and the interval; false for anything else.
static bool parse(char** argument, daemonkit::DaemonOptions& options, Seconds& interval) {
    bool has_log = false;
    while (*++argument != nullptr) {
        if (std::strcmp(*argument, "--foreground") == 0) {
            options.detach = daemonkit::Detach::never;
            continue;
        }
        const char* const name = *argument;
        const char* const value = *++argument;
        if (value == nullptr) return false;
        if (std::strcmp(name, "--log") == 0) {
            options.out = options.err = daemonkit::AppendTo{value};
            has_log = true;
        } else if (std::strcmp(name, "--pid-file") == 0) {
            options.pid_file = value;
        } else if (std::strcmp(name, "--interval") == 0) {
            char* end = nullptr;
            const double seconds = std::strtod(value, &end);
            if (*end != '\0' || !(seconds >= 0.001 && seconds <= 1e6)) return false;  // "nan", too
            interval = Seconds(seconds);
        } else {
            return false;
        }
    }
    // A detached daemon has no other place to write to; a log in some shared folder would be a guess.
    return has_log || options.detach == daemonkit::Detach::never;
}

static bool log_time() {
    char text[32];
    std::tm local{};
    const std::time_t now = std::time(nullptr);
    return ::localtime_r(&now, &local) != nullptr &&
           std::strftime(text, sizeof text, "%F %T", &local) != 0 &&
           std::printf("Daemon is running at %s\n", text) > 0 && std::fflush(stdout) == 0;
}

int main(int, char** argv) try {
    daemonkit::DaemonOptions options;
    Seconds interval(5);
    if (!parse(argv, options, interval)) {
        std::fprintf(stderr,
                     "usage: %s [--foreground] --log FILE [--pid-file FILE] [--interval SECONDS]\n",
                     argv[0]);
        return 64;
    }
    // Before the context: what is sent while the daemon starts waits here and is not lost.
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    daemonkit::DaemonContext daemon(options);

    // [loop]
    // Deadlines, not pauses: the work between two of them does not add up to a drift.
    auto next = std::chrono::steady_clock::now();
    do {
        // A full disk is no reason to end: this line is lost, the next one may find room.
        if (!log_time()) std::clearerr(stdout);
        next += std::chrono::duration_cast<std::chrono::steady_clock::duration>(interval);
    } while (!signals.wait_until(next));
    // [loop]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

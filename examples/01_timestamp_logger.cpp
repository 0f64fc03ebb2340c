// SPDX-License-Identifier: MIT
// Appends "Daemon is running at <time>" to a log every interval, until SIGTERM or SIGINT.
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <getopt.h>

namespace {

struct Arguments {
    daemonkit::DaemonOptions daemon;
    std::chrono::duration<double> interval{5};
};

[[noreturn]] void usage(const char* program) {
    std::fprintf(stderr,
                 "usage: %s --log FILE [--pid-file FILE] [--interval SECONDS]\n"
                 "       %s --foreground [--log FILE] [--pid-file FILE] [--interval SECONDS]\n",
                 program, program);
    std::exit(64);
}

Arguments parse(int argc, char** argv) {
    const option names[] = {{"foreground", no_argument, nullptr, 'f'},
                            {"interval", required_argument, nullptr, 'i'},
                            {"log", required_argument, nullptr, 'l'},
                            {"pid-file", required_argument, nullptr, 'p'},
                            {nullptr, 0, nullptr, 0}};
    Arguments arguments;
    const char* log = nullptr;
    char* end = nullptr;
    for (int name; (name = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        switch (name) {
            case 'f': arguments.daemon.detach = daemonkit::Detach::never; break;
            case 'i':
                arguments.interval = std::chrono::duration<double>(std::strtod(::optarg, &end));
                // Written this way round, the test refuses "nan" too.
                if (*end != '\0' ||
                    !(arguments.interval.count() >= 0.001 && arguments.interval.count() <= 1e6))
                    usage(argv[0]);
                break;
            case 'l': log = ::optarg; break;
            case 'p': arguments.daemon.pid_file = ::optarg; break;
            default: usage(argv[0]);
        }
    }
    // A detached daemon has no other place to write to; a log in some shared folder would be a guess.
    if (::optind != argc || (log == nullptr && arguments.daemon.detach != daemonkit::Detach::never))
        usage(argv[0]);
    if (log != nullptr) {
        arguments.daemon.out = daemonkit::AppendTo{log};
        arguments.daemon.err = daemonkit::AppendTo{log};
    }
    return arguments;
}

bool log_time() {
    char text[32];
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    if (::localtime_r(&now, &local) == nullptr) return false;
    if (std::strftime(text, sizeof text, "%F %T", &local) == 0) return false;
    return std::printf("Daemon is running at %s\n", text) > 0 && std::fflush(stdout) == 0;
}

}  // namespace

int main(int argc, char** argv) try {
    const Arguments arguments = parse(argc, argv);
    // Before the context: what is sent while the daemon starts waits here and is not lost.
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    daemonkit::DaemonContext daemon(arguments.daemon);

    using Clock = std::chrono::steady_clock;
    const auto interval = std::chrono::duration_cast<Clock::duration>(arguments.interval);
    // Deadlines, not pauses: the work between two of them does not add up to a drift.
    auto next = Clock::now();
    do {
        // A full disk is no reason to end: the line is lost, the next one may find room.
        if (!log_time()) std::clearerr(stdout);
    } while (!signals.wait_until(next += interval));
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

// SPDX-License-Identifier: MIT
// A daemon of several threads that reads its configuration again on SIGHUP, while its workers use it.
//
//   reload_on_sighup [--foreground] CONFIG LOG PID_FILE   until SIGTERM or SIGINT
//
// CONFIG has lines such as "low = 18", "high = 22" and "interval = 500ms"; the variables RELOAD_LOW, RELOAD_HIGH and
// RELOAD_INTERVAL take their places.
#include <daemonkit/context.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/signal_set.hpp>

#include "settings.hpp"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct Config {
    int low;
    int high;
    std::chrono::milliseconds interval;
};

// [config]
/// The configuration, whole and checked; what it throws names file, line and reason.
Config read_config(const std::string& path) {
    settings::Source in("RELOAD", path);
    const Config config{
        .low = in.get("low", settings::number(-100, 100), 18),
        .high = in.get("high", settings::number(-100, 100), 22),
        .interval = in.get("interval", settings::duration(1ms, 24h), 1s),
    };
    // What one line cannot tell is checked before anybody sees it, too.
    if (config.low >= config.high) in.refuse("low", "not below high");
    return in.checked(config);
}
// [config]

void say(const std::string& text) {
    // A full disk is no reason to end: this line is lost, the next one may find room.
    if (std::puts(text.c_str()) < 0 || std::fflush(stdout) != 0) std::clearerr(stdout);
}

// [worker]
void work(const std::stop_token& stop, const daemonkit::Reloadable<Config>& config, int number) {
    std::mutex mutex;
    std::condition_variable_any stopping;
    std::unique_lock lock(mutex);
    const auto is_over = [&] { return stop.stop_requested(); };
    std::chrono::milliseconds interval{};
    do {
        const auto now = config.get();  // one piece of work, one configuration
        say("worker " + std::to_string(number) + " keeps " + std::to_string(now->low) + " to " +
            std::to_string(now->high));
        interval = now->interval;
    } while (!stopping.wait_for(lock, stop, interval, is_over));
}
// [worker]

}  // namespace

int main(int argc, char** argv) try {
    daemonkit::DaemonOptions options;
    char** argument = argv + 1;
    if (argc == 5 && std::strcmp(*argument, "--foreground") == 0) {
        options.detach = daemonkit::Detach::never;
        ++argument;
    } else if (argc != 4) {
        std::fprintf(stderr, "usage: %s [--foreground] CONFIG LOG PID_FILE\n", argv[0]);
        return 64;
    }
    // [main]
    const std::string path = std::filesystem::absolute(argument[0]);
    options.out = daemonkit::AppendTo{argument[1]};
    options.pid_file = argument[2];

    daemonkit::Reloadable config([&] { return read_config(path); });
    daemonkit::SignalSet signals({SIGTERM, SIGINT, SIGHUP});
    daemonkit::DaemonContext daemon(options);  // before the first thread: a fork would lose it

    // A thread is started with the mask of the one that starts it. All block every signal; only the wait
    // below lets those of the set through, in this thread.
    sigset_t every;
    sigfillset(&every);
    ::pthread_sigmask(SIG_BLOCK, &every, nullptr);
    std::vector<std::jthread> workers;
    for (int number = 1; number <= 4; ++number)
        workers.emplace_back(work, std::cref(config), number);

    for (auto signal = signals.wait(); signal.number == SIGHUP; signal = signals.wait()) {
        const auto failure = config.reload();
        say(failure ? "the old configuration stays: " + *failure : "reloaded " + path);
    }
    for (auto& worker : workers) worker.request_stop();
    workers.clear();  // each has ended its piece of work
    say("stopped");
    // [main]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 78;
}

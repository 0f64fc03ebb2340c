// SPDX-License-Identifier: MIT
// A daemon of several threads that reads its configuration again on SIGHUP, while its workers use it.
//
//   reload_on_sighup [--foreground] CONFIG LOG PID_FILE   until SIGTERM or SIGINT
//
// CONFIG has lines "low = DEGREES", "high = DEGREES" and "interval = MILLISECONDS", and comments after #.
#include <daemonkit/context.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/signal_set.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

struct Config {
    int low = 18;
    int high = 22;
    int interval = 1000;
};

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// The configuration, whole and checked; what it throws names file, line and reason.
Config read_config(const std::string& path) {
    struct Close {
        void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
    };
    const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
    if (!file) throw std::system_error(errno, std::system_category(), path);

    Config config;
    char line[256];
    for (int number = 1; std::fgets(line, sizeof line, file.get()) != nullptr; ++number) {
        const auto refuse = [&](const std::string& reason) {
            throw std::runtime_error(path + ":" + std::to_string(number) + ": " + reason);
        };
        if (std::strlen(line) == sizeof line - 1) refuse("too long");
        const std::string_view words = trim(line);
        if (words.empty() || words.front() == '#') continue;
        const auto equals = std::min(words.find('='), words.size());
        const std::string_view key = trim(words.substr(0, equals));
        const std::string_view value = trim(words.substr(std::min(equals + 1, words.size())));
        int* const field = key == "low"        ? &config.low
                           : key == "high"     ? &config.high
                           : key == "interval" ? &config.interval
                                               : nullptr;
        if (field == nullptr) refuse("there is no key " + std::string(key));
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), *field);
        if (error != std::errc() || end != value.data() + value.size())
            refuse("not of the form KEY = NUMBER");
    }
    if (std::ferror(file.get()) != 0) throw std::system_error(errno, std::system_category(), path);
    // What one line cannot tell is checked before anybody sees it, too.
    if (config.low >= config.high) throw std::runtime_error(path + ": low is not below high");
    if (config.interval < 1) throw std::runtime_error(path + ": interval is less than 1");
    return config;
}

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
        interval = std::chrono::milliseconds(now->interval);
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

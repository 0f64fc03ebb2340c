// SPDX-License-Identifier: MIT
#pragma once
// For probes of sinks: messages from processes that are forked, also while threads write.

#include <daemonkit/log_sink.hpp>
#include <daemonkit/severity.hpp>

#include "verbs.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace probe {

/// A forked process writes the text, and ends; `child=` is its pid.
template <daemonkit::LogSink Sink>
void fork_write(const Sink& sink, const std::string& text) {
    const pid_t pid = ::fork();
    require(pid >= 0, "a process");
    if (pid == 0) {
        sink.write(daemonkit::Severity::info, text);
        ::_exit(0);
    }
    ::waitpid(pid, nullptr, 0);
    report("child", std::to_string(pid));
}

/// While four threads write, so many processes are forked, one after another, each of which writes one message and ends;
/// `children=` is how many could, and `dropped=` how many of these had to drop it.
template <daemonkit::LogSink Sink>
void fork_storm(const Sink& sink, int count) {
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            while (!done) sink.write(daemonkit::Severity::info, "storm");
        });
    }
    constexpr int has_dropped = 1;
    int ended = 0;
    int dropped = 0;
    for (int child = 0; child < count; ++child) {
        const pid_t pid = ::fork();
        require(pid >= 0, "a process");
        if (pid == 0) {
            sink.write(daemonkit::Severity::info, "child");
            ::_exit(sink.dropped() == 0 ? 0 : has_dropped);  // counted anew in each process
        }
        int status = -1;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (::waitpid(pid, &status, WNOHANG) == 0 && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        if (WIFEXITED(status) && WEXITSTATUS(status) <= has_dropped) {
            ++ended;
            dropped += WEXITSTATUS(status);
            continue;
        }
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    done = true;
    for (auto& thread : threads) thread.join();
    report("children", std::to_string(ended));
    report("dropped", std::to_string(dropped));
}

}  // namespace probe

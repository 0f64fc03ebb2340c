// SPDX-License-Identifier: MIT
#pragma once
// What tests of ChildProcess share: the helper, what it prints, and that nothing of it is left.

#include <daemonkit/child_process.hpp>

#include "run_program.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace daemonkit::testkit {

using Words = std::vector<std::string>;

/// The command that has probe_helper do that.
inline Words helper(Words verbs) {
    verbs.insert(verbs.begin(), probe("probe_helper"));
    return verbs;
}

/// Collects lines.
struct Lines {
    Words all;
    /// For ChildOptions.
    LineSink sink() {
        return [this](std::string_view line) { all.emplace_back(line); };
    }
    /// The pid that the helper printed as `descendant=PID`.
    pid_t descendant() const {
        for (const std::string& line : all)
            if (line.rfind("descendant=", 0) == 0) return std::stoi(line.substr(11));
        return 0;
    }
    /// True when the helper has said so.
    bool has(const std::string& wanted) const {
        for (const std::string& line : all)
            if (line == wanted) return true;
        return false;
    }
};

/// True when this process has no child, ended or not.
inline bool is_childless() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

/// True when nobody runs under that number; a process that has ended and was not waited for does not run.
inline bool is_gone(pid_t pid) {
    std::string stat;
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), stat);
    const auto name_end = stat.rfind(')');
    return name_end == std::string::npos || stat.compare(name_end, 3, ") Z") == 0;
}

/// Waits, for a bounded time, until that holds.
template <class Condition>
bool comes_to_hold(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

/// How many descriptors are open.
inline int count_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) != -1;
    return count;
}

/// Waits until the helper has printed the line.
inline void await_line(ChildProcess& child, const Lines& lines, const std::string& line) {
    comes_to_hold([&] { return child.wait_for(std::chrono::milliseconds(1)) || lines.has(line); });
}

}  // namespace daemonkit::testkit

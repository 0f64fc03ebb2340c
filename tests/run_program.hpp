// SPDX-License-Identifier: MIT
#pragma once
// run_program: runs a probe to its end, for a bounded time, and keeps what it printed.

#include <array>
#include <chrono>
#include <csignal>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>  // PR_SET_CHILD_SUBREAPER
#include <sys/wait.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// What became of a program.
struct Finished {
    int exit_status = -1;  ///< -1 when a signal ended it
    int signal = 0;
    bool timed_out = false;
    std::string out;
    std::string err;

    /// The value of the last `key=value` line on stdout; "(no KEY)" when there is none.
    std::string operator[](const std::string& key) const {
        std::string value = "(no " + key + ")";
        std::istringstream lines(out);
        for (std::string line; std::getline(lines, line);)
            if (line.compare(0, key.size() + 1, key + "=") == 0)
                value = line.substr(key.size() + 1);
        return value;
    }
};

/// Runs argv[0] with the variables added to the environment; stdin is the null device.
///
/// After `limit` the program and its process group are killed; a descendant that keeps stdout open counts as
/// running, so that a daemon that holds its caller's pipe is found.
inline Finished run_program(const std::vector<std::string>& arguments,
                            const std::map<std::string, std::string>& variables = {},
                            std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    // What loses its parent becomes this process's child, to be waited for below.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1UL);
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("pipe2");
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);

    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child == 0) {
        ::setpgid(0, 0);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        ::dup2(null, 0);
        ::dup2(out[1], 1);
        ::dup2(err[1], 2);
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);

    Finished finished;
    std::array<std::pair<int, std::string*>, 2> streams{
        {{out[0], &finished.out}, {err[0], &finished.err}}};
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int open_streams = 2;
    while (open_streams > 0 && !finished.timed_out) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        std::array<pollfd, 2> set{{{streams[0].first, POLLIN, 0}, {streams[1].first, POLLIN, 0}}};
        const int ready =
            left.count() > 0 ? ::poll(set.data(), set.size(), static_cast<int>(left.count())) : 0;
        if (ready < 0) continue;
        finished.timed_out = ready == 0;
        for (std::size_t at = 0; at < set.size(); ++at) {
            if (set[at].revents == 0) continue;
            std::array<char, 4096> bytes;
            const ssize_t size = ::read(set[at].fd, bytes.data(), bytes.size());
            if (size > 0) {
                streams[at].second->append(bytes.data(), static_cast<std::size_t>(size));
            } else {
                ::close(std::exchange(streams[at].first,
                                      -1));  // poll passes over a negative descriptor
                --open_streams;
            }
        }
    }
    for (const auto& stream : streams)
        if (stream.first >= 0) ::close(stream.first);

    // Before it is waited for, even an ended child keeps its number, and the group that goes by it.
    if (finished.timed_out) ::kill(-child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            finished.timed_out = true;
            ::kill(-child, SIGKILL);
        }
        ::poll(nullptr, 0, 1);
    }
    // The rest of its group, ended as well: no zombies are left to an init that may not care for them.
    while (::waitpid(-child, nullptr, WNOHANG) >= 0 && std::chrono::steady_clock::now() < deadline)
        ::poll(nullptr, 0, 1);
    if (WIFEXITED(status)) finished.exit_status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) finished.signal = WTERMSIG(status);
    return finished;
}

/// The path of a probe, built beside this test.
inline std::string probe(const std::string& name) {
    return std::string(DAEMONKIT_PROBE_DIR) + "/" + name;
}

/// The command line of a probe with these arguments.
inline std::vector<std::string> probe_command(const std::string& name,
                                              const std::vector<std::string>& arguments) {
    std::vector<std::string> command{probe(name)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

}  // namespace daemonkit::testkit

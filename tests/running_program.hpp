// SPDX-License-Identifier: MIT
#pragma once
// RunningProgram: a probe that is talked to while it runs. Every wait is bounded, and nothing outlives the object.

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// A program with a process group of its own; its stdin and stdout are held by the test, its stderr is the test's.
class RunningProgram {
public:
    /// Starts argv[0] with "NAME=VALUE" added to the environment.
    explicit RunningProgram(const std::vector<std::string>& arguments,
                            const std::vector<std::string>& variables = {}) {
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
            throw std::runtime_error("pipe2");
        std::vector<char*> argv;
        for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what it leaves behind is ours to wait for
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("fork");
        if (pid_ == 0) {
            ::setpgid(0, 0);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            for (const auto& variable : variables) ::putenv(const_cast<char*>(variable.c_str()));
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        ::setpgid(pid_, pid_);  // here too: the group exists before anyone signals it
        ::close(in[0]);
        ::close(out[1]);
        in_ = in[1];
        out_ = out[0];
    }
    ~RunningProgram() {
        for (;;) {
            const pid_t ended = ::waitpid(-pid_, nullptr, WNOHANG);
            if (ended < 0) break;  // nobody of the group is left
            // Somebody still runs, so that the group's number cannot have become another's.
            if (ended == 0 && ::kill(-pid_, SIGKILL) == 0) ::waitpid(-pid_, nullptr, 0);
        }
        hang_up();
        ::close(out_);
    }
    RunningProgram(const RunningProgram&) = delete;
    RunningProgram& operator=(const RunningProgram&) = delete;

    pid_t pid() const noexcept { return pid_; }

    /// The value of the next `key=value` line with that key; lines before it are passed over.
    std::string await(const std::string& key) {
        for (;;) {
            const std::string line = next_line();
            if (line.compare(0, key.size() + 1, key + "=") == 0) return line.substr(key.size() + 1);
        }
    }

    /// Lets the program go on from a `pause`.
    void tell() {
        if (::write(in_, "\n", 1) != 1) throw std::runtime_error("the program does not listen");
    }

    /// Ends the program's stdin.
    void hang_up() noexcept {
        if (in_ >= 0) ::close(std::exchange(in_, -1));
    }

    /// What the program prints until it pauses under that name.
    std::string until(const std::string& pause) {
        std::string text;
        for (;;) {
            const std::string line = next_line();
            text += line + "\n";
            if (line == "paused=" + pause) return text;
        }
    }

    /// Waits until a signal has stopped the program (true), or it pauses under that name (false).
    bool await_stop_or(const std::string& pause) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        const std::string end = "paused=" + pause + "\n";
        while (std::chrono::steady_clock::now() < deadline) {
            pollfd set{out_, POLLIN, 0};
            if (::poll(&set, 1, 1) == 1) read_some();
            if (text_.find(end) != std::string::npos) return false;
            int status = 0;
            if (::waitpid(pid_, &status, WUNTRACED | WNOHANG) == pid_) {
                if (WIFSTOPPED(status)) return true;
                throw std::runtime_error("the program ended; it said: " + text_);
            }
        }
        throw std::runtime_error("the program neither stops nor pauses");
    }

    /// Waits for the end; the exit status, or 128 and the signal.
    int await_end() {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        int status = 0;
        while (::waitpid(pid_, &status, WNOHANG) != pid_) {
            if (std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error("the program does not end");
            ::poll(nullptr, 0, 1);
        }
        is_over_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    /// Sends the signal to the program alone.
    void signal(int number) const {
        if (is_over_ || ::kill(pid_, number) != 0) throw std::runtime_error("kill");
    }

    /// What the program printed and nobody has taken yet; to be asked after its end.
    std::string rest() {
        std::array<char, 4096> bytes;
        for (ssize_t size = 1; size > 0;) {
            wait_readable();
            size = ::read(out_, bytes.data(), bytes.size());
            if (size > 0) text_.append(bytes.data(), static_cast<std::size_t>(size));
        }
        return std::exchange(text_, "");
    }

private:
    static constexpr std::chrono::seconds limit{30};

    void wait_readable() const {
        pollfd set{out_, POLLIN, 0};
        constexpr int limit_ms =
            static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
        if (::poll(&set, 1, limit_ms) != 1) throw std::runtime_error("the program is silent");
    }

    void read_some() {
        std::array<char, 4096> bytes;
        const ssize_t size = ::read(out_, bytes.data(), bytes.size());
        if (size <= 0) throw std::runtime_error("the program ended; it said: " + text_);
        text_.append(bytes.data(), static_cast<std::size_t>(size));
    }

    std::string next_line() {
        for (;;) {
            const auto end = text_.find('\n');
            if (end != std::string::npos) {
                const std::string line = text_.substr(0, end);
                text_.erase(0, end + 1);
                return line;
            }
            wait_readable();
            read_some();
        }
    }

    pid_t pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    bool is_over_ = false;
    std::string text_;
};

}  // namespace daemonkit::testkit

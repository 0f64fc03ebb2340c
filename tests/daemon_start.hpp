// SPDX-License-Identifier: MIT
#pragma once
// DaemonStart: a program that starts a daemon, and every process that comes of it. Nothing outlives the object.
//
// The test process adopts orphans (PR_SET_CHILD_SUBREAPER), so that every daemon can be found, waited for and ended.

#include "file_text.hpp"

#include <algorithm>  // std::remove
#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>  // SYS_pidfd_open
#include <sys/wait.h>
#include <unistd.h>

namespace daemonkit::testkit {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// The longest that anything is waited for here.
inline constexpr Milliseconds longest_wait{30'000};

/// True as soon as the condition holds; false when it does not within the limit.
template <class Condition>
bool eventually(Condition holds, Milliseconds limit = longest_wait) {
    const auto deadline = Clock::now() + limit;
    while (!holds()) {
        if (Clock::now() > deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

/// How a process ended.
struct Ended {
    int exit_status = -1;  ///< -1 when a signal ended it, or it did not end
    int signal = 0;
};

/// What the launcher is born into.
struct Surroundings {
    std::vector<std::string> variables = {};  ///< "NAME=VALUE", added to the environment
    std::function<void()> prepare = {};  ///< called in the launcher's process, last before exec
};

/// The field of /proc/PID/stat that stands after the name: 0 is the state, 1 the parent.
inline std::string stat_field(pid_t pid, int field) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    std::istringstream after(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    std::string word;
    for (int i = 0; i <= field; ++i) after >> word;
    return word;
}

/// True while the process exists and has not ended.
inline bool is_alive(pid_t pid) {
    const std::string state = stat_field(pid, 0);
    return !state.empty() && state != "Z" && state != "X";
}

/// True when a signal has stopped the process.
inline bool is_stopped(pid_t pid) { return stat_field(pid, 0) == "T"; }

class DaemonStart {
public:
    /// Starts argv[0]; stdout and stderr are kept.
    explicit DaemonStart(std::vector<std::string> arguments,
                         const Surroundings& surroundings = {}) {
        adopt_orphans();
        // The first argument names the program to nobody but us; its children by fork keep it.
        const std::string program = arguments.front();
        name_ = program + "#" + std::to_string(++count());
        arguments.front() = name_;
        std::array<int, 2> out = make_pipe();
        std::array<int, 2> err = make_pipe();
        std::vector<char*> argv;
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        launcher_ = ::fork();
        if (launcher_ < 0) throw std::runtime_error("fork");
        if (launcher_ == 0) {
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            ::dup2(null, 0);
            ::dup2(out[1], 1);
            ::dup2(err[1], 2);
            for (const auto& text : surroundings.variables)
                ::putenv(const_cast<char*>(text.c_str()));
            if (surroundings.prepare) surroundings.prepare();
            ::execv(program.c_str(), argv.data());
            ::_exit(127);
        }
        launchers().insert(launcher_);
        ::close(out[1]);
        ::close(err[1]);
        streams_ = {{{out[0], &out_}, {err[0], &err_}}};
        pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, launcher_, 0));
        if (pidfd_ < 0) throw std::runtime_error("pidfd_open");
    }

    ~DaemonStart() {
        end_everything();
        for (const auto& [fd, text] : streams_)
            if (fd >= 0) ::close(fd);
        ::close(pidfd_);
    }
    DaemonStart(const DaemonStart&) = delete;
    DaemonStart& operator=(const DaemonStart&) = delete;

    /// What the program is called.
    const std::string& name() const noexcept { return name_; }

    /// The pid of the launcher.
    pid_t launcher() const noexcept { return launcher_; }

    /// Waits for the end of the launcher, however it ends.
    const Ended& await(Milliseconds limit = longest_wait) {
        const auto deadline = Clock::now() + limit;
        while (!is_over_) {
            if (Clock::now() > deadline) throw std::runtime_error("the launcher does not end");
            read_what_comes(100);
            siginfo_t info{};
            if (::waitid(P_PID, static_cast<id_t>(launcher_), &info, WEXITED | WNOHANG) != 0)
                throw std::runtime_error("waitid");
            is_over_ = info.si_pid != 0;
            if (is_over_) launchers().erase(launcher_);
            if (info.si_code == CLD_EXITED) ended_.exit_status = info.si_status;
            if (is_over_ && info.si_code != CLD_EXITED) ended_.signal = info.si_status;
        }
        for (int rounds = 0; rounds < 100 && read_what_comes(0); ++rounds) continue;
        return ended_;
    }

    /// Waits until the launcher has written the text to its stderr.
    bool await_err(const std::string& text) {
        return eventually([&] {
            read_what_comes(1);
            return err_.find(text) != std::string::npos;
        });
    }

    /// What launcher and daemon wrote to the launcher's streams, as far as it has been read.
    const std::string& out() const noexcept { return out_; }
    const std::string& err() const noexcept { return err_; }

    /// True when nobody holds the launcher's stdout and stderr any more.
    bool streams_are_released() {
        for (int rounds = 0; rounds < 100 && read_what_comes(0); ++rounds) continue;
        return streams_[0].first < 0 && streams_[1].first < 0;
    }

    /// The processes that came of this start and live, the launcher excepted; zombies are waited for on the way.
    std::vector<pid_t> processes() const {
        std::vector<pid_t> mine;
        // proc_pid_children(5): a list read while somebody ends may lack the next one. Not twice.
        for (int look = 0; look < 2 && mine.empty(); ++look) collect(::getpid(), mine);
        mine.erase(std::remove(mine.begin(), mine.end(), launcher_), mine.end());
        return mine;
    }

    /// The one process that came of this start; throws when there is not exactly one.
    pid_t daemon() const {
        const auto all = processes();
        if (all.size() != 1)
            throw std::runtime_error(std::to_string(all.size()) + " processes, not one daemon");
        return all.front();
    }

    /// True as soon as no process but the launcher is left.
    bool leaves_nothing(Milliseconds limit = longest_wait) const {
        return eventually([&] { return processes().empty(); }, limit);
    }

    /// Waits until a signal has stopped the launcher or the session leader, and returns its pid; nothing when the
    /// launcher ended without that.
    std::optional<pid_t> await_stopped_launcher() const {
        std::optional<pid_t> stopped;
        eventually([&] {
            stopped = find_stopped();
            return stopped.has_value() || !is_alive(launcher_);
        });
        return stopped;
    }

    /// The same for the daemon, which goes on without the launcher; nothing when it did not stop in that time.
    std::optional<pid_t> await_stopped_daemon(Milliseconds limit = Milliseconds(3000)) const {
        std::optional<pid_t> stopped;
        eventually([&] { return (stopped = find_stopped()).has_value(); }, limit);
        return stopped;
    }

    /// Signals a daemon whose launcher has ended, and waits for its end.
    static Ended end(pid_t daemon, int signal) {
        ::kill(daemon, signal);
        return await_end(daemon);
    }

    /// Waits for the end of a daemon whose launcher has ended.
    static Ended await_end(pid_t daemon) {
        int status = 0;
        pid_t waited = 0;
        if (!eventually([&] { return (waited = ::waitpid(daemon, &status, WNOHANG)) != 0; }))
            throw std::runtime_error("the daemon does not end");
        if (waited != daemon) throw std::runtime_error("the daemon is not a child of the test");
        Ended ended;
        if (WIFEXITED(status)) ended.exit_status = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
        return ended;
    }

private:
    std::optional<pid_t> find_stopped() const {
        if (is_stopped(launcher_)) return launcher_;
        for (const pid_t process : processes())
            if (is_stopped(process)) return process;
        return {};
    }

    static void adopt_orphans() {
        if (::prctl(PR_SET_CHILD_SUBREAPER, 1UL) != 0) throw std::runtime_error("no subreaper");
    }

    static int& count() {
        static int starts = 0;
        return starts;
    }

    /// The launchers nobody has waited for yet: a look around must not do it.
    static std::set<pid_t>& launchers() {
        static std::set<pid_t> all;
        return all;
    }

    static std::array<int, 2> make_pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        return ends;
    }

    /// Waits that many milliseconds for output or the launcher's end; true when there was output.
    bool read_what_comes(int limit) {
        std::array<pollfd, 3> set{
            {{streams_[0].first, POLLIN, 0}, {streams_[1].first, POLLIN, 0}, {pidfd_, POLLIN, 0}}};
        if (is_over_) set[2].fd = -1;
        if (::poll(set.data(), set.size(), limit) < 1) return false;
        bool has_read = false;
        for (std::size_t at = 0; at < streams_.size(); ++at) {
            if (set[at].revents == 0) continue;
            std::array<char, 4096> bytes;
            const ssize_t size = ::read(set[at].fd, bytes.data(), bytes.size());
            if (size > 0) streams_[at].second->append(bytes.data(), static_cast<std::size_t>(size));
            if (size <= 0) ::close(std::exchange(streams_[at].first, -1));
            has_read = true;
        }
        return has_read;
    }

    static std::vector<pid_t> children_of(pid_t parent) {
        const std::string number = std::to_string(parent);
        std::istringstream list(read_file("/proc/" + number + "/task/" + number + "/children"));
        std::vector<pid_t> children;
        for (pid_t child; list >> child;) children.push_back(child);
        return children;
    }

    void collect(pid_t parent, std::vector<pid_t>& mine) const {
        for (const pid_t child : children_of(parent)) {
            collect(child, mine);
            const std::string line = read_file("/proc/" + std::to_string(child) + "/cmdline");
            if (line.compare(0, name_.size() + 1, name_ + '\0') == 0) {
                mine.push_back(child);
            } else if (line.empty() && parent == ::getpid() && launchers().count(child) == 0) {
                // Without memory it is at its end, but may still hold its files: waited for, it is gone.
                ::waitpid(child, nullptr, 0);
            }
        }
    }

    void end_everything() noexcept try {
        if (!is_over_) {
            ::kill(launcher_, SIGKILL);
            ::waitpid(launcher_, nullptr, 0);
            launchers().erase(launcher_);
        }
        // Each one that ends may have made another one just before.
        eventually([&] {
            const auto left = processes();
            for (const pid_t pid : left) ::kill(pid, SIGKILL);
            return left.empty();
        });
    } catch (...) {
        // /proc cannot be read: nobody is found.
    }

    std::string name_;
    pid_t launcher_ = -1;
    int pidfd_ = -1;
    bool is_over_ = false;
    Ended ended_;
    std::string out_;
    std::string err_;
    std::array<std::pair<int, std::string*>, 2> streams_;
};

}  // namespace daemonkit::testkit

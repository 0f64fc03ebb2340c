// SPDX-License-Identifier: MIT
// The life of a process: fork, exec, wait, zombie, orphan; told by the kernel, and nothing is left at the end.
//
//   process_tour [SECONDS]    how long the orphans live; SIGTERM or SIGINT ends the tour before
#include <daemonkit/child_process.hpp>
#include <daemonkit/reap_children.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace {

using daemonkit::ExitStatus;
using namespace std::chrono_literals;

/// A function in a process of its own, which ends with this object at the latest.
class ForkedFunction {
public:
    template <class Function>
    explicit ForkedFunction(Function function) : pid_(::fork()) {
        if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
        if (pid_ == 0) ::_exit(function());  // no destructor of the copied program runs
    }
    ~ForkedFunction() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        wait();
    }
    ForkedFunction(const ForkedFunction&) = delete;
    ForkedFunction& operator=(const ForkedFunction&) = delete;

    pid_t pid() const { return pid_; }

    ExitStatus wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0)
            if (errno != EINTR) throw std::system_error(errno, std::system_category(), "waitpid");
        pid_ = 0;  // from here on the number may be another process's
        return ExitStatus::from_wait(status);
    }

private:
    pid_t pid_;
};

/// What the kernel says of a process: its name, state (S sleeps, Z is a zombie) and parent.
struct Process {
    explicit Process(pid_t pid) {
        std::string text;
        std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), text);
        const auto open = text.find('(');
        const auto close = text.rfind(')');  // a name may hold brackets and blanks
        if (close == std::string::npos) return;
        name = text.substr(open + 1, close - open - 1);
        state = text.at(close + 2);
        parent = std::atoi(text.c_str() + close + 4);
    }
    std::string name = "nobody";
    char state = '-';
    pid_t parent = 0;
};

/// Processes that have become ours; those that are still there end with this object.
class Orphans {
public:
    Orphans() = default;
    ~Orphans() {
        for (const pid_t pid : pids_) {
            ::kill(pid, SIGKILL);
            while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
        }
    }
    Orphans(const Orphans&) = delete;
    Orphans& operator=(const Orphans&) = delete;

    void adopt(pid_t pid) { pids_.insert(pid); }
    void forget(pid_t pid) { pids_.erase(pid); }
    bool empty() const { return pids_.empty(); }

    void show() const {
        for (const pid_t pid : pids_)
            std::printf("orphan %d: its parent is %s\n", static_cast<int>(pid),
                        Process(pid).parent == ::getpid() ? "this process" : "another one");
    }

private:
    std::set<pid_t> pids_;
};

void show_fork() {
    int value = 1;
    ForkedFunction copy([&] { return value = 2; });
    const int in_copy = copy.wait().code().value_or(-1);
    std::printf("fork: the copy has the value %d, this process still has %d\n", in_copy, value);
}

void show_exec() {
    const daemonkit::ChildProcess child({"sleep", "1000"});
    std::printf("exec: the process %d is %s now\n", static_cast<int>(child.pid()),
                Process(child.pid()).name.c_str());
}

void show_wait() {
    const auto print = [](std::string_view line) {
        std::printf("wait: it said: %s\n", std::string(line).c_str());
    };
    const auto result =
        daemonkit::run_child({"sh", "-c", "echo bye; exit 3"}, {.out = print, .timeout = 10s});
    std::printf("wait: %s\n", to_string(result).c_str());
    ForkedFunction worker([] { return ::pause(); });
    ::kill(worker.pid(), SIGKILL);
    std::printf("wait: %s\n", to_string(worker.wait()).c_str());
}

void show_zombie() {
    ForkedFunction child([] { return 0; });
    // The end is looked at, and left there: until somebody takes it, the kernel keeps the process.
    ::siginfo_t end{};
    ::waitid(P_PID, static_cast<id_t>(child.pid()), &end, WEXITED | WNOWAIT);
    const pid_t pid = child.pid();
    std::printf("zombie: ended, and in the state %c\n", Process(pid).state);
    child.wait();
    std::printf("zombie: waited for, and in the state %c\n", Process(pid).state);
}

void show_orphans(daemonkit::SignalSet& signals, const std::string& seconds) {
#if defined(__linux__)
    ::prctl(PR_SET_CHILD_SUBREAPER, 1UL);  // otherwise pid 1 would get them, and reap them
#endif
    Orphans orphans;
    // [reap]
    signals.on(SIGCHLD, [&] {
        for (const auto& [pid, status] : daemonkit::reap_children()) {
            std::printf("reaped %d: %s\n", static_cast<int>(pid), to_string(status).c_str());
            orphans.forget(pid);
        }
    });
    // [reap]
    signals.on(SIGCHLD, [&] {
        if (orphans.empty()) signals.stop();
    });
    // Each shell starts a process, says its number and ends before it.
    const std::string script = "sleep " + seconds + " >/dev/null 2>&1 & echo $!";
    for (int i = 0; i < 3; ++i) {
        const auto adopt = [&](std::string_view pid) {
            orphans.adopt(std::atoi(std::string(pid).c_str()));
        };
        daemonkit::run_child({"sh", "-c", script}, {.out = adopt, .timeout = 10s});
    }
    orphans.show();
    signals.run();
    std::printf("orphans: %s\n", signals.stopped() ? "all have ended" : "the rest ends now");
}

}  // namespace

int main(int argc, char** argv) try {
    // What stands in a buffer at a fork would be printed twice.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    // From here on SIGTERM is a wish: nothing that the tour has made is left behind.
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    show_fork();
    show_exec();
    show_wait();
    show_zombie();
    show_orphans(signals, argc > 1 ? argv[1] : "1");
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 71;
}

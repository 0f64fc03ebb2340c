// SPDX-License-Identifier: MIT
// A daemon for tests, with every behaviour by option. Its log has one line an event: "pid PID: EVENT".
//
//   --pid-file FILE            --foreground               --log FILE (stdout and stderr; none: the default targets)
//   --detach always|automatic  (always, where nothing is said)
//   --init ok|fail|throw|exit|abort|hang                  what happens between construction and ready
//   --init-ms N                how long it takes; SIGTERM or SIGINT ends it early, and the start with it
//   --ready constructed|notified                          (notified)
//   --ready-timeout-ms N
//   --witness FILE             a flock on FILE while the body runs; FILE.VIOLATION is appended to when it is taken
//   --report FILE              what the daemon is, as key=value lines, written before it is ready
//   --umask OCTAL  --directory DIR  --chroot DIR  --user NAME  --group NAME  --core allow
//   --close not_close_on_exec|all|none  --keep FD (may be repeated)  --in FILE  --out FILE  --err FILE
//   --fork-in-body             the body forks a child that leaves the scope by itself; the daemon goes on
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include "probe_report.hpp"

#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <getopt.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

struct Arguments {
    daemonkit::DaemonOptions daemon{.detach = daemonkit::Detach::always,
                                    .ready_when = daemonkit::ReadyWhen::notified};
    std::string init = "ok";
    Milliseconds init_time{0};
    std::optional<std::string> witness;
    std::optional<std::string> report;
    bool forks_in_body = false;
};

[[noreturn]] void usage(const char* why) {
    std::fprintf(stderr, "probe_daemon: %s; the options stand at the top of probe_daemon.cpp\n",
                 why);
    std::exit(64);
}

long number(const char* text, int base) {
    char* end = nullptr;
    const long value = std::strtol(text, &end, base);
    if (*text == '\0' || *end != '\0' || value < 0) usage("not a number");
    return value;
}

template <class Value>
Value one_of(std::string_view text,
             std::initializer_list<std::pair<std::string_view, Value>> words) {
    for (const auto& [word, value] : words) {
        if (text == word) return value;
    }
    usage("not one of the words");
}

Arguments parse(int argc, char** argv) {
    using daemonkit::AppendTo;
    enum Name : int {
        pid_file = 1,
        foreground,
        log,
        detach,
        init,
        init_ms,
        ready,
        ready_timeout_ms,
        witness,
        report,
        mask,
        directory,
        root,
        user,
        group,
        core,
        close,
        keep,
        in,
        out,
        err,
        fork_in_body
    };
    const option names[] = {{"pid-file", 1, nullptr, pid_file},
                            {"foreground", 0, nullptr, foreground},
                            {"log", 1, nullptr, log},
                            {"detach", 1, nullptr, detach},
                            {"init", 1, nullptr, init},
                            {"init-ms", 1, nullptr, init_ms},
                            {"ready", 1, nullptr, ready},
                            {"ready-timeout-ms", 1, nullptr, ready_timeout_ms},
                            {"witness", 1, nullptr, witness},
                            {"report", 1, nullptr, report},
                            {"umask", 1, nullptr, mask},
                            {"directory", 1, nullptr, directory},
                            {"chroot", 1, nullptr, root},
                            {"user", 1, nullptr, user},
                            {"group", 1, nullptr, group},
                            {"core", 1, nullptr, core},
                            {"close", 1, nullptr, close},
                            {"keep", 1, nullptr, keep},
                            {"in", 1, nullptr, in},
                            {"out", 1, nullptr, out},
                            {"err", 1, nullptr, err},
                            {"fork-in-body", 0, nullptr, fork_in_body},
                            {nullptr, 0, nullptr, 0}};
    Arguments arguments;
    auto& daemon = arguments.daemon;
    for (int name; (name = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
        const char* const value = ::optarg;
        switch (name) {
            case pid_file: daemon.pid_file = value; break;
            case foreground: daemon.detach = daemonkit::Detach::never; break;
            case log:
                daemon.out = AppendTo{value};
                daemon.err = AppendTo{value};
                break;
            case detach:
                daemon.detach =
                    one_of<daemonkit::Detach>(value, {{"always", daemonkit::Detach::always},
                                                      {"automatic", daemonkit::Detach::automatic}});
                break;
            case init:
                arguments.init = one_of<const char*>(value, {{"ok", "ok"},
                                                             {"fail", "fail"},
                                                             {"throw", "throw"},
                                                             {"exit", "exit"},
                                                             {"abort", "abort"},
                                                             {"hang", "hang"}});
                break;
            case init_ms: arguments.init_time = Milliseconds(number(value, 10)); break;
            case ready:
                daemon.ready_when = one_of<daemonkit::ReadyWhen>(
                    value, {{"constructed", daemonkit::ReadyWhen::constructed},
                            {"notified", daemonkit::ReadyWhen::notified}});
                break;
            case ready_timeout_ms: daemon.ready_timeout = Milliseconds(number(value, 10)); break;
            case witness: arguments.witness = std::filesystem::absolute(value); break;
            case report: arguments.report = std::filesystem::absolute(value); break;
            case mask: daemon.umask = static_cast<mode_t>(number(value, 8)); break;
            case directory: daemon.working_directory = value; break;
            case root: daemon.chroot_directory = value; break;
            case user: daemon.privileges.user = value; break;
            case group: daemon.privileges.group = value; break;
            case core: daemon.core_dumps = daemonkit::CoreDumps::allow; break;
            case close:
                daemon.close_inherited = one_of<daemonkit::CloseInherited>(
                    value, {{"not_close_on_exec", daemonkit::CloseInherited::not_close_on_exec},
                            {"all", daemonkit::CloseInherited::all},
                            {"none", daemonkit::CloseInherited::none}});
                break;
            case keep: daemon.keep_open.push_back(static_cast<int>(number(value, 10))); break;
            case in: daemon.in = daemonkit::ReadFrom{value}; break;
            case out: daemon.out = AppendTo{value}; break;
            case err: daemon.err = AppendTo{value}; break;
            case fork_in_body: arguments.forks_in_body = true; break;
            default: usage("unknown option");
        }
    }
    if (::optind != argc) usage("nothing but options is understood");
    return arguments;
}

/// One line into the log; a full disk loses the line, not the daemon.
[[gnu::format(printf, 1, 2)]] void say(const char* format, ...) {
    std::printf("pid %d: ", static_cast<int>(::getpid()));
    std::va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::putchar('\n');
    if (std::fflush(stdout) != 0) std::clearerr(stdout);
}

bool ends(const daemonkit::SignalInfo& signal) {
    return signal.number == SIGTERM || signal.number == SIGINT;
}

void say(const daemonkit::SignalInfo& signal) {
    say("signal %d from pid %d", signal.number, static_cast<int>(signal.pid));
}

/// Lets the time pass, or all of it with nothing; a signal that ends the daemon ends its start.
void wait_in_init(daemonkit::SignalSet& signals, std::optional<Milliseconds> time) {
    const auto deadline = Clock::now() + time.value_or(Milliseconds(0));
    for (;;) {
        const auto signal = time ? signals.wait_until(deadline) : std::optional(signals.wait());
        if (!signal) return;
        say(*signal);
        if (ends(*signal))
            throw std::runtime_error("stopped while starting, by signal " +
                                     std::to_string(signal->number));
    }
}

void initialize(const Arguments& arguments, daemonkit::SignalSet& signals) {
    if (arguments.init_time.count() > 0) wait_in_init(signals, arguments.init_time);
    if (arguments.init == "fail")
        throw daemonkit::Error(daemonkit::Step::application, "the cellar", ENOSPC, "no room");
    if (arguments.init == "throw") throw std::runtime_error("the roof is missing");
    if (arguments.init == "exit") std::exit(3);
    if (arguments.init == "abort") std::abort();
    if (arguments.init == "hang") wait_in_init(signals, {});
}

/// Holds a lock of its own for the time of the body: two daemons at once cannot go unnoticed.
class Witness {
public:
    explicit Witness(const std::string& path)
        : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
        if (fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
        const int violation =
            ::open((path + ".VIOLATION").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        const std::string line = "pid " + std::to_string(::getpid()) + " is not alone\n";
        if (violation < 0 || ::write(violation, line.data(), line.size()) < 0) std::abort();
        ::close(violation);
    }
    ~Witness() { ::close(fd_); }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

private:
    int fd_;
};

void run(const Arguments& arguments, daemonkit::SignalSet& signals) {
    std::optional<Witness> witness;
    if (arguments.witness) witness.emplace(*arguments.witness);
    say("running");
    if (arguments.forks_in_body) {
        const pid_t child = ::fork();
        if (child == 0) return;
        int status = -1;
        if (child < 0 || ::waitpid(child, &status, 0) != child) std::abort();
        say("the forked child ended with %d", status);
    }
    for (;;) {
        const auto signal = signals.wait();
        say(signal);
        if (ends(signal)) break;
    }
    say("stopping");
}

}  // namespace

int main(int argc, char** argv) try {
    const Arguments arguments = parse(argc, argv);
    daemonkit::SignalSet signals(
        {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGPIPE, SIGWINCH});
    daemonkit::DaemonContext daemon(arguments.daemon);
    try {
        say("starting");
        initialize(arguments, signals);
        if (arguments.report) probe::write_report(*arguments.report);
        daemon.notify_ready();
    } catch (const std::exception& failure) {
        say("failed: %s", failure.what());
        if (arguments.daemon.detach == daemonkit::Detach::never)
            std::fprintf(stderr, "probe_daemon: %s\n", failure.what());
        daemon.notify_failed(failure);
        return 70;
    }
    run(arguments, signals);
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "probe_daemon: %s\n", error.what());
    return error.exit_status();
}

// SPDX-License-Identifier: MIT
// A daemon for tests, with every behaviour by option. Its log has one line an event: "pid PID: EVENT".
//
//   --pid-file FILE            --foreground               --log FILE (stdout and stderr; none: the default targets)
//   --detach always|automatic  (always, where nothing is said)
//   --init ok|fail|throw|exit|abort|hang                  what happens between construction and ready
//   --init-ms N                how long it takes; SIGTERM or SIGINT ends it early, and the start with it
//   --ready constructed|notified                          (notified)
//   --ready-timeout-ms N       --extend-ms N (told before the init time)   --status TEXT (told there too)
//   --statuses N               that often
//   --witness FILE             a flock on FILE while the body runs; FILE.VIOLATION is appended to when it is taken
//   --report FILE              what the daemon is, as key=value lines, written before it is ready; and in the body
//                              to FILE.running, for each SIGUSR2
//   --state FILE               FILE.before and FILE.after: what the launcher is before, and after a failed start
//   --umask OCTAL  --directory DIR  --chroot DIR  --user NAME  --group NAME  --core allow
//   --capability N (may be repeated)  --no-capabilities  --no-new-privileges  --best-effort
//   --path read|read_write|execute:PATH  --forbid NUMBER              both may be repeated
//   --syslog sink|libc         a connection to the log daemon from before the start; the init sends "still here"
//   --close not_close_on_exec|all|none  --keep FD (may be repeated)  --in FILE  --out FILE  --err FILE
//   --inherit in|out|err (may be repeated)
//   --signals before|after|none                           when the SignalSet is made (before); none: never
//   --map SIGNAL:ignore|default|handler                   by number; may be repeated
//   --list NAME  --set NAME=VALUE                         the environment; both may be repeated
//   --limit nofile|fsize|nproc:SOFT[:HARD]                HARD is SOFT where it is not given; may be repeated
//   --hooks FILE               one line a hook: "HOOK pid PID"
//   --hook-opens FILE          hooks.in_daemon opens it, for good
//   --hook-throws before_fork|in_daemon|in_launcher       --hook-throws-int: it throws no std::exception
//   --threads N                threads named worker-1 and so on exist before the start
//   --start-again              what other threads mean
//   --attempts N               so many starts, as long as they fail
//   --first fork|close         before anything else: a child goes on and is waited for; no descriptor above 2 stays
//   --print TEXT               stands in a buffer of stdout before the start
//   --say TEXT                 to stderr before ready, and "later: TEXT" after it
//   --fork-in-init             a child of the daemon lives on, and holds whatever the daemon holds
//   --orphan-in-init           a grandchild of the daemon outlives its parent and ends
//   --fork-in-body             the body forks a child that leaves the scope by itself; the daemon goes on
//   --open-terminal TTY        opened in the body, without O_NOCTTY; the log tells if it now controls the daemon
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/syslog_sink.hpp>

#include "probe_report.hpp"

#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>  // std::size
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>  // pthread_setname_np
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

namespace {

using daemonkit::AppendTo;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Text = std::optional<std::string>;

enum class Signals { before, after, none };
enum class Syslog { none, sink, libc };

struct Arguments {
    daemonkit::DaemonOptions daemon{.detach = daemonkit::Detach::always,
                                    .ready_when = daemonkit::ReadyWhen::notified};
    std::string init = "ok";
    Milliseconds init_time{0};
    std::optional<Milliseconds> extend;
    Signals signals = Signals::before;
    Syslog syslog = Syslog::none;
    Text status, witness, report, state, hooks, hook_opens, hook_that_throws, print, say, terminal;
    long statuses = 1;
    std::string first;
    bool throws_int = false;
    bool forks_in_init = false;
    bool orphans_in_init = false;
    bool forks_in_body = false;
    long threads = 0;
    long attempts = 1;
};

[[noreturn]] void usage(const std::string& why) {
    std::fprintf(stderr, "probe_daemon: %s; the options stand at the top of probe_daemon.cpp\n",
                 why.c_str());
    std::exit(64);
}

long number(const std::string& text, int base = 10) {
    char* end = nullptr;
    const long value = std::strtol(text.c_str(), &end, base);
    if (text.empty() || *end != '\0' || value < 0) usage("not a number: " + text);
    return value;
}

template <class Value>
Value one_of(const std::string& text,
             std::initializer_list<std::pair<std::string_view, Value>> words) {
    for (const auto& [word, value] : words) {
        if (text == word) return value;
    }
    usage("not one of the words: " + text);
}

std::string absolute(const char* path) { return std::filesystem::absolute(path).string(); }

std::pair<std::string, std::string> halves(const std::string& text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string::npos) usage("a part is missing: " + text);
    return {text.substr(0, at), text.substr(at + 1)};
}

void note_signal(int) {}

daemonkit::SignalRule signal_rule(const std::string& text) {
    const auto [signal, word] = halves(text, ':');
    return {static_cast<int>(number(signal)),
            one_of<void (*)(int)>(
                word, {{"ignore", SIG_IGN}, {"default", SIG_DFL}, {"handler", note_signal}})};
}

daemonkit::ResourceLimit resource_limit(const std::string& text) {
    const auto [word, limits] = halves(text, ':');
    const auto [soft, hard] =
        limits.find(':') == std::string::npos ? std::pair(limits, limits) : halves(limits, ':');
    return {
        static_cast<int>(one_of<int>(
            word, {{"nofile", RLIMIT_NOFILE}, {"fsize", RLIMIT_FSIZE}, {"nproc", RLIMIT_NPROC}})),
        std::stoul(soft), std::stoul(hard)};
}

daemonkit::PathRule path_rule(const std::string& text) {
    using daemonkit::PathAccess;
    const auto [word, path] = halves(text, ':');
    return {path, one_of<PathAccess>(word, {{"read", PathAccess::read},
                                            {"read_write", PathAccess::read_write},
                                            {"execute", PathAccess::execute}})};
}

daemonkit::StreamTarget& stream(daemonkit::DaemonOptions& options, const std::string& word) {
    using Target = daemonkit::StreamTarget*;
    return *one_of<Target>(word,
                           {{"in", &options.in}, {"out", &options.out}, {"err", &options.err}});
}

struct Option {
    const char* name;
    int takes_value;
    void (*set)(Arguments&, const char* value);
};

constexpr Option known_options[] = {
    {"pid-file", 1, [](Arguments& all, const char* value) { all.daemon.pid_file = value; }},
    {"notification-fd", 1,
     [](Arguments& all, const char* value) {
         all.daemon.notification_fd = static_cast<int>(number(value));
     }},
    {"pid-file-mode", 1,
     [](Arguments& all, const char* value) {
         all.daemon.pid_file_mode = static_cast<mode_t>(number(value, 8));
     }},
    {"foreground", 0,
     [](Arguments& all, const char*) { all.daemon.detach = daemonkit::Detach::never; }},
    {"log", 1,
     [](Arguments& all, const char* value) {
         all.daemon.out = AppendTo{value};
         all.daemon.err = AppendTo{value};
     }},
    {"detach", 1,
     [](Arguments& all, const char* value) {
         all.daemon.detach = one_of<daemonkit::Detach>(
             value,
             {{"always", daemonkit::Detach::always}, {"automatic", daemonkit::Detach::automatic}});
     }},
    {"init", 1,
     [](Arguments& all, const char* value) {
         all.init = one_of<const char*>(value, {{"ok", "ok"},
                                                {"fail", "fail"},
                                                {"throw", "throw"},
                                                {"exit", "exit"},
                                                {"abort", "abort"},
                                                {"hang", "hang"}});
     }},
    {"init-ms", 1,
     [](Arguments& all, const char* value) { all.init_time = Milliseconds(number(value)); }},
    {"ready", 1,
     [](Arguments& all, const char* value) {
         all.daemon.ready_when = one_of<daemonkit::ReadyWhen>(
             value, {{"constructed", daemonkit::ReadyWhen::constructed},
                     {"notified", daemonkit::ReadyWhen::notified}});
     }},
    {"ready-timeout-ms", 1,
     [](Arguments& all, const char* value) {
         all.daemon.ready_timeout = Milliseconds(number(value));
     }},
    {"extend-ms", 1,
     [](Arguments& all, const char* value) { all.extend = Milliseconds(number(value)); }},
    {"statuses", 1, [](Arguments& all, const char* value) { all.statuses = number(value); }},
    {"status", 1, [](Arguments& all, const char* value) { all.status = value; }},
    {"witness", 1, [](Arguments& all, const char* value) { all.witness = absolute(value); }},
    {"report", 1, [](Arguments& all, const char* value) { all.report = absolute(value); }},
    {"state", 1, [](Arguments& all, const char* value) { all.state = absolute(value); }},
    {"umask", 1,
     [](Arguments& all, const char* value) {
         all.daemon.umask = static_cast<mode_t>(number(value, 8));
     }},
    {"directory", 1,
     [](Arguments& all, const char* value) { all.daemon.working_directory = value; }},
    {"chroot", 1, [](Arguments& all, const char* value) { all.daemon.chroot_directory = value; }},
    {"user", 1, [](Arguments& all, const char* value) { all.daemon.privileges.user = value; }},
    {"group", 1, [](Arguments& all, const char* value) { all.daemon.privileges.group = value; }},
    {"capability", 1,
     [](Arguments& all, const char* value) {
         auto& kept = all.daemon.privileges.capabilities;
         if (!kept) kept.emplace();
         kept->push_back(static_cast<int>(number(value)));
     }},
    {"no-capabilities", 0,
     [](Arguments& all, const char*) { all.daemon.privileges.capabilities.emplace(); }},
    {"no-new-privileges", 0,
     [](Arguments& all, const char*) {
         all.daemon.privileges.new_privileges = daemonkit::NewPrivileges::forbidden;
     }},
    {"best-effort", 0,
     [](Arguments& all, const char*) {
         all.daemon.privileges.confinement = daemonkit::Confinement::best_effort;
     }},
    {"path", 1,
     [](Arguments& all, const char* value) {
         auto& paths = all.daemon.privileges.paths;
         if (!paths) paths.emplace();
         paths->push_back(path_rule(value));
     }},
    {"forbid", 1,
     [](Arguments& all, const char* value) {
         all.daemon.privileges.forbidden_system_calls.push_back(number(value));
     }},
    {"syslog", 1,
     [](Arguments& all, const char* value) {
         all.syslog = one_of<Syslog>(value, {{"sink", Syslog::sink}, {"libc", Syslog::libc}});
     }},
    {"core", 1,
     [](Arguments& all, const char* value) {
         all.daemon.core_dumps = one_of<daemonkit::CoreDumps>(
             value,
             {{"allow", daemonkit::CoreDumps::allow}, {"prevent", daemonkit::CoreDumps::prevent}});
     }},
    {"close", 1,
     [](Arguments& all, const char* value) {
         using daemonkit::CloseInherited;
         all.daemon.close_inherited = one_of<CloseInherited>(
             value, {{"not_close_on_exec", CloseInherited::not_close_on_exec},
                     {"all", CloseInherited::all},
                     {"none", CloseInherited::none}});
     }},
    {"keep", 1,
     [](Arguments& all, const char* value) {
         all.daemon.keep_open.push_back(static_cast<int>(number(value)));
     }},
    {"in", 1,
     [](Arguments& all, const char* value) { all.daemon.in = daemonkit::ReadFrom{value}; }},
    {"out", 1, [](Arguments& all, const char* value) { all.daemon.out = AppendTo{value}; }},
    {"err", 1, [](Arguments& all, const char* value) { all.daemon.err = AppendTo{value}; }},
    {"inherit", 1,
     [](Arguments& all, const char* value) { stream(all.daemon, value) = daemonkit::Inherit{}; }},
    {"signals", 1,
     [](Arguments& all, const char* value) {
         all.signals = one_of<Signals>(
             value,
             {{"before", Signals::before}, {"after", Signals::after}, {"none", Signals::none}});
     }},
    {"map", 1,
     [](Arguments& all, const char* value) {
         all.daemon.signal_map.push_back(signal_rule(value));
     }},
    {"list", 1,
     [](Arguments& all, const char* value) {
         all.daemon.environment.inherited = daemonkit::InheritedEnvironment::only_listed;
         all.daemon.environment.listed.emplace_back(value);
     }},
    {"set", 1,
     [](Arguments& all, const char* value) {
         all.daemon.environment.set.push_back(halves(value, '='));
     }},
    {"limit", 1,
     [](Arguments& all, const char* value) { all.daemon.limits.push_back(resource_limit(value)); }},
    {"hooks", 1, [](Arguments& all, const char* value) { all.hooks = absolute(value); }},
    {"hook-opens", 1, [](Arguments& all, const char* value) { all.hook_opens = value; }},
    {"hook-throws", 1, [](Arguments& all, const char* value) { all.hook_that_throws = value; }},
    {"hook-throws-int", 0, [](Arguments& all, const char*) { all.throws_int = true; }},
    {"threads", 1, [](Arguments& all, const char* value) { all.threads = number(value); }},
    {"start-again", 0,
     [](Arguments& all, const char*) {
         all.daemon.other_threads = daemonkit::OtherThreads::start_again;
     }},
    {"attempts", 1, [](Arguments& all, const char* value) { all.attempts = number(value); }},
    {"first", 1, [](Arguments& all, const char* value) { all.first = value; }},
    {"print", 1, [](Arguments& all, const char* value) { all.print = value; }},
    {"say", 1, [](Arguments& all, const char* value) { all.say = value; }},
    {"fork-in-init", 0, [](Arguments& all, const char*) { all.forks_in_init = true; }},
    {"orphan-in-init", 0, [](Arguments& all, const char*) { all.orphans_in_init = true; }},
    {"fork-in-body", 0, [](Arguments& all, const char*) { all.forks_in_body = true; }},
    {"open-terminal", 1, [](Arguments& all, const char* value) { all.terminal = value; }},
};

Arguments parse(int argc, char** argv) {
    constexpr int first_code = 1;  // getopt's own answers are '?' and -1
    constexpr int unknown = '?';
    static_assert(std::size(known_options) < unknown);
    std::vector<option> names;
    for (const Option& each : known_options) {
        names.push_back(
            {each.name, each.takes_value, nullptr, first_code + static_cast<int>(names.size())});
    }
    names.push_back({nullptr, 0, nullptr, 0});
    Arguments arguments;
    for (int code; (code = ::getopt_long(argc, argv, "", names.data(), nullptr)) != -1;) {
        if (code == unknown) usage("unknown option");
        known_options[code - first_code].set(arguments, ::optarg);
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

/// Threads that wait until the object ends.
class Threads {
public:
    explicit Threads(long count) {
        for (long i = 1; i <= count; ++i) {
            threads_.emplace_back([this] {
                std::unique_lock lock(mutex_);
                over_.wait(lock, [this] { return is_over_; });
            });
            const std::string name = "worker-" + std::to_string(i);
            ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
        }
    }
    ~Threads() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
        }
        over_.notify_all();
        for (auto& thread : threads_) thread.join();
    }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

private:
    std::mutex mutex_;
    std::condition_variable over_;
    bool is_over_ = false;
    std::vector<std::thread> threads_;
};

std::function<void()> hook(const Arguments& arguments, const std::string& name) {
    const bool opens = arguments.hook_opens && name == "in_daemon";
    if (!arguments.hooks && !opens && arguments.hook_that_throws != name) return {};
    return [&arguments, name, opens] {
        if (opens && ::open(arguments.hook_opens->c_str(), O_RDONLY | O_CLOEXEC) < 0) std::abort();
        if (arguments.hooks) {
            const std::string line = name + " pid " + std::to_string(::getpid()) + "\n";
            const int file =
                ::open(arguments.hooks->c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
            if (file < 0 || ::write(file, line.data(), line.size()) < 0) std::abort();
            ::close(file);
        }
        if (arguments.hook_that_throws != name) return;
        if (arguments.throws_int) throw 42;
        throw std::runtime_error("the hook " + name + " does not want to");
    };
}

bool ends(const daemonkit::SignalInfo& signal) {
    return signal.number == SIGTERM || signal.number == SIGINT;
}

void say(const daemonkit::SignalInfo& signal) {
    say("signal %d from pid %d", signal.number, static_cast<int>(signal.pid));
}

[[noreturn]] void sleep_for_ever() {
    for (;;) ::pause();
}

/// Lets the time pass, or all of it with nothing; a signal that ends the daemon ends its start.
void wait_in_init(std::optional<daemonkit::SignalSet>& signals, std::optional<Milliseconds> time) {
    if (!signals && !time) sleep_for_ever();
    const auto deadline = Clock::now() + time.value_or(Milliseconds(0));
    if (!signals) std::this_thread::sleep_until(deadline);
    while (signals) {
        const auto signal = time ? signals->wait_until(deadline) : std::optional(signals->wait());
        if (!signal) return;
        say(*signal);
        if (ends(*signal))
            throw std::runtime_error("stopped while starting, by signal " +
                                     std::to_string(signal->number));
    }
}

/// As `command &` in a shell: the launcher, which adopts orphans, is told of its end.
void leave_orphan() {
    const pid_t child = ::fork();
    if (child == 0) {
        const pid_t parent = ::getpid();
        if (::fork() == 0) {
            while (::getppid() == parent) ::usleep(100);
            ::_exit(9);
        }
        ::_exit(0);
    }
    if (child < 0 || ::waitpid(child, nullptr, 0) != child) std::abort();
}

void initialize(const Arguments& arguments, daemonkit::DaemonContext& daemon,
                std::optional<daemonkit::SignalSet>& signals) {
    if (arguments.say) std::fprintf(stderr, "%s\n", arguments.say->c_str());
    for (long i = 0; arguments.status && i < arguments.statuses; ++i)
        daemon.notify_status(*arguments.status);
    if (arguments.extend) daemon.extend_timeout(*arguments.extend);
    if (arguments.forks_in_init && ::fork() == 0) sleep_for_ever();
    if (arguments.orphans_in_init) leave_orphan();
    say("starting");
    if (arguments.init_time.count() > 0) wait_in_init(signals, arguments.init_time);
    if (arguments.init == "fail")
        throw daemonkit::Error(daemonkit::Step::application, "the cellar", ENOSPC, "no room");
    if (arguments.init == "throw") throw std::runtime_error("the roof is missing");
    if (arguments.init == "exit") std::exit(3);
    if (arguments.init == "abort") std::abort();
    if (arguments.init == "hang") wait_in_init(signals, {});
    if (arguments.report) probe::write_report(*arguments.report);
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

void open_terminal(const std::string& path) {
    const int terminal = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    const int controlling = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    say("the terminal opened: %s, controlling: %s", terminal < 0 ? "no" : "yes",
        controlling < 0 ? "no" : "yes");
    ::close(terminal);
    ::close(controlling);
}

void run(const Arguments& arguments, std::optional<daemonkit::SignalSet>& signals) {
    std::optional<Witness> witness;
    if (arguments.witness) witness.emplace(*arguments.witness);
    if (arguments.say) std::fprintf(stderr, "later: %s\n", arguments.say->c_str());
    if (arguments.terminal) open_terminal(*arguments.terminal);
    say("running");
    if (arguments.forks_in_body) {
        const pid_t child = ::fork();
        if (child == 0) return;
        int status = -1;
        if (child < 0 || ::waitpid(child, &status, 0) != child) std::abort();
        say("the forked child ended with %d", status);
    }
    if (!signals) sleep_for_ever();
    for (;;) {
        const auto signal = signals->wait();
        if (signal.number == SIGUSR2 && arguments.report)
            probe::write_report(*arguments.report + ".running");
        say(signal);
        if (ends(signal)) break;
    }
    say("stopping");
}

/// What a program may do that knows nothing of being started again.
void begin(const Arguments& arguments) {
    constexpr int highest = 1000;
    for (int fd = 3; arguments.first == "close" && fd < highest; ++fd) ::close(fd);
    if (arguments.first != "fork") return;
    const pid_t child = ::fork();
    if (child == 0) return;
    int status = -1;
    if (child < 0 || ::waitpid(child, &status, 0) != child) std::abort();
    std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/// Through libc, while sockets have every low number that is free; the log tells if the line goes to one of them.
void write_syslog() {
    std::array<std::array<int, 2>, 32> pairs{};
    for (auto& ends : pairs)
        if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    ::syslog(LOG_INFO, "still here");
    for (const auto& ends : pairs) {
        for (const int end : ends) {
            char byte;
            if (::recv(end, &byte, 1, MSG_DONTWAIT) >= 0) say("a log line went astray");
        }
    }
    for (const auto& ends : pairs)
        for (const int end : ends) ::close(end);
}

/// The program between the two looks at its state.
int be_daemon(Arguments& arguments) {
    const auto make_signals = [](std::optional<daemonkit::SignalSet>& signals) {
        signals.emplace(std::initializer_list<int>{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
                                                   SIGUSR2, SIGALRM, SIGCHLD, SIGPIPE, SIGWINCH});
    };
    const Threads threads(arguments.threads);
    if (arguments.print) std::fputs(arguments.print->c_str(), stdout);
    auto& hooks = arguments.daemon.hooks;
    hooks.before_fork = hook(arguments, "before_fork");
    hooks.in_daemon = hook(arguments, "in_daemon");
    hooks.in_launcher = hook(arguments, "in_launcher");

    std::optional<daemonkit::SignalSet> signals;
    if (arguments.signals == Signals::before) make_signals(signals);
    std::optional<daemonkit::SyslogSink> sink;
    if (arguments.syslog == Syslog::sink) sink.emplace(daemonkit::SyslogOptions{.ident = "probe"});
    if (arguments.syslog == Syslog::libc) ::openlog("probe", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    daemonkit::DaemonContext daemon(arguments.daemon);
    if (!daemon.unconfined().empty()) say("unconfined: %s", daemon.unconfined().c_str());
    try {
        if (arguments.signals == Signals::after) make_signals(signals);
        if (sink) sink->write(daemonkit::Severity::info, "still here");
        if (arguments.syslog == Syslog::libc) write_syslog();
        initialize(arguments, daemon, signals);
        daemon.notify_ready();
    } catch (const std::exception& failure) {
        say("failed: %s", failure.what());
        if (arguments.daemon.detach == daemonkit::Detach::never)
            std::fprintf(stderr, "probe_daemon: %s\n", failure.what());
        daemon.notify_failed(failure);
        return 70;
    }
    run(arguments, signals);
    return 0;
}

/// The program, in which a start that fails may be made again.
int live(Arguments& arguments) {
    try {
        const int status = be_daemon(arguments);
        if (arguments.daemon.detach == daemonkit::Detach::never) {
            std::puts("over");
            std::fprintf(stderr, "over\n");
        }
        return status;
    } catch (const daemonkit::Error& error) {
        std::fprintf(stderr, "probe_daemon: %s\n", error.what());
        if (--arguments.attempts > 0) return live(arguments);
        if (arguments.state) probe::write_report(*arguments.state + ".after");
        return error.exit_status();
    }
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    try {
        arguments = parse(argc, argv);
        begin(arguments);
        if (arguments.state) probe::write_report(*arguments.state + ".before");
        return live(arguments);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "probe_daemon: %s\n", failure.what());
        if (arguments.state) probe::write_report(*arguments.state + ".after");
        return 70;
    }
}

// SPDX-License-Identifier: MIT
// What a start takes, beside the least that plain system calls can do and beside other libraries; how many system calls;
// and what a daemon takes that waits. No test asserts a time.
#include "bench/programs/start.hpp"
#include "bench/figures.hpp"
#include "bench/trace.hpp"
#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" char** environ;

namespace {

using bench::Clock;
using bench::Figure;
using bench::Report;

constexpr int report_fd = 1000;
constexpr const char* not_installed = "not installed";

struct Program {
    std::string name;
    std::vector<std::string> command;
    int every = 1;  ///< in one round of so many: an interpreter takes ten times as long
};

std::string folder() { return DAEMONKIT_BENCH_DIR "/"; }
bool is_there(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

/// The process `command` makes, with `report` as the descriptor that the programs expect.
pid_t launch(const std::vector<std::string>& command, int report) {
    posix_spawn_file_actions_t actions;
    REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
    REQUIRE(::posix_spawn_file_actions_adddup2(&actions, report, report_fd) == 0);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t launcher = 0;
    REQUIRE(::posix_spawn(&launcher, arguments[0], &actions, nullptr, arguments.data(), environ) ==
            0);
    ::posix_spawn_file_actions_destroy(&actions);
    return launcher;
}

bool has_python_daemon() {
    if (!is_there("/usr/bin/python3")) return false;
    int status = -1;
    ::waitpid(launch({"/usr/bin/python3", "-c", "import daemon"}, 2), &status, 0);
    return status == 0;
}

std::vector<Program> programs() {
    static const bool has_python = has_python_daemon();
    std::vector<Program> all{{bench::raw, {folder() + "start_raw"}},
                             {bench::daemonkit_itself, {folder() + "start_daemonkit"}},
                             {"daemon(3)", {folder() + "start_daemon3"}},
                             {"libdaemon", {}},
                             {"python-daemon", {}, 10}};
    if (is_there(folder() + "start_libdaemon")) all[3].command = {folder() + "start_libdaemon"};
    if (has_python)
        all[4].command = {"/usr/bin/python3", DAEMONKIT_BENCH_PYTHON "/start_python.py"};
    return all;
}

std::vector<std::string> command_of(const Program& program, int heap_mib, const char* how = "") {
    std::vector<std::string> command = program.command;
    command.push_back(std::to_string(report_fd));
    command.push_back(std::to_string(heap_mib));
    if (*how != '\0') command.emplace_back(how);
    return command;
}

struct Start {
    double done_us =
        0;  ///< from exec of the launcher until it is reaped and the daemon has told that it runs
    double ready_us = 0;    ///< from the call to the daemon's first own instruction
    bool is_early = false;  ///< the launcher came back before that
    pid_t pid = 0;
};

/// Starts the program once, with the descriptors that are open here and not close-on-exec; nothing when it fails.
std::optional<Start> start_once(const std::vector<std::string>& command) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const auto before = Clock::now();
    const pid_t launcher = launch(command, ends[1]);
    ::close(ends[1]);
    int status = -1;
    REQUIRE(::waitpid(launcher, &status, 0) == launcher);
    const std::int64_t reaped = Clock::now().time_since_epoch().count();
    Report report;
    const bool told = ::read(ends[0], &report, sizeof report) == sizeof report;
    const auto after = Clock::now();
    ::close(ends[0]);
    if (!told || status != 0) return {};
    return Start{std::chrono::duration<double, std::micro>(after - before).count(),
                 static_cast<double>(report.took) / 1000, report.at > reaped,
                 static_cast<pid_t>(report.pid)};
}

/// The programs that are here and do start; of the others the figures say why not.
std::vector<Program> contenders(int heap_mib, const std::vector<Figure*>& figures) {
    std::vector<Program> all = programs();
    std::erase_if(all, [&](const Program& program) {
        const char* why = not_installed;
        if (!program.command.empty()) {
            if (start_once(command_of(program, heap_mib))) return false;
            why = "does not start here";
        }
        for (Figure* figure : figures) figure->remark(program.name, why);
        return true;
    });
    REQUIRE(all.front().name == bench::raw);
    return all;
}

void compare(const std::string& world, int rounds, int heap_mib, Figure* early = nullptr) {
    Figure done("start_done_" + world, "us");
    Figure ready("start_ready_" + world, "us");
    std::vector<Figure*> figures{&done, &ready};
    if (early != nullptr) figures.push_back(early);
    const std::vector<Program> all = contenders(heap_mib, figures);
    std::vector<int> came_early(all.size());
    std::vector<int> started(all.size());
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (round % all[i].every != 0) continue;
            const auto start = start_once(command_of(all[i], heap_mib));
            REQUIRE(start);
            done.add(all[i].name, start->done_us);
            ready.add(all[i].name, start->ready_us);
            ++started[i];
            came_early[i] += start->is_early ? 1 : 0;
        }
    }
    if (early == nullptr) return;
    for (std::size_t i = 0; i < all.size(); ++i)
        early->add(all[i].name, 100.0 * came_early[i] / started[i]);
}

/// The soft limit of descriptors, for the length of a scope.
class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t limit) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const ::rlimit wanted{limit, std::max(limit, before_.rlim_max)};
        is_set_ = ::setrlimit(RLIMIT_NOFILE, &wanted) == 0;
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;

    bool is_set() const { return is_set_; }

private:
    ::rlimit before_{};
    bool is_set_ = false;
};

/// Descriptors that a careless caller leaks, for the length of a scope.
class Leak {
public:
    explicit Leak(int count) : limit_(20'000) {
        for (int i = 0; i < count; ++i) fds_.push_back(::open("/dev/null", O_RDWR));
        REQUIRE(fds_.back() >= 0);
    }
    ~Leak() {
        for (const int fd : fds_) ::close(fd);
    }
    Leak(const Leak&) = delete;
    Leak& operator=(const Leak&) = delete;

private:
    DescriptorLimit limit_;
    std::vector<int> fds_;
};

/// The highest limit that this machine allows, up to a thousand million.
rlim_t highest_limit() {
    rlim_t most = 0;
    std::ifstream("/proc/sys/fs/nr_open") >> most;
    for (const rlim_t limit : {rlim_t{1'000'000'000}, most})
        if (DescriptorLimit(limit).is_set()) return limit;
    ::rlimit own{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &own) == 0);
    return own.rlim_max;
}

void compare_limits(Figure& figure, rlim_t high, int rounds) {
    const auto all = contenders(0, {&figure});
    for (int round = 0; round < rounds; ++round) {
        for (const Program& program : all) {
            if (round % program.every != 0) continue;
            const auto with_limit = [&](rlim_t limit) {
                const DescriptorLimit set(limit);
                const auto start = start_once(command_of(program, 0));
                REQUIRE(start);
                return start->done_us;
            };
            const double low = with_limit(1024);
            figure.add(program.name, with_limit(high) / low);
        }
    }
}

/// A daemon that waits; it is this process's own from the launcher's end on, and gone at the end of the scope.
class Idle {
public:
    explicit Idle(const Program& program) : name_(program.name) {
        const auto start = start_once(command_of(program, 0, "stay"));
        REQUIRE(start);
        pid_ = start->pid;
    }
    ~Idle() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Idle(Idle&& other) noexcept : name_(other.name_), pid_(std::exchange(other.pid_, 0)) {}
    Idle& operator=(Idle&&) = delete;

    const std::string& name() const { return name_; }

    /// The sum of a field of /proc/PID/`file`; nothing where it cannot be read.
    std::optional<double> read(const char* file, const std::string& field) const {
        std::ifstream text("/proc/" + std::to_string(pid_) + "/" + file);
        for (std::string line; std::getline(text, line);)
            if (line.rfind(field, 0) == 0) return std::stod(line.substr(field.size()));
        return {};
    }
    double switches() const {
        return read("status", "voluntary_ctxt_switches:").value_or(0) +
               read("status", "nonvoluntary_ctxt_switches:").value_or(0);
    }

private:
    std::string name_;
    pid_t pid_ = 0;
};

struct CallName {
    long number;
    const char* name;
};
constexpr CallName call_names[] = {
#include "call_names.inc"  // written by CMakeLists.txt, from <sys/syscall.h>
};

std::string name_of(long number) {
    for (const CallName& each : call_names)
        if (each.number == number) return each.name;
    return std::to_string(number);
}

/// What the program calls, less what it calls without becoming a daemon.
std::optional<std::map<long, int>> count_start(const Program& program) {
    Program empty{"", {folder() + "start_empty"}};
    const bool is_python = program.command.size() > 1;
    if (is_python) empty.command = program.command;
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const auto count = [&](const Program& which, const char* how) {
        return bench::count_system_calls(command_of(which, 0, how),
                                         [&] { ::dup2(ends[1], report_fd); });
    };
    auto calls = count(program, "");
    const auto without = count(empty, is_python ? "empty" : "");
    ::close(ends[0]);
    ::close(ends[1]);
    if (!calls || !without) return {};
    for (const auto& [number, times] : *without) (*calls)[number] -= times;
    return calls;
}

}  // namespace

TEST_CASE("Start: with 10 leaked descriptors", "[bench][start]") {
    const Leak leak(10);
    Figure early("start_early", "%");
    compare("10", bench::rounds(300), 0, &early);
}

TEST_CASE("Start: with 10 000 leaked descriptors", "[bench][start]") {
    const Leak leak(10'000);
    compare("10000", bench::rounds(60), 0);
}

TEST_CASE("Start: with a heap of 1 GiB", "[bench][start]") {
    compare("heap", bench::rounds(8), 1024);
}

TEST_CASE("Start: with a high limit of descriptors", "[bench][start]") {
    const rlim_t highest = highest_limit();
    Figure figure("start_limit", "x");
    const std::string limit = "at " + std::to_string(highest);
    figure.remark(bench::daemonkit_itself,
                  highest >= 1'000'000'000 ? limit : limit + ": 10^9 is not allowed here");
    compare_limits(figure, highest, bench::rounds(60));
}

TEST_CASE("System calls: of a start, above a program that is no daemon", "[bench][syscalls]") {
    Figure figure("start_syscalls", "calls");
    const Leak leak(10);
    std::map<std::string, std::map<std::string, int>> table;
    std::vector<std::string> columns;
    for (const Program& program : contenders(0, {&figure})) {
        columns.push_back(program.name);
        for (int round = 0; round < 5; ++round) {  // who waits for whom differs
            const auto calls = count_start(program);
            if (!calls) {
                figure.remark(program.name, "not measured here: it cannot be traced");
                columns.pop_back();
                break;
            }
            int sum = 0;
            for (const auto& [number, times] : *calls) {
                sum += times;
                if (times != 0) table[name_of(number)][program.name] = times;
            }
            figure.add(program.name, sum);
        }
    }
    std::printf("\n%-18s", "system calls");
    for (const std::string& column : columns) std::printf(" %13s", column.c_str());
    for (auto& [name, row] : table) {
        std::printf("\n%-18s", name.c_str());
        for (const std::string& column : columns) {
            std::printf(" %13d", row[column]);
            const double times = row[column];
            bench::write_result("call_" + name, column, "calls", 1, times, times, "-", "");
        }
    }
    std::printf("\n");
}

TEST_CASE("Idle: memory and wake-ups of a daemon that waits", "[bench][idle]") {
    Figure memory("idle_memory", "KiB");
    Figure wakeups("idle_wakeups", "a second");
    const auto all = contenders(0, {&memory, &wakeups});
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    {
        std::vector<Idle> idle;
        idle.reserve(all.size());
        for (const Program& program : all) idle.emplace_back(program);
        const ::timespec settle{0, 200'000'000};  // each has to get to where it waits
        ::nanosleep(&settle, nullptr);
        std::vector<double> before;
        for (const Idle& each : idle) before.push_back(each.switches());
        const int seconds = bench::rounds(5);
        const ::timespec pause{seconds, 0};
        ::nanosleep(&pause, nullptr);
        for (std::size_t i = 0; i < idle.size(); ++i) {
            wakeups.add(idle[i].name(), (idle[i].switches() - before[i]) / seconds);
            const auto dirty = idle[i].read("smaps_rollup", "Private_Dirty:");
            if (dirty)
                memory.add(idle[i].name(), *dirty);
            else
                memory.remark(idle[i].name(), "not measured here: it needs root");
        }
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// SPDX-License-Identifier: MIT
// How long a start takes, as a ratio to the least that plain system calls can do, in one run. No test asserts a time.
#include <daemonkit/context.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" char** environ;

namespace {

using Clock = std::chrono::steady_clock;

struct Times {
    double done_us =
        0;  ///< from exec of the launcher until it is reaped and the daemon has told that it runs
    double ready_us = 0;  ///< from the call to the daemon's first own instruction
};

struct Program {
    std::string name;
    std::vector<Times> rounds;
};

constexpr int report_fd = 1000;

/// Starts the program once, with the descriptors that are open here and not close-on-exec; nothing when it fails.
std::optional<Times> start_once(const std::string& name, int heap_mib) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
    REQUIRE(::posix_spawn_file_actions_adddup2(&actions, ends[1], report_fd) == 0);
    std::string path = std::string(DAEMONKIT_BENCH_DIR) + "/" + name;
    std::string fd = std::to_string(report_fd);
    std::string heap = std::to_string(heap_mib);
    std::array<char*, 4> arguments{path.data(), fd.data(), heap.data(), nullptr};
    pid_t launcher = 0;
    const auto before = Clock::now();
    REQUIRE(::posix_spawn(&launcher, path.c_str(), &actions, nullptr, arguments.data(), environ) ==
            0);
    ::close(ends[1]);
    std::int64_t ready = 0;
    const bool told = ::read(ends[0], &ready, sizeof ready) == sizeof ready;
    int status = -1;
    REQUIRE(::waitpid(launcher, &status, 0) == launcher);
    const auto after = Clock::now();
    ::close(ends[0]);
    ::posix_spawn_file_actions_destroy(&actions);
    if (!told || status != 0) return {};
    return Times{std::chrono::duration<double, std::micro>(after - before).count(),
                 static_cast<double>(ready) / 1000};
}

template <class Member>
double median(const std::vector<Times>& rounds, Member member) {
    std::vector<double> values;
    for (const Times& times : rounds) values.push_back(times.*member);
    std::nth_element(values.begin(),
                     values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

std::vector<Program> programs() {
    std::vector<Program> all{{"start_raw", {}}, {"start_daemonkit", {}}, {"start_daemon3", {}}};
    if (::access((std::string(DAEMONKIT_BENCH_DIR) + "/start_libdaemon").c_str(), X_OK) == 0) {
        all.push_back({"start_libdaemon", {}});
    }
    return all;
}

/// Every program in every round, so that a machine that gets slower does so for all of them.
void compare(const std::string& title, int rounds, int heap_mib) {
    std::vector<Program> all = programs();
    std::erase_if(all, [&](const Program& program) {
        if (start_once(program.name, heap_mib)) return false;
        std::printf("\n%s does not start here", program.name.c_str());
        return true;
    });
    for (int round = 0; round < rounds; ++round) {
        for (auto& program : all) {
            const auto times = start_once(program.name, heap_mib);
            REQUIRE(times);
            program.rounds.push_back(*times);
        }
    }
    REQUIRE(all.front().name == "start_raw");
    const double raw_done = median(all[0].rounds, &Times::done_us);
    const double raw_ready = median(all[0].rounds, &Times::ready_us);
    std::printf("\n%s, medians of %d rounds\n%-18s %10s %7s %18s %7s\n", title.c_str(), rounds, "",
                "done, us", "ratio", "call to ready, us", "ratio");
    for (const auto& program : all) {
        const double done = median(program.rounds, &Times::done_us);
        const double ready = median(program.rounds, &Times::ready_us);
        std::printf("%-18s %10.0f %7.2f %18.0f %7.2f\n", program.name.c_str(), done,
                    done / raw_done, ready, ready / raw_ready);
    }
    std::fflush(stdout);
}

/// Descriptors that a careless caller leaks, for the length of a scope.
class Leak {
public:
    explicit Leak(int count) {
        rlimit limit{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = limit.rlim_max;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
        for (int i = 0; i < count; ++i) fds_.push_back(::open("/dev/null", O_RDWR));
        REQUIRE(fds_.back() >= 0);
    }
    ~Leak() {
        for (const int fd : fds_) ::close(fd);
    }
    Leak(const Leak&) = delete;
    Leak& operator=(const Leak&) = delete;

private:
    std::vector<int> fds_;
};

}  // namespace

TEST_CASE("Start: with 16 leaked descriptors", "[bench][start]") {
    const Leak leak(16);
    compare("start, 16 leaked descriptors", 300, 0);
}

TEST_CASE("Start: with 10 000 leaked descriptors", "[bench][start]") {
    const Leak leak(10'000);
    compare("start, 10 000 leaked descriptors", 40, 0);
}

TEST_CASE("Start: with a heap of 1 GiB", "[bench][start]") {
    compare("start, 1 GiB of touched heap", 10, 1024);
}

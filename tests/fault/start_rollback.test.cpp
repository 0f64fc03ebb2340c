// SPDX-License-Identifier: MIT
// Every call of a start fails: the process that made it is then what it was before, as the kernel shows it: streams and
// descriptors, umask, directory, limits, dispositions, mask, environment.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"

#include <cerrno>
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

// A soft limit; a hard one cannot be raised again by just anybody, nor can that of core dumps.
std::string soft_limit() {
    struct ::rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("getrlimit");
    return "nofile:64:" + std::to_string(limit.rlim_max);
}

// What can be undone, all at once.
Words changes(const DaemonFiles& files) {
    return {"--umask",   "0077",       "--directory", files.folder.path(),
            "--set",     "PATH=/bin",  "--set",       "ADDED=1",
            "--set",     "ADDED=2",    "--list",      "PATH",
            "--map",     "10:ignore",  "--map",       "13:handler",
            "--limit",   soft_limit(), "--in",        "/dev/zero",
            "--signals", "none",       "--core",      "allow"};
}

// A caller that differs from the defaults wherever one can.
void differ() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGCHLD, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, SIGWINCH);
    ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    ::umask(0123);
    if (::chdir("/usr") != 0) ::_exit(126);
    ::close(0);
}

// What is made to fail: the system calls of the start, or its allocations.
enum class Failing { calls, allocations };

// Tries all of them; `up` is the status of a start that comes up.
void try_all(const Words& options, int up, Failing failing = Failing::calls) {
    const bool is_memory = failing == Failing::allocations;
    const auto command = [&](const DaemonFiles& files, const std::string& state) {
        return files.start(changes(files) + options + Words{"--state", state},
                           is_memory ? "probe_daemon_memory" : seamed_daemon);
    };
    const DaemonFiles recorded;
    const std::string record = recorded.folder / "record";
    DaemonStart whole(command(recorded, recorded.folder / "state"),
                      {{"DAEMONKIT_FAULT_COUNT=" + record}, differ});
    REQUIRE(whole.await().exit_status == up);
    const auto calls = read_calls(record);

    int tried = 0;
    int failed = 0;
    bool has_begun = false;  // before its first call the program has only read its options
    for (const Call& call : calls) {
        has_begun = has_begun || call.name != "new";
        if (is_memory && (!has_begun || call.name != "new")) continue;
        for (const int error : is_memory ? std::vector{ENOMEM} : std::vector{EIO, EMFILE, EPERM}) {
            CAPTURE(call.role, call.name, call.occurrence, error);
            const DaemonFiles files;
            const std::string state = files.folder / "state";
            DaemonStart start(command(files, state), {{call.plan(std::to_string(error))}, differ});
            const Ended launcher = start.await();
            ++tried;
            if (launcher.exit_status == up) continue;
            ++failed;
            CHECK(why_changed(state) == "");
            CHECK_FALSE(is_locked(files.pid_file));
        }
    }
    std::cout << "calls in a start: " << calls.size() << ", faults tried: " << tried
              << ", failed starts: " << failed << std::endl;
    CHECK(failed > 20);
}

}  // namespace

TEST_CASE("start: after any failed call the launcher is what it was", "[fault][context][process]") {
    try_all({}, 0);
}

TEST_CASE("start: after any failed call the same process can start again",
          "[fault][context][process]") {
    int failed = 0;
    for (const Call& call : calls_of_start(Features::few)) {
        CAPTURE(call.role, call.name, call.occurrence);
        const DaemonFiles files;
        DaemonStart start(files.start({"--attempts", "2"}, seamed_daemon),
                          {{call.plan(std::to_string(EIO))}, {}});
        CHECK(why_not_up(start, files) == "");
        if (!start.err().empty()) ++failed;
        for (const pid_t process : start.processes()) DaemonStart::end(process, SIGKILL);
    }
    CHECK(failed > 20);
}

TEST_CASE("start: after any failed call a foreground process is what it was",
          "[fault][context][process]") {
    // The constructor does everything; the probe ends right after it.
    try_all({"--foreground", "--ready", "constructed", "--init", "exit"}, 3);
}

TEST_CASE("start: after any failed allocation a foreground process is what it was",
          "[fault][context][process]") {
    try_all({"--foreground", "--ready", "constructed", "--init", "exit"}, 3, Failing::allocations);
}

TEST_CASE("start: a root that is refused leaves a foreground process where it was",
          "[fault][context][process]") {
    const DaemonFiles files;
    const std::string state = files.folder / "state";
    const Words options{"--foreground", "--ready", "constructed", "--chroot", "/",
                        "--state",      state};
    DaemonStart start(files.start(changes(files) + options, seamed_daemon),
                      {{"DAEMONKIT_FAULT=chroot:1:" + std::to_string(EPERM)}, differ});
    CHECK(start.await().exit_status == 77);
    CHECK(why_changed(state) == "");
}

// SPDX-License-Identifier: MIT
// ChildProcess with every system call failing, its own and those of the new process: the program runs as it should, or
// an Error says why it did not; and neither a process nor a descriptor is left.
#include <daemonkit/child_process.hpp>
#include <daemonkit/reap_children.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "fault/with_fault.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;

namespace {

// Whatever a run may call, by the names of the seam.
constexpr const char* all_calls[] = {
    "chdir",           "close", "close_range", "dup2",    "execve", "fcntl_getfd",
    "fcntl_setfl",     "fork",  "fstat",       "kill",    "open",   "pidfd_open",
    "pipe2",           "poll",  "ppoll",       "read",    "setsid", "sigaction",
    "pthread_sigmask", "vfork", "waitid",      "waitpid", "write",  "fcntl_getfl"};

// A program that ends by itself, and one that has to be ended; every feature is in use.
std::optional<ChildResult> run(const Words& verbs, Lines& lines, Timeout timeout) {
    return run_child(helper(verbs), {.working_directory = "/",
                                     .out = lines.sink(),
                                     .err = lines.sink(),
                                     .timeout = timeout,
                                     .grace = 10ms,
                                     .end_when_readable = 0});
}

// Reads of the null device never wait: descriptor 0 must be something that is not readable.
struct SilentInput {
    SilentInput() {
        ::pipe2(ends, O_CLOEXEC);
        kept = ::fcntl(0, F_DUPFD_CLOEXEC, 10);
        ::dup2(ends[0], 0);
    }
    ~SilentInput() {
        ::dup2(kept, 0);
        for (const int fd : {ends[0], ends[1], kept}) ::close(fd);
    }
    int ends[2]{};
    int kept = -1;
};

// What a failed call can leave is a dead child that nobody has waited for, and a signal mask; never one that runs.
bool nothing_runs() {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    siginfo_t info{};
    while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0)
        if (info.si_pid == 0) return false;
    return true;
}

// A program that no signal reaches is told of and left; somebody else has to end it.
void end_all() {
    const std::string children =
        read_file("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (std::istringstream pids(children); !pids.eof();) {
        pid_t pid = 0;
        if (!(pids >> pid)) break;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
}

}  // namespace

TEST_CASE("ChildProcess: whichever call fails, the program runs right or an Error says why not",
          "[child_process][fault][process]") {
    const SilentInput input;
    const bool has_to_be_ended = GENERATE(false, true);
    const Words verbs = has_to_be_ended ? Words{"ignore:15", "say:one", "pause"}
                                        : Words{"say:one", "err:two", "exit:3"};
    const Timeout limit = has_to_be_ended ? 10ms : 20s;
    // By SIGTERM or SIGKILL: on a busy machine the limit may be over before the program ignores the one.
    const auto is_right = [&](const ChildResult& result) {
        return has_to_be_ended ? result.status.signal().has_value()
                               : result.status == ExitStatus::exited(3);
    };
    const int before = open_descriptors();
    for (const char* const name : all_calls) {
        const auto calls_before = fault::calls(name);
        Lines unharmed;
        REQUIRE(is_right(*run(verbs, unharmed, limit)));
        const std::uint32_t calls = fault::calls(name) - calls_before;
        // Of a call that is made for each signal or descriptor, the first, the last and one between.
        for (std::uint32_t occurrence = 1; occurrence <= calls; ++occurrence) {
            if (occurrence > 4 && occurrence != calls && occurrence != calls / 2) continue;
            for (const int error : {EINTR, EPERM}) {
                for (const Repeat repeat : {Repeat::once, Repeat::for_good}) {
                    CAPTURE(name, occurrence, error, repeat == Repeat::once, has_to_be_ended);
                    Lines lines;
                    std::optional<ChildResult> result;
                    const Outcome outcome = with_fault(name, occurrence, error, repeat,
                                                       [&] { result = run(verbs, lines, limit); });
                    CHECK((result.has_value() || outcome.error.has_value()));
                    if (result) CHECK(is_right(*result));
                    if (result && !has_to_be_ended) CHECK(lines.all.size() == 2);
                    const bool is_unreachable =
                        std::string(name) == "kill" && repeat == Repeat::for_good;
                    if (is_unreachable) end_all();
                    CHECK(nothing_runs());
                    CHECK(open_descriptors() == before);
                }
            }
        }
    }
}

TEST_CASE("ChildProcess: where there is no pidfd the end is noticed all the same",
          "[child_process][fault][process]") {
    const Fault fault("pidfd_open", 1, ENOSYS, Repeat::for_good);
    CHECK(run_child(helper({"exit:3"})).status == ExitStatus::exited(3));
    Lines out;
    ChildProcess child(helper({"say:one", "pause"}), {.out = out.sink(), .grace = 10s});
    await_line(child, out, "one");
    CHECK(child.native_handles().size() == 1);
    child.stop();
    CHECK(child.wait().status == ExitStatus::signalled(SIGTERM));
    CHECK(fault.hits() == 2);
}

TEST_CASE("ChildProcess: where there is no close_range the program still inherits nothing",
          "[child_process][fault][process]") {
    const int leaked = ::fcntl(0, F_DUPFD, 700);
    const Fault fault("close_range", 1, ENOSYS, Repeat::for_good);
    Lines out;
    CHECK(run_child({"sh", "-c", "ls /proc/$$/fd"}, {.out = out.sink()}).success());
    ::close(leaked);
    CHECK(fault.hits() > 0);
    CHECK_FALSE(out.has("700"));
}

TEST_CASE("ChildProcess: the message says what the new process could not do",
          "[child_process][fault][process]") {
    struct Case {
        const char* call;
        std::uint32_t occurrence;
        const char* explanation;
    };
    const Case cases[] = {
        {"setsid", 1, "the new process cannot start a session"},
        {"dup2", 2, "the new process cannot redirect its streams"},
        {"chdir", 1, "it cannot run in /"},
        {"sigaction", 5, "the new process cannot reset its signals"},
        {"execve", 1, ""},
    };
    for (const auto& [call, occurrence, explanation] : cases) {
        CAPTURE(call);
        const Outcome outcome = with_fault(call, occurrence, EACCES, Repeat::once, [] {
            run_child(helper({"exit:3"}), {.working_directory = "/"});
        });
        REQUIRE(outcome.error);
        CHECK(outcome.error->step() == Step::start_child);
        CHECK(outcome.error->subject() == probe("probe_helper"));
        CHECK(outcome.error->code().value() == EACCES);
        CHECK(outcome.error->explanation() == explanation);
    }
}

TEST_CASE("reap_children: a wait that fails is an Error, one that is interrupted is made again",
          "[reap_children][fault][process]") {
    for (const char* const call : {"waitid", "waitpid"}) {
        CAPTURE(call);
        const pid_t child = ::fork();
        if (child == 0) ::_exit(0);
        siginfo_t info{};
        REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
        const Outcome failed = with_fault(call, 1, EIO, Repeat::once, [] { reap_children(); });
        REQUIRE(failed.error);
        CHECK(failed.error->step() == Step::await_child);
        std::vector<EndedChild> ended;
        const Outcome again =
            with_fault(call, 1, EINTR, Repeat::once, [&] { ended = reap_children(); });
        CHECK_FALSE(again.error);
        CHECK(again.hits == 1);
        CHECK(ended.size() == 1);
    }
}

// SPDX-License-Identifier: MIT
// run_child and ChildProcess: what a helper program gets, what comes back of it, and what is refused.
#include <daemonkit/child_process.hpp>
#include <daemonkit/reap_children.hpp>
#include <daemonkit/signal_set.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <poll.h>
#include <sys/stat.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<ChildProcess>);
static_assert(!std::is_move_constructible_v<ChildProcess>);

namespace {

std::optional<Error> refusal(const Words& command, ChildOptions options = {}) {
    try {
        run_child(command, std::move(options));
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

// The report of a helper: key=value lines.
struct Report {
    explicit Report(const std::string& path) : text(read_file(path).insert(0, 1, '\n')) {}
    std::string operator[](const std::string& key) const {
        const auto at = text.find("\n" + key + "=");
        if (at == std::string::npos) return "(none)";
        const auto from = at + key.size() + 2;
        return text.substr(from, text.find('\n', from) - from);
    }
    int descriptors() const {
        int count = 0;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
            count += line.rfind("fd.", 0) == 0 && line.find(".cloexec") == std::string::npos;
        return count;
    }
    std::string text;
};

Finished ask_children(const Words& verbs) {
    Words command{probe("probe_children")};
    command.insert(command.end(), verbs.begin(), verbs.end());
    Finished finished = run_program(command);
    INFO(finished.out << finished.err);
    REQUIRE(finished.exit_status == 0);
    return finished;
}

}  // namespace

// -- what comes back --------------------------------------------------------------------------------------------------

TEST_CASE("run_child: how the program ended comes back as a value", "[child_process][process]") {
    CHECK(run_child(helper({})).success());
    CHECK(run_child(helper({"exit:3"})).status == ExitStatus::exited(3));
    CHECK(run_child(helper({"exit:255"})).status == ExitStatus::exited(255));
    CHECK(run_child(helper({"raise:9"})).status == ExitStatus::signalled(SIGKILL));
    const auto result = run_child(helper({"raise:15"}));
    CHECK(result.status == ExitStatus::signalled(SIGTERM));
    CHECK(result.ended_by == EndedBy::itself);
    CHECK_FALSE(result.success());
    CHECK(is_childless());
}

TEST_CASE("run_child: both outputs come line by line, each to its sink, the last line whole or not",
          "[child_process][process]") {
    Lines out;
    Lines err;
    const auto result = run_child(helper({"say:one", "err:two", "say:", "print:no newline"}),
                                  {.out = out.sink(), .err = err.sink()});
    CHECK(result.success());
    CHECK(out.all == Words{"one", "", "no newline"});
    CHECK(err.all == Words{"two"});
}

TEST_CASE("run_child: much output arrives whole, and a line without end in pieces",
          "[child_process][process]") {
    std::size_t size = 0;
    std::size_t longest = 0;
    const auto count = [&](std::string_view line) {
        size += line.size();
        longest = std::max(longest, line.size());
    };
    CHECK(run_child(helper({"bytes:5000000"}), {.out = count, .longest_line = 1000}).success());
    CHECK(size == 5'000'000);
    CHECK(longest == 1000);
}

TEST_CASE("run_child: without a sink the outputs vanish and stdin is at its end",
          "[child_process][process]") {
    CHECK(run_child(helper({"copy", "say:one", "err:two", "bytes:200000"})).success());
}

TEST_CASE("run_child: streams lead where the options say", "[child_process][process]") {
    const TempFolder folder;
    write_file(folder / "in", "given\n");
    CHECK(run_child(helper({"copy", "err:noted"}), {.in = ReadFrom{folder / "in"},
                                                    .out = AppendTo{folder / "out"},
                                                    .err = AppendTo{folder / "out"}})
              .success());
    CHECK(read_file(folder / "out") == "given\nnoted\n");
    const int file = ::open((folder / "out").c_str(), O_RDWR | O_CLOEXEC);
    Lines lines;
    CHECK(run_child(helper({"copy"}), {.in = Duplicate{file}, .out = lines.sink()}).success());
    CHECK(lines.all == Words{"given", "noted"});
    CHECK(::fcntl(file, F_GETFD) == FD_CLOEXEC);  // still open, and what it was
    ::close(file);
    const auto error = refusal(helper({}), {.in = ReadFrom{folder / "missing"}});
    REQUIRE(error);
    CHECK(error->step() == Step::open_stream);
}

TEST_CASE("run_child: an inherited stream is this process's, even where it is close-on-exec",
          "[child_process][process]") {
    const TempFolder folder;
    const int kept = ::dup(2);
    const int file = ::open((folder / "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup3(file, 2, O_CLOEXEC);
    CHECK(run_child(helper({"err:noted"}), {.err = Inherit{}}).success());
    ::dup2(kept, 2);
    ::close(kept);
    ::close(file);
    CHECK(read_file(folder / "err") == "noted\n");
}

// -- what it gets -----------------------------------------------------------------------------------------------------

TEST_CASE("run_child: nothing is inherited but the three streams", "[child_process][process]") {
    const TempFolder folder;
    const int leaked = ::dup(0);  // without close-on-exec
    const int high = ::fcntl(0, F_DUPFD, 900);
    SignalSet signals({SIGUSR1});
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    sigset_t block;
    sigset_t before;
    sigfillset(&block);
    ::sigprocmask(SIG_BLOCK, &block, &before);
    Lines out;
    const auto result = run_child(helper({"report:" + (folder / "report")}), {.out = out.sink()});
    sigset_t after;
    ::sigprocmask(SIG_SETMASK, &before, &after);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGHUP, SIG_DFL);
    ::close(leaked);
    ::close(high);
    CHECK(result.success());
    for (int number = 1; number < 32; ++number)
        CHECK(sigismember(&after, number) == (number != SIGKILL && number != SIGSTOP));

    const Report report(folder / "report");
    CHECK(report.descriptors() == 3);
    CHECK(report["fd.0"] == "/dev/null");
    CHECK(report["fd.1"].rfind("pipe:", 0) == 0);
    CHECK(report["fd.2"] == "/dev/null");
    CHECK(report["SigBlk"] == "0000000000000000");
    CHECK(report["SigIgn"] == "0000000000000000");
    CHECK(report["terminal"] == "none");
    CHECK(report["session"] == report["pid"]);
    CHECK(report["group"] == report["pid"]);
    CHECK(report["parent"] == std::to_string(::getpid()));
}

TEST_CASE("run_child: started with 0-2 closed, the streams of the program are still right",
          "[child_process][process]") {
    const TempFolder folder;
    int kept[3];
    for (int fd = 0; fd < 3; ++fd) kept[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, 10), ::close(fd);
    Lines out;
    Lines err;
    const auto result = run_child(helper({"say:one", "err:two", "report:" + (folder / "report")}),
                                  {.out = out.sink(), .err = err.sink()});
    const bool is_closed = ::fcntl(0, F_GETFD) == -1 && ::fcntl(1, F_GETFD) == -1;
    for (int fd = 0; fd < 3; ++fd) ::dup2(kept[fd], fd), ::close(kept[fd]);
    CHECK(is_closed);
    CHECK(result.success());
    CHECK(out.all == Words{"one"});
    CHECK(err.all == Words{"two"});
    CHECK(Report(folder / "report").descriptors() == 3);
}

TEST_CASE("run_child: environment and working directory are options", "[child_process][process]") {
    const TempFolder folder;
    ::setenv("DAEMONKIT_KEPT", "kept", 1);
    ::setenv("DAEMONKIT_OTHER", "other", 1);
    const auto run = [&](Environment environment) {
        CHECK(run_child(helper({"report:" + (folder / "report")}),
                        {.environment = std::move(environment), .working_directory = folder.path()})
                  .success());
        return Report(folder / "report");
    };
    const Report all = run({});
    CHECK(all["env.DAEMONKIT_KEPT"] == "kept");
    CHECK(all["directory"] == folder.path().string());
    const Report some = run({.inherited = InheritedEnvironment::only_listed,
                             .listed = {"DAEMONKIT_KEPT", "DAEMONKIT_ABSENT"},
                             .set = {{"DAEMONKIT_NEW", "a=b"}, {"DAEMONKIT_KEPT", "changed"}}});
    CHECK(some["env.DAEMONKIT_KEPT"] == "changed");
    CHECK(some["env.DAEMONKIT_NEW"] == "a=b");
    CHECK(some["env.DAEMONKIT_OTHER"] == "(none)");
    CHECK(some["env.PATH"] == "(none)");
    // A default, and what the user wants after it: as with setenv, and as in a daemon's own environment.
    const Report last = run({.set = {{"DAEMONKIT_NEW", "first"}, {"DAEMONKIT_NEW", "last"}}});
    CHECK(last["env.DAEMONKIT_NEW"] == "last");
    ::unsetenv("DAEMONKIT_KEPT");
    ::unsetenv("DAEMONKIT_OTHER");
}

TEST_CASE("run_child: a name without a slash is looked for in the folders of PATH, and only there",
          "[child_process][process]") {
    const TempFolder folder;
    const std::string probes = DAEMONKIT_PROBE_DIR;
    const auto with_path = [&](const std::string& path) {
        return ChildOptions{.environment = {.set = {{"PATH", path}}},
                            .working_directory = DAEMONKIT_PROBE_DIR};
    };
    CHECK(run_child({"probe_helper"}, with_path("/nonexistent:" + probes)).success());
    CHECK(run_child({"probe_helper"}, with_path(probes + ":/nonexistent")).success());
    for (const std::string& path : {std::string(""), std::string(":"), std::string(".:"),
                                    std::string("/nonexistent"), folder.path().string()}) {
        CAPTURE(path);
        const auto error = refusal({"probe_helper"}, with_path(path));
        REQUIRE(error);
        CHECK(error->code().value() == ENOENT);
        CHECK(error->explanation() == "it is in no folder of PATH");
    }
    // What may not be executed is passed over, and said if there is nothing else.
    write_file(folder / "probe_helper", "");
    CHECK(run_child({"probe_helper"}, with_path(folder.path().string() + ":" + probes)).success());
    const auto error = refusal({"probe_helper"}, with_path(folder.path().string() + ":/none"));
    REQUIRE(error);
    CHECK(error->code().value() == EACCES);
}

// -- what is refused --------------------------------------------------------------------------------------------------

TEST_CASE("ChildProcess: what cannot be started is an Error that names the program, not a status",
          "[child_process][process]") {
    const TempFolder folder;
    write_file(folder / "plain", "echo no interpreter\n");
    write_file(folder / "orphaned", "#!/no/such/interpreter\n");
    write_file(folder / "forbidden", "");
    ::chmod((folder / "plain").c_str(), 0755);
    ::chmod((folder / "orphaned").c_str(), 0755);
    struct Case {
        std::string program;
        int error;
        std::string explanation;
    };
    const Case cases[] = {
        {folder / "missing", ENOENT, ""},
        {folder / "forbidden", EACCES, ""},
        {folder / "plain/below", ENOTDIR, ""},
        {folder.path(), EACCES, ""},
        {folder / "plain", ENOEXEC,
         "it is no program; a script begins with #! and its interpreter"},
        {folder / "orphaned", ENOENT, "the interpreter that the program needs does not exist"},
    };
    const int before = count_descriptors();
    for (const auto& [program, number, explanation] : cases) {
        CAPTURE(program);
        const auto error = refusal({program});
        REQUIRE(error);
        CHECK(error->step() == Step::start_child);
        CHECK(error->subject() == program);
        CHECK(error->code().value() == number);
        CHECK(error->explanation() == explanation);
        CHECK(error->exit_status() == 71);
    }
    const auto error = refusal(helper({}), {.working_directory = folder / "missing"});
    REQUIRE(error);
    CHECK(error->explanation() == "it cannot run in " + (folder / "missing"));
    CHECK(count_descriptors() == before);
    CHECK(is_childless());
}

TEST_CASE("ChildProcess: options that can never work are refused before anything is started",
          "[child_process][process]") {
    const std::string nul("a\0b", 3);
    const auto subject = [](const Words& command, ChildOptions options = {}) {
        const auto error = refusal(command, std::move(options));
        return error && error->step() == Step::validate_options ? error->subject() : "";
    };
    CHECK(subject({}) == "command");
    CHECK(subject({""}) == "command");
    CHECK(subject({"true", nul}) == "command");
    CHECK(subject({"true"}, {.environment = {.set = {{"", "x"}}}}) == "environment");
    CHECK(subject({"true"}, {.environment = {.set = {{"A=B", "x"}}}}) == "environment");
    CHECK(subject({"true"}, {.environment = {.set = {{"A", nul}}}}) == "environment");
    CHECK(subject({"true"}, {.working_directory = ""}) == "working_directory");
    CHECK(subject({"true"}, {.end_when_readable = 1000}) == "end_when_readable");
}

TEST_CASE("ChildProcess: where SIGCHLD is ignored the start is refused, with the way out",
          "[child_process][process]") {
    const Finished said = ask_children({"ignored"});
    CHECK(said["error"] == "start_child");
    CHECK(said["message"] ==
          "start_child: SIGCHLD: it is ignored, and so the kernel forgets how children end; set it "
          "to SIG_DFL (No child processes)");
    CHECK(said["result"] == "ended with status 4");
}

TEST_CASE("ChildProcess: an end that somebody else has taken is said, every time",
          "[child_process][process]") {
    const Finished said = ask_children({"stolen"});
    CHECK(said["owned"] == "0");
    const std::string message =
        ": something in this program waits for every child; it has to use reap_children (No child "
        "processes)";
    CHECK(said["first"].find(message) != std::string::npos);
    CHECK(said["second"].find(message) != std::string::npos);
    CHECK(said["childless"] == "1");
}

// -- beside the program -----------------------------------------------------------------------------------------------

TEST_CASE("ChildProcess: its descriptors tell an event loop when there is something to do",
          "[child_process][process]") {
    Lines out;
    ChildProcess child(helper({"say:one", "copy", "say:two", "exit:3"}), {.out = out.sink()});
    std::optional<ChildResult> result;
    for (int rounds = 0; !result && rounds < 100; ++rounds) {
        std::vector<::pollfd> set;
        for (const int handle : child.native_handles()) set.push_back({handle, POLLIN, 0});
        REQUIRE_FALSE(set.empty());
        REQUIRE(::poll(set.data(), set.size(), 10'000) > 0);
        result = child.poll();
    }
    REQUIRE(result);
    CHECK(result->status == ExitStatus::exited(3));
    CHECK(out.all == Words{"one", "two"});
    CHECK(child.native_handles().empty());
    CHECK(child.poll());  // and again
    CHECK(child.wait().status == ExitStatus::exited(3));
}

TEST_CASE("ChildProcess: signals reach the program; after its end they reach nobody",
          "[child_process][process]") {
    Lines out;
    ChildProcess child(helper({"heed:10", "say:ready", "pause"}), {.out = out.sink()});
    await_line(child, out, "ready");
    child.signal(SIGUSR1);
    CHECK(child.wait().status == ExitStatus::exited(9));
    child.signal(SIGKILL);
    child.stop();
    CHECK(child.wait().ended_by == EndedBy::itself);
}

TEST_CASE("ChildProcess: what a sink throws comes out of wait, and the next line follows",
          "[child_process][process]") {
    Words lines;
    const auto sink = [&](std::string_view line) {
        lines.emplace_back(line);
        if (lines.size() < 3) throw std::runtime_error("enough");
    };
    ChildProcess child(helper({"say:one", "say:two", "print:three"}), {.out = sink});
    CHECK_THROWS_AS(child.wait(), std::runtime_error);
    CHECK_THROWS_AS(child.wait(), std::runtime_error);
    CHECK(child.wait().success());
    CHECK(lines == Words{"one", "two", "three"});
}

TEST_CASE("run_child: what a sink throws ends the program", "[child_process][process]") {
    const auto sink = [](std::string_view) { throw std::runtime_error("enough"); };
    CHECK_THROWS_AS(run_child(helper({"say:one", "pause"}), {.out = sink}), std::runtime_error);
    CHECK(is_childless());
}

TEST_CASE(
    "ChildProcess: after a sink has thrown, the lines behind that one come with the next look",
    "[child_process][process]") {
    Lines out;
    const auto sink = [&](std::string_view line) {
        out.all.emplace_back(line);
        if (line == "one") throw std::runtime_error("no more");
    };
    // In one write, so that all of it is there when the first line is delivered.
    ChildProcess child(helper({"print:one\ntwo\nthree\n", "pause"}), {.out = sink});
    CHECK_THROWS_AS(child.wait_for(10s), std::runtime_error);
    CHECK_FALSE(child.poll());
    CHECK(out.all == Words{"one", "two", "three"});
}

TEST_CASE("ChildProcess: in a process forked from its own it does nothing",
          "[child_process][process]") {
    const Finished said = ask_children({"forked"});
    CHECK(said["copy"] == "0");
    CHECK(said["runs"] == "1");
    CHECK(said["result"] == "stopped, ended with status 9");
}

TEST_CASE("ChildProcess: threads start programs at the same time, and none gets another's pipes",
          "[child_process][process]") {
    const TempFolder folder;
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&, number] {
            const std::string file = folder / std::to_string(number);
            for (int round = 0; round < 10; ++round) {
                Lines out;
                const std::string word = std::to_string(number * 100 + round);
                const auto result =
                    run_child(helper({"say:" + word, "report:" + file}), {.out = out.sink()});
                right +=
                    result.success() && out.all == Words{word} && Report(file).descriptors() == 3;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(right == 40);
    CHECK(is_childless());
}

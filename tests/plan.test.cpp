// SPDX-License-Identifier: MIT
// plan and check: what a start would do and what would stop it, without a trace.
#include <daemonkit/plan.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <algorithm>  // std::find
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>  // RLIMIT_NOFILE
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

std::vector<Step> steps_of(const DaemonOptions& options) {
    std::vector<Step> steps;
    for (const PlannedStep& planned : plan(options)) steps.push_back(planned.step);
    return steps;
}

std::string words_of(const DaemonOptions& options, Step step) {
    std::string words;
    for (const PlannedStep& planned : plan(options))
        if (planned.step == step) words += planned.words + "; ";
    return words;
}

bool has(const std::vector<Step>& steps, Step step) {
    return std::find(steps.begin(), steps.end(), step) != steps.end();
}

// What a folder holds: names, sizes, modes and times of the last change.
std::string snapshot(const fs::path& folder) {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        struct ::stat status {};
        if (::lstat(entry.path().c_str(), &status) != 0) return "cannot be read";
        all += entry.path().string() + " " + std::to_string(status.st_size) + " " +
               std::to_string(status.st_mode) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
               std::to_string(status.st_mtim.tv_nsec) + "\n";
    }
    return all;
}

// The one finding of a check; more or fewer are an error of the test.
std::string finding(const DaemonOptions& options) {
    const auto findings = check(options);
    return findings.size() == 1 ? findings.front().what()
                                : std::to_string(findings.size()) + " findings";
}

DaemonOptions everything(const TempFolder& folder) {
    return {.detach = Detach::always,
            .signal_map = {{SIGPIPE, SIG_IGN}},
            .in = ReadFrom{folder / "input"},
            .out = AppendTo{folder / "log"},
            .err = AppendTo{folder / "log"},
            .umask = 0077,
            .working_directory = folder.path(),
            .environment = {.inherited = InheritedEnvironment::only_listed,
                            .listed = {"PATH"},
                            .set = {{"A", "1"}}},
            .limits = {{RLIMIT_NOFILE, 64, 64}},
            .pid_file = folder / "pid",
            .privileges = {.user = "nobody", .group = "nogroup"},
            .ready_when = ReadyWhen::notified};
}

}  // namespace

TEST_CASE("plan: the steps stand in the order in which a start does them", "[plan][unit]") {
    const TempFolder folder;
    const std::vector<Step> expected{
        Step::validate_options, Step::fill_standard_streams, Step::refuse_threads,
        Step::resolve_user,     Step::resolve_user,          Step::lock_pid_file,
        Step::open_stream,      Step::open_stream,           Step::open_stream,
        Step::open_channel,     Step::block_signals,         Step::fork_session_leader,
        Step::create_session,   Step::fork_daemon,           Step::reset_signals,
        Step::map_signals,      Step::redirect_stream,       Step::set_umask,
        Step::change_directory, Step::set_environment,       Step::set_environment,
        Step::limit_resources,  Step::write_pid_file,        Step::drop_privileges,
        Step::limit_core,       Step::close_inherited,       Step::reset_signals,
        Step::application,      Step::redirect_stream,       Step::report_ready};
    CHECK(steps_of(everything(folder)) == expected);
}

TEST_CASE("plan: what is not asked for is not planned", "[plan][unit]") {
    const auto steps = steps_of({.detach = Detach::never,
                                 .close_inherited = CloseInherited::none,
                                 .core_dumps = CoreDumps::allow});
    for (const Step step :
         {Step::refuse_threads, Step::resolve_user, Step::lock_pid_file, Step::open_stream,
          Step::fork_session_leader, Step::create_session, Step::fork_daemon, Step::map_signals,
          Step::redirect_stream, Step::set_environment, Step::limit_resources, Step::write_pid_file,
          Step::change_root, Step::drop_privileges, Step::limit_core, Step::close_inherited,
          Step::application, Step::report_ready}) {
        CAPTURE(to_string(step));
        CHECK_FALSE(has(steps, step));
    }
    CHECK(has(steps, Step::set_umask));
    CHECK(has(steps, Step::change_directory));
}

TEST_CASE("plan: the words name the values", "[plan][unit]") {
    const TempFolder folder;
    const DaemonOptions options = everything(folder);
    CHECK(words_of(options, Step::validate_options) == "detach: asked for; ");
    CHECK(words_of(options, Step::set_umask) == "set the umask 0077; ");
    CHECK(words_of(options, Step::lock_pid_file) == "lock " + (folder / "pid") + "; ");
    CHECK(words_of(options, Step::resolve_user) ==
          "look up the user nobody; look up the group nogroup; ");
    CHECK(words_of(options, Step::map_signals) == "set the disposition of SIGPIPE; ");
    CHECK(words_of(options, Step::open_stream) ==
          "open " + (folder / "input") + " for stdin; open the end of " + (folder / "log") +
              " for stdout; open the end of " + (folder / "log") + " for stderr; ");
    CHECK(words_of({.detach = Detach::always}, Step::open_stream) ==
          "open the null device for stdin; open the null device for stdout; "
          "open the null device for stderr; ");
}

TEST_CASE("plan: a relative path is told as the file that it means", "[plan][unit]") {
    const DaemonOptions options{
        .detach = Detach::always, .out = AppendTo{"log"}, .pid_file = "pid"};
    const std::string here = fs::current_path().string() + "/";
    CHECK(words_of(options, Step::lock_pid_file) == "lock " + here + "pid; ");
    CHECK(words_of(options, Step::open_stream).find("open the end of " + here + "log for stdout") !=
          std::string::npos);
}

TEST_CASE("plan: a folder from which everybody may remove the pid file is told of",
          "[plan][unit]") {
    const TempFolder folder;
    const DaemonOptions options{.detach = Detach::always, .pid_file = folder / "pid"};
    const std::string lock = "lock " + (folder / "pid");
    const auto [mode, words] = GENERATE(table<mode_t, const char*>(
        {{0777, ", which every user may remove: see chmod o-w; "}, {01777, "; "}, {0775, "; "}}));
    REQUIRE(::chmod(folder.path().c_str(), mode) == 0);
    CHECK(words_of(options, Step::lock_pid_file) == lock + words);
}

TEST_CASE("plan: what the daemon gives up for good comes last", "[plan][unit]") {
    const DaemonOptions options{.detach = Detach::always,
                                .privileges = {.capabilities = std::vector<int>{10},
                                               .new_privileges = NewPrivileges::forbidden,
                                               .paths = std::vector<PathRule>{{"/usr"}},
                                               .forbidden_system_calls = {101, 102}}};
    CHECK(words_of(options, Step::drop_privileges) == "keep 1 capability; forbid new privileges; ");
    CHECK(words_of(options, Step::confine) ==
          "make the file system usable below 1 path alone; forbid 2 system calls; ");
}

TEST_CASE("plan: a new root is entered before its directory, after the pid is written",
          "[plan][unit]") {
    const auto steps = steps_of({.detach = Detach::always,
                                 .chroot_directory = "/srv/jail",
                                 .working_directory = "/data",
                                 .pid_file = "/run/x.pid"});
    const auto root = std::find(steps.begin(), steps.end(), Step::change_root);
    REQUIRE(root != steps.end());
    CHECK(*(root - 1) == Step::write_pid_file);
    CHECK(*(root + 1) == Step::change_directory);
}

TEST_CASE("plan: values that can never work are refused", "[plan][unit]") {
    CHECK_THROWS_AS(plan({.umask = 01000}), Error);
    CHECK_THROWS_AS(plan({.pid_file = ""}), Error);
    CHECK(finding({.umask = 01000}) ==
          "validate_options: umask: it is outside 0000-0777 (Invalid argument)");
}

TEST_CASE("plan and check: nothing is touched", "[plan][unit]") {
    const TempFolder folder;
    write_file(folder / "input", "text");
    write_file(folder / "pid", "1\n");
    const std::string before = snapshot(folder.path());
    const DaemonOptions options = everything(folder);
    static_cast<void>(plan(options));
    static_cast<void>(check(options));
    CHECK(snapshot(folder.path()) == before);
    CHECK(PidLock::try_acquire(folder / "pid").has_value());
}

TEST_CASE("check: a start that would come up has no findings", "[plan][unit]") {
    const TempFolder folder;
    DaemonOptions options = everything(folder);
    write_file(folder / "input", "text");
    CHECK(check(options).empty());
    options.detach = Detach::never;
    CHECK(check(options).empty());
}

TEST_CASE("check: all that would stop a start is found at once", "[plan][unit]") {
    const TempFolder folder;
    DaemonOptions options = everything(folder);
    options.working_directory = folder / "missing";
    options.pid_file = folder / "missing/pid";
    options.privileges.user = "no-such-user";
    std::vector<Step> found;
    for (const Error& error : check(options)) found.push_back(error.step());
    CHECK(found == std::vector<Step>{Step::resolve_user, Step::open_pid_file, Step::open_stream,
                                     Step::change_directory});
}

TEST_CASE("check: each finding is what a start would say", "[plan][process]") {
    const DaemonFiles files;
    const std::string missing = files.folder / "missing";
    const std::string file = files.folder / "file";
    write_file(file, "text");
    REQUIRE(::chmod(file.c_str(), 0700) == 0);
    fs::create_symlink(file, files.folder / "link");
    const auto start_says = [&](const Words& options) {
        DaemonStart start(files.start(options));
        start.await();
        const std::string err = start.err();
        return err.substr(0, err.find(" ("));  // the reason may be told in other words
    };
    const auto check_says = [&](DaemonOptions options) {
        options.detach = Detach::always;
        const std::string words = "probe_daemon: " + finding(options);
        return words.substr(0, words.find(" ("));
    };
    const auto step_and_subject = [](const std::string& line) {
        const auto step = line.find(": ", line.find(": ") + 2);
        return line.substr(0, line.find(": ", step + 2));
    };
    const std::vector<std::pair<DaemonOptions, Words>> cases{
        {{.working_directory = missing}, {"--directory", missing}},
        {{.working_directory = file}, {"--directory", file}},
        {{.in = ReadFrom{missing}}, {"--in", missing}},
        {{.in = ReadFrom{files.folder.path()}}, {"--in", files.folder.path()}},
        {{.out = AppendTo{missing + "/log"}}, {"--out", missing + "/log"}},
        {{.out = AppendTo{files.folder.path()}}, {"--out", files.folder.path()}},
        {{.err = AppendTo{missing + "/log"}}, {"--err", missing + "/log"}},
        {{.pid_file = missing + "/pid"}, {"--pid-file", missing + "/pid"}},
        {{.pid_file = files.folder.path()}, {"--pid-file", files.folder.path()}},
        {{.pid_file = files.folder / "link"}, {"--pid-file", files.folder / "link"}},
        {{.privileges = {.user = "no-such-user"}}, {"--user", "no-such-user"}},
        {{.privileges = {.group = "no-such-group"}}, {"--group", "no-such-group"}},
    };
    for (const auto& [options, arguments] : cases) {
        const std::string said = step_and_subject(start_says(arguments));
        CAPTURE(said);
        CHECK(step_and_subject(check_says(options)) == said);
    }
}

TEST_CASE("check: a daemon that runs is named", "[plan][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start());
    REQUIRE(why_not_up(start, files) == "");
    CHECK(finding({.detach = Detach::always, .pid_file = files.pid_file}) ==
          "lock_pid_file: " + files.pid_file + ": already running as pid " +
              std::to_string(start.daemon()) + " (Resource temporarily unavailable)");
    CHECK(why_not_up(start, files) == "");
}

// SPDX-License-Identifier: MIT
// Every call of a start fails, once and for good: either the daemon is up, and is all that status 0 says, or the
// launcher names step and subject, nothing is left, and the next start comes up.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

// What comes of a call that fails, whatever its error but EINTR.
enum class Fate { harmless, depends, fatal };

struct Expectation {
    Fate fate = Fate::harmless;
    std::vector<Step> steps;
};

Expectation harmless() { return {}; }
Expectation depends(std::vector<Step> steps) { return {Fate::depends, std::move(steps)}; }
Expectation fatal(std::vector<Step> steps) { return {Fate::fatal, std::move(steps)}; }

// Where the forks are plain ones, a SignalSet's own handlers change the mask around each of them, and whether that works
// does not matter there: every signal is blocked anyway.
Expectation mask_change(const std::vector<Step>& steps) {
    constexpr bool forks_run_handlers =
        !DAEMONKIT_HAS_BARE_FORK() || DAEMONKIT_ASAN() || DAEMONKIT_TSAN();
    return forks_run_handlers ? depends(steps) : fatal(steps);
}

// By the role and name of the call. It `depends` where a step has more than one such call, and not all of them matter:
// /proc/self/status need not be readable, for instance.
const std::map<std::string, Expectation> expectations{
    {"launcher pipe2", fatal({Step::watch_signals})},
    {"launcher pthread_atfork", fatal({Step::watch_signals})},
    {"launcher sigaction", depends({Step::watch_signals})},
    {"launcher pthread_sigmask", mask_change({Step::watch_signals, Step::block_signals})},
    {"session_leader pthread_sigmask", harmless()},
    {"launcher poll", harmless()},
    {"launcher open", depends({Step::open_pid_file, Step::open_stream})},
    {"launcher read", harmless()},
    {"launcher close", harmless()},
    {"launcher getpwnam_r", depends({Step::resolve_user})},
    {"launcher fstat", fatal({Step::open_pid_file, Step::open_stream})},
    {"launcher stat", harmless()},     // of the root directory, to know it again
    {"launcher fstatfs", harmless()},  // then nobody knows that it is a network's
    {"launcher flock", fatal({Step::lock_pid_file})},
    {"launcher lstat", fatal({Step::lock_pid_file})},
    {"launcher fcntl_lock", fatal({Step::lock_pid_file})},
    {"launcher fcntl_getfl", fatal({Step::open_stream})},
    {"launcher fcntl_setfl", fatal({Step::open_stream})},
    {"launcher capget", fatal({Step::drop_privileges})},
    {"launcher socketpair", fatal({Step::open_channel})},
    {"launcher prctl", harmless()},
    {"launcher vfork", fatal({Step::fork_session_leader})},
    {"launcher fork", fatal({Step::fork_session_leader})},
    {"launcher pidfd_open", harmless()},  // then SIGCHLD tells
    {"launcher waitid", harmless()},
    {"launcher ppoll", depends({Step::await_ready})},
    {"launcher recv", depends({Step::await_ready})},
    {"launcher send", fatal({Step::await_ready})},
    {"session_leader setsid", fatal({Step::create_session})},
    {"session_leader fork", fatal({Step::fork_daemon})},
    {"session_leader send", harmless()},
    {"daemon close", harmless()},
    {"daemon pipe2", fatal({Step::watch_signals})},
    {"daemon sigaction", depends({Step::map_signals})},
    {"daemon dup2", fatal({Step::redirect_stream})},
    {"daemon chdir", fatal({Step::change_directory, Step::change_root})},
    {"daemon chroot", fatal({Step::change_root})},
    {"daemon unsetenv", fatal({Step::set_environment})},
    {"daemon setenv", fatal({Step::set_environment})},
    {"daemon getrlimit", depends({Step::limit_resources})},
    {"daemon setrlimit", fatal({Step::limit_resources, Step::limit_core})},
    {"daemon fcntl_lock", fatal({Step::lock_pid_file})},
    {"daemon ftruncate", fatal({Step::write_pid_file})},
    {"daemon pwrite", fatal({Step::write_pid_file})},
    {"daemon getgroups", fatal({Step::drop_privileges})},
    {"daemon setgroups", depends({Step::drop_privileges})},  // they may be right already
    {"daemon capget", fatal({Step::drop_privileges})},
    {"daemon capset", fatal({Step::drop_privileges})},
    {"daemon setresgid", fatal({Step::drop_privileges})},
    {"daemon setresuid", fatal({Step::drop_privileges})},
    {"daemon getresgid", fatal({Step::drop_privileges})},
    {"daemon getresuid", fatal({Step::drop_privileges})},
    {"daemon setgid", harmless()},  // the way back, which has to fail
    {"daemon setuid", harmless()},
    // A capability that cannot be dropped may be gone, or none: the kernel is asked.
    {"daemon prctl", depends({Step::limit_core, Step::drop_privileges, Step::confine})},
    {"daemon landlock_create_ruleset", fatal({Step::confine})},
    {"daemon landlock_add_rule", fatal({Step::confine})},
    {"daemon landlock_restrict_self", fatal({Step::confine})},
    {"daemon open", fatal({Step::confine})},
    {"daemon fstat",
     depends({Step::confine})},  // of the pid file: then it is taken for what it was
    {"daemon poll", harmless()},
    {"daemon stat", harmless()},
    {"daemon fcntl_getfd", harmless()},
    {"daemon close_range", harmless()},
    {"daemon pthread_sigmask", mask_change({Step::reset_signals})},
    {"daemon fcntl_setsig", harmless()},
    {"daemon fcntl_setown", harmless()},
    {"daemon fcntl_setfl", harmless()},
    {"daemon send", fatal({Step::await_ready})},
    {"daemon recv", depends({Step::await_ready})},  // for good: it cannot wait for the answer
};

// The errors that a call can meet in the field; of those a sanitizer's slow build tries the first.
std::vector<int> errors_of(const std::string& name) {
    static const std::map<std::string, std::vector<int>> known{
        {"open", {EMFILE, EACCES, ENOENT, ENFILE, EROFS, ENOSPC, EINTR}},
        {"read", {EIO, EINTR}},
        {"close", {EIO, EINTR}},
        {"flock", {ENOLCK, EIO, EINTR}},
        {"lstat", {EIO, EACCES, ENOMEM}},
        {"fstat", {EIO, ENOMEM}},
        {"fcntl_lock", {ENOLCK, EIO, EINTR}},
        {"socketpair", {EMFILE, ENFILE, ENOMEM}},
        {"pipe2", {EMFILE, ENFILE}},
        {"fork", {EAGAIN, ENOMEM}},
        {"vfork", {EAGAIN, ENOMEM}},
        {"setsid", {EPERM}},
        {"sigaction", {EINVAL}},
        {"pthread_sigmask", {EINVAL}},
        {"prctl", {EINVAL, EPERM}},
        {"waitid", {ECHILD, EINTR, EINVAL}},
        {"poll", {EINVAL, ENOMEM, EINTR}},
        {"ppoll", {EINTR, ENOMEM, EINVAL}},
        {"recv", {EIO, EAGAIN, EINTR}},
        {"send", {EPIPE, EIO, ECONNRESET, EINTR, ENOBUFS}},
        {"dup2", {EMFILE, EBUSY, EINTR, EBADF}},
        {"chdir", {ENOENT, EACCES, ELOOP}},
        {"chroot", {EPERM, ENOENT}},
        {"close_range", {ENOSYS, EPERM, EINVAL}},
        {"ftruncate", {EIO, ENOSPC, EINTR}},
        {"pwrite", {ENOSPC, EDQUOT, EIO, EFBIG, EINTR}},
        {"setrlimit", {EPERM, EINVAL}},
        {"landlock_create_ruleset", {ENOSYS, EOPNOTSUPP, ENOMEM}},
        {"landlock_add_rule", {EINVAL, ENOMEM}},
        {"landlock_restrict_self", {EPERM, E2BIG}},
        {"capset", {EPERM}},
        {"setgroups", {EPERM, ENOMEM}},
        {"setresuid", {EAGAIN, EPERM}},
        {"setresgid", {EPERM}},
        // The proof of a drop says EPERM, whatever is in its way.
        {"getresuid", {EPERM}},
        {"getresgid", {EPERM}},
        {"setenv", {ENOMEM}},
        {"unsetenv", {ENOMEM}},
        {"getpwnam_r", {EIO, EMFILE, ENOENT, EINTR}},
        {"setuid", {EPERM, EAGAIN}},
        {"setgid", {EPERM}},
    };
    const auto found = known.find(name);
    auto errors = found != known.end() ? found->second : std::vector<int>{EIO, EINVAL};
    constexpr bool is_slow_build = DAEMONKIT_ASAN() || DAEMONKIT_TSAN();
    if (is_slow_build) errors.resize(1);
    return errors;
}

// What a step is about; its subject is one of these, or holds it.
std::vector<std::string> subjects_of(Step step, const SeamedStart& seamed) {
    switch (step) {
        case Step::watch_signals: return {"SIG", "fork handlers", "pipe", "signal mask"};
        case Step::reset_signals:
        case Step::block_signals: return {"signal mask"};
        case Step::open_pid_file:
        case Step::lock_pid_file:
        case Step::write_pid_file: return {seamed.files.pid_file};
        case Step::open_stream: return {seamed.files.log, "/dev/null", "/dev/zero"};
        case Step::redirect_stream: return {"stdin", "stdout", "stderr"};
        case Step::resolve_user: return {"nobody"};
        case Step::change_root: return {seamed.files.jail};
        case Step::change_directory: return {"/"};
        case Step::map_signals: return {"SIGUSR1"};
        case Step::set_environment: return {"STARTED_BY", ""};
        case Step::limit_resources: return {"resource 7"};
        case Step::limit_core: return {"RLIMIT_CORE", "PR_SET_DUMPABLE"};
        case Step::drop_privileges:
            return {"group", "user", "root", "capabilities", "PR_SET_KEEPCAPS", "no_new_privs"};
        case Step::confine: return {"Landlock", "seccomp", "/"};
        case Step::open_channel: return {"socketpair"};
        case Step::await_ready: return {"daemon"};
        default: return {""};
    }
}

bool speaks_of(const std::string& line, Step step, const SeamedStart& seamed) {
    const std::string start = std::string("probe_daemon: ") + to_string(step) + ": ";
    if (line.rfind(start, 0) != 0) return false;
    for (const std::string& subject : subjects_of(step, seamed))
        if (line.find(subject, start.size()) != std::string::npos) return true;
    return false;
}

// Why a failed start does not tell what failed, on what, and why, in line and status.
std::string why_not_told(const Expectation& expected, int error, const Ended& launcher,
                         const std::string& line, const SeamedStart& seamed) {
    for (const Step step : expected.steps) {
        if (!speaks_of(line, step, seamed)) continue;
        if (launcher.exit_status != Error(step, "", error).exit_status())
            return "the wrong status " + std::to_string(launcher.exit_status);
        // Of a line that failed each side tells what it saw.
        if (step != Step::await_ready && line.find(std::strerror(error)) == std::string::npos)
            return "the reason is not told";
        return "";
    }
    return "the wrong step or subject";
}

enum class Repeat { once, for_good };

// Why a promise is broken when a call fails; empty when all are kept.
std::string why_broken(Features features, const Call& call, int error, Repeat repeat) {
    const auto found = expectations.find(call.role + " " + call.name);
    if (found == expectations.end()) return "nothing is expected of this call: add it above";
    const Expectation& expected = found->second;
    const SeamedStart seamed(features);
    const std::string action =
        std::to_string(error) + (repeat == Repeat::for_good ? ":sticky" : "");
    DaemonStart start(seamed.command(), {{call.plan(action)}, {}});
    const Ended launcher = start.await();
    const bool is_up = launcher.exit_status == 0;
    const bool is_retried = error == EINTR && repeat == Repeat::once;
    if (is_up && expected.fate == Fate::fatal && !is_retried && error != EBUSY)
        return "up, in spite of it";
    if (!is_up && expected.fate == Fate::harmless) return "failed: " + start.err();
    if (is_up) {
        // For good may well mean in the body, too: then the daemon has been up, and has ended.
        const bool has_run = read_file(seamed.files.log).find(": running") != std::string::npos;
        std::string why = why_not_up(start, seamed.files);
        if (why.empty() && features == Features::all) why = why_not_confined(start.daemon());
        if (!why.empty() && !(repeat == Repeat::for_good && has_run)) return why;
        for (const pid_t process : start.processes()) DaemonStart::end(process, SIGKILL);
    } else {
        if (std::string why = why_not_failed(start, seamed.files); !why.empty()) return why;
        if (std::string why = why_not_told(expected, error, launcher, start.err(), seamed);
            !why.empty())
            return why + ": " + start.err();
    }
    return why_no_clean_life(seamed.files, seamed.command());
}

// Tries all errors of all calls.
void try_all(Features features, Repeat repeat) {
    const auto calls = calls_of_start(features);
    int tried = 0;
    int kept = 0;
    for (const Call& call : calls) {
        for (const int error : errors_of(call.name)) {
            CAPTURE(call.role, call.name, call.occurrence, std::strerror(error));
            const std::string why = why_broken(features, call, error, repeat);
            CHECK(why == "");
            ++tried;
            if (why.empty()) ++kept;
        }
    }
    std::cout << to_string(features) << (repeat == Repeat::once ? ", once" : ", for good")
              << ": calls in a start: " << calls.size() << ", faults tried: " << tried
              << ", kept: " << kept << std::endl;
    CHECK(tried > 100);
}

}  // namespace

TEST_CASE("start with few features: every call fails once", "[fault][context][process]") {
    try_all(Features::few, Repeat::once);
}

TEST_CASE("start with few features: every call fails for good", "[fault][context][process]") {
    try_all(Features::few, Repeat::for_good);
}

TEST_CASE("start with all features: every call fails once", "[fault][context][process]") {
    try_all(Features::all, Repeat::once);
}

TEST_CASE("start with all features: every call fails for good", "[fault][context][process]") {
    try_all(Features::all, Repeat::for_good);
}

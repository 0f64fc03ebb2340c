// SPDX-License-Identifier: MIT
#include <daemonkit/inspect.hpp>

#include <daemonkit/daemon_checklist.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "running_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using Numbers = std::vector<int>;

namespace {

std::vector<std::string> command(std::vector<std::string> verbs) {
    verbs.insert(verbs.begin(), probe("probe_inspect"));
    return verbs;
}

/// A process of which the verbs have made something, and which waits to be looked at.
class Inspected {
public:
    explicit Inspected(std::vector<std::string> verbs) : Inspected(std::move(verbs), "pause") {}
    Inspected(std::vector<std::string> verbs, const std::string& last)
        : program_(command([&] {
              verbs.push_back(last);
              return verbs;
          }())) {
        said_ = program_.until("ready");
        // It has said so, and goes to sleep next.
        comes_to_hold([&] { return inspect_vitals(pid()).state != ProcessState::running; });
    }
    ProcessReport report(const InspectOptions& options = {}) const {
        return inspect(program_.pid(), options);
    }
    pid_t pid() const { return program_.pid(); }
    const std::string& said() const { return said_; }
    RunningProgram& program() { return program_; }

private:
    RunningProgram program_;
    std::string said_;
};

Finished ask(std::vector<std::string> verbs) {
    Finished finished = run_program(command(std::move(verbs)));
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE((finished.exit_status == 0 || finished["not_possible"] != "(no not_possible)"));
    return finished;
}

bool was_not_possible(const Finished& finished) {
    const std::string what = finished["not_possible"];
    if (what == "(no not_possible)") return false;
    not_tested("this user may not have " + what);
    return true;
}

const ProcessDescriptor* descriptor(const ProcessReport& report, int fd) {
    REQUIRE(report.descriptors);
    for (const ProcessDescriptor& each : report.descriptors->listed)
        if (each.fd == fd) return &each;
    return nullptr;
}

std::optional<ProcessLimit> limit(const ProcessReport& report, const std::string& name) {
    REQUIRE(report.limits);
    for (const ProcessLimit& each : *report.limits)
        if (each.name == name) return each;
    return {};
}

bool is_shared(const ProcessReport& report, const std::string& kind) {
    REQUIRE(report.namespaces);
    for (const ProcessNamespace& each : *report.namespaces)
        if (each.kind == kind) return each.is_shared;
    FAIL("no namespace " << kind);
    return false;
}

Error error_of(pid_t pid) {
    try {
        inspect(pid);
    } catch (const Error& error) {
        return error;
    }
    FAIL("no error");
    throw;
}

constexpr uid_t nobody = 65534;

}  // namespace

TEST_CASE("inspect: who a process is, and what it was started as", "[inspect][process]") {
    const Inspected process({"name:thermod", "nice:3"});
    const ProcessReport report = process.report();
    CHECK(report.vitals.pid == process.pid());
    CHECK(report.vitals.name == "thermod");
    CHECK(report.vitals.state == ProcessState::sleeping);
    CHECK(report.vitals.uptime_seconds < 60);
    CHECK(report.vitals.start_ticks > 0);
    CHECK_FALSE(report.is_kernel_thread);
    CHECK(report.nice == 3);
    REQUIRE(report.executable);
    CHECK(*report.executable == std::filesystem::canonical(probe("probe_inspect")));
    REQUIRE(report.command_line);
    CHECK(*report.command_line == command({"name:thermod", "nice:3", "pause"}));
    CHECK(report.parent == ::getpid());
    REQUIRE(report.parent_name);
    CHECK(*report.parent_name == "test_inspect");
    CHECK(report.group == process.pid());
    CHECK(report.session == ::getsid(0));
    CHECK(*report.pid_inside == process.pid());
    CHECK(*report.tracer == 0);
    CHECK(report.cgroup);
    CHECK(report.out_of_memory_adjustment);
}

TEST_CASE("inspect: this process itself", "[inspect][process]") {
    const ProcessReport report = inspect(::getpid());
    CHECK(report.vitals.state == ProcessState::running);
    CHECK(report.users->effective == ::geteuid());
    CHECK(report.groups->real == ::getgid());
    CHECK(report.session == ::getsid(0));
    CHECK(is_shared(report, "net"));
    const mode_t mask = ::umask(0);
    ::umask(mask);
    CHECK(*report.umask == mask);
}

TEST_CASE("inspect: session, its leader and its terminal", "[inspect][process]") {
    Inspected leading({"session", "terminal"});
    const pid_t leader = std::stoi(leading.said().substr(leading.said().find('=') + 1));
    const ProcessReport report = inspect(leader);
    CHECK(report.session == leader);
    CHECK(report.group == leader);
    REQUIRE(report.session_leader_name);
    CHECK(*report.session_leader_name == "probe_inspect");
    REQUIRE(report.terminal);
    CHECK(report.terminal->name.rfind("pts/", 0) == 0);
    CHECK(report.terminal->foreground_group == leader);
    CHECK_FALSE(leading.report().terminal);
    for (const ChecklistLine& line : daemon_checklist(report)) {
        if (line.what == "controlling terminal" || line.what == "session")
            CHECK(line.mark == Mark::warning);
    }
    leading.program().hang_up();
    CHECK(leading.program().await_end() == 0);
}

TEST_CASE("inspect: a session whose leader has ended, and a process that was adopted",
          "[inspect][process]") {
    Inspected start({"session", "leaderless"});
    const std::string& said = start.said();
    const pid_t leader = std::stoi(said.substr(said.find("pid=") + 4));
    const pid_t adopted = std::stoi(said.substr(said.rfind("pid=") + 4));
    CHECK(start.program().await_end() == 0);
    const ProcessReport report = inspect(adopted);
    CHECK(report.session == leader);
    CHECK(report.session_leader_name.error() == ESRCH);
    CHECK(report.parent == ::getpid());
    for (const ChecklistLine& line : daemon_checklist(report)) {
        if (line.what == "parent" || line.what == "session") CHECK(line.mark == Mark::ok);
    }
    start.program().hang_up();
    CHECK(::waitpid(adopted, nullptr, 0) == adopted);
}

TEST_CASE("inspect: directory, umask and signals", "[inspect][process]") {
    const TempFolder folder;
    const Inspected process({"umask:0027", "directory:" + folder.path().string(), "catch:15",
                             "catch:64", "ignore:13", "block:12", "raise:12", "block:34"});
    const ProcessReport report = process.report();
    REQUIRE(report.umask);
    CHECK(*report.umask == 0027);
    REQUIRE(report.directory);
    CHECK(*report.directory == folder.path().string());
    // Behind a root that is no mount, the kernel may tell of none; then that is said.
    if (report.directory_mount)
        CHECK(report.directory->rfind(*report.directory_mount, 0) == 0);
    else
        CHECK_FALSE(read_file("/proc/self/mountinfo").find(" / / ") != std::string::npos);
    CHECK(*report.root == "/");
    REQUIRE(report.signals);
    // A sanitizer catches some of its own.
    CHECK(detail::has_signal(report.signals->caught, SIGTERM));
    CHECK(detail::has_signal(report.signals->caught, 64));
    CHECK_FALSE(detail::has_signal(report.signals->caught, SIGHUP));
    CHECK(report.signals->ignored == Numbers{SIGPIPE});
    CHECK(report.signals->blocked == Numbers{SIGUSR2, 34});
    CHECK(report.signals->pending == Numbers{SIGUSR2});
}

TEST_CASE("inspect: descriptors, where they lead, and what they are", "[inspect][process]") {
    const TempFolder folder;
    const std::string log = folder / "a log\n";
    const Inspected process({"append:50:" + log, "open:51:" + (folder / "x.pid"), "lock:51",
                             "make:52:pipe", "make:53:socket", "make:54:event", "make:55:epoll",
                             "make:56:signals", "make:57:memory", "make:58:terminal",
                             "open:59:/dev/null", "inherit:50", "inherit:51", "close:2"});
    const ProcessReport report = process.report();
    const auto kind = [&](int fd) {
        const ProcessDescriptor* const found = descriptor(report, fd);
        REQUIRE(found != nullptr);
        return found->kind;
    };
    CHECK(descriptor(report, 2) == nullptr);
    const ProcessDescriptor* const append = descriptor(report, 50);
    REQUIRE(append != nullptr);
    CHECK(append->target == log);
    CHECK((*append->flags & O_APPEND) != 0);
    CHECK((*append->flags & O_CLOEXEC) == 0);
    CHECK_FALSE(*append->is_locked);
    CHECK(*descriptor(report, 51)->is_locked);
    CHECK((*descriptor(report, 52)->flags & O_CLOEXEC) != 0);
    CHECK(kind(51) == DescriptorKind::file);
    CHECK(kind(52) == DescriptorKind::pipe);
    CHECK(kind(53) == DescriptorKind::socket);
    for (const int fd : {54, 55, 56, 57}) CHECK(kind(fd) == DescriptorKind::anonymous);
    CHECK(descriptor(report, 56)->target == "anon_inode:[signalfd]");
    CHECK(kind(58) == DescriptorKind::terminal);
    CHECK(kind(59) == DescriptorKind::null);
    CHECK(report.descriptors->count == report.descriptors->listed.size());
    CHECK(*report.vitals.descriptors == report.descriptors->count);
}

TEST_CASE("inspect: one file with a path that is too long hides no other", "[inspect][process]") {
    const TempFolder folder;
    const Inspected process({"deep:50:" + folder.path().string(), "open:51:/dev/null"});
    const ProcessReport report = process.report();
    REQUIRE(descriptor(report, 50) != nullptr);
    CHECK(descriptor(report, 50)->target == "(longer than a path may be)");
    CHECK(descriptor(report, 50)->kind == DescriptorKind::file);
    CHECK(descriptor(report, 51)->target == "/dev/null");
}

TEST_CASE("inspect: of thousands of descriptors and of threads all are counted, and some listed",
          "[inspect][process]") {
    const Inspected process({"many:800", "threads:a,b,c,d"});
    const ProcessReport report = process.report({.most_listed = 3});
    REQUIRE(report.descriptors);
    CHECK(report.descriptors->count >= 802);
    CHECK(report.descriptors->listed.size() == 3);
    CHECK(report.descriptors->listed.front().fd == 0);
    REQUIRE(report.threads);
    CHECK(report.threads->count == 5);
    CHECK(report.threads->listed.size() == 3);
    CHECK(report.children.error() == EOVERFLOW);  // those of two threads were not looked at
    CHECK(report.vitals.threads == 5);
    CHECK(*inspect_vitals(process.pid()).descriptors == report.descriptors->count);
}

TEST_CASE("inspect: threads by name, children, and zombies among them", "[inspect][process]") {
    const Inspected process({"threads:logger,worker one", "child:helper", "zombie"});
    const ProcessReport report = process.report();
    REQUIRE(report.threads);
    REQUIRE(report.threads->listed.size() == 3);
    CHECK(report.threads->listed[0].id == process.pid());
    CHECK(report.threads->listed[1].name == "logger");
    CHECK(report.threads->listed[2].name == "worker one");
    if (!report.children) return not_tested("a kernel without CONFIG_PROC_CHILDREN");
    CHECK(report.children->count == 2);
    REQUIRE(report.children->zombies.size() == 1);
    const pid_t zombie = report.children->zombies.front();
    CHECK(process.said().find("zombie=" + std::to_string(zombie) + "\n") != std::string::npos);

    const ProcessReport ended = inspect(zombie);
    CHECK(ended.vitals.state == ProcessState::zombie);
    CHECK(ended.parent == process.pid());
    CHECK(ended.users);
    for (const int why :
         {ended.command_line.error(), ended.executable.error(), ended.directory.error(),
          ended.root.error(), ended.umask.error(), ended.descriptors.error(), ended.signals.error(),
          ended.vitals.memory.error(), ended.vitals.descriptors.error()})
        CHECK(why == ESRCH);
    CHECK(inspect_vitals(zombie).memory.error() == ESRCH);
    CHECK(inspect_vitals(zombie).descriptors.error() == ESRCH);
}

TEST_CASE("inspect: a name is the name, whatever it looks like", "[inspect][process]") {
    const std::string name = GENERATE(as<std::string>{}, "a) R 1 (", ") Z 1 1 1", "\x1b]0;x\x07",
                                      "a\nTgid\t1", "\xff\x80", "(");
    const Inspected process({"name:" + name, "threads:" + name});
    const ProcessReport report = process.report();
    CHECK(report.vitals.name == name.substr(0, 15));
    CHECK(report.vitals.state == ProcessState::sleeping);
    CHECK(report.parent == ::getpid());
    CHECK(report.users->effective == ::geteuid());
    REQUIRE(report.threads);
    REQUIRE(report.threads->listed.size() == 2);
    CHECK(report.threads->listed[1].name == name.substr(0, 15));
}

TEST_CASE("inspect: words of the command line may be empty, and hold any byte",
          "[inspect][process]") {
    const Inspected process({"name:x", "name:\x01\n\xff y"});
    REQUIRE(process.report().command_line);
    CHECK(*process.report().command_line == command({"name:x", "name:\x01\n\xff y", "pause"}));
}

TEST_CASE("inspect: a program and a directory that are gone", "[inspect][process]") {
    const TempFolder folder;
    const std::string copy = folder / "copy";
    const std::string gone = folder / "gone";
    std::filesystem::copy_file(probe("probe_inspect"), copy);
    std::filesystem::create_directory(gone);
    RunningProgram program({copy, "directory:" + gone, "pause"});
    program.until("ready");
    std::filesystem::remove(copy);
    std::filesystem::remove(gone);
    const ProcessReport report = inspect(program.pid());
    CHECK(*report.executable == copy + " (deleted)");
    CHECK(*report.directory == gone + " (deleted)");
}

TEST_CASE("inspect: limits", "[inspect][process]") {
    const Inspected process({"limit:" + std::to_string(RLIMIT_NOFILE) + ":77:88",
                             "limit:" + std::to_string(RLIMIT_CORE) + ":0:0"});
    const ProcessReport report = process.report();
    const auto files = limit(report, "Max open files");
    REQUIRE(files);
    CHECK(files->soft == 77U);
    CHECK(files->hard == 88U);
    CHECK(files->unit == "files");
    CHECK(limit(report, "Max core file size")->hard == 0U);
    CHECK(limit(report, "Max realtime priority"));
}

TEST_CASE("inspect: rights that were given up", "[inspect][process]") {
    const Inspected plain({});
    CHECK_FALSE(*plain.report().no_new_privileges);
    const Inspected process({"seccomp"});
    const ProcessReport report = process.report();
    CHECK(*report.no_new_privileges);
    CHECK(*report.seccomp == 2);
}

TEST_CASE("inspect: ids, groups and capabilities", "[inspect][root]") {
    const Inspected process({"groups:300", "capabilities:400"});
    const ProcessReport report = process.report();
    REQUIRE(report.capabilities);
    CHECK(report.capabilities->permitted == 0x400);
    CHECK(report.capabilities->effective == 0x400);
    CHECK(report.capabilities->bounding != 0);
    REQUIRE(report.supplementary_groups);
    CHECK(report.supplementary_groups->size() == 300);
    CHECK(report.supplementary_groups->back() == 3'000'000'299U);
    CHECK(report.umask);  // stands before the groups; the signals stand behind them
    CHECK(report.signals);
}

TEST_CASE("inspect: whether another user's process is dumpable", "[inspect][root]") {
    const std::string id = std::to_string(nobody);
    const Inspected dumpable({"user:" + id, "dumpable"});
    CHECK(dumpable.report().users->effective == nobody);
    CHECK(*dumpable.report().dumpable);
    const Inspected undumpable({"user:" + id, "undumpable"});
    CHECK_FALSE(*undumpable.report().dumpable);
    CHECK(inspect(::getpid()).dumpable.error() == ENOTSUP);  // root's files are root's either way
}

TEST_CASE("inspect: a namespace of its own", "[inspect][process]") {
    const Finished possible = ask({"namespace"});
    if (was_not_possible(possible)) return;
    const Inspected process({"namespace"});
    CHECK_FALSE(is_shared(process.report(), "uts"));
    CHECK(is_shared(process.report(), "net"));
}

TEST_CASE("inspect: stopped, and going on", "[inspect][process]") {
    RunningProgram program(command({"stop", "pause"}));
    CHECK(program.await_stop_or("ready"));
    CHECK(inspect(program.pid()).vitals.state == ProcessState::stopped);
    program.signal(SIGCONT);
    program.until("ready");
    CHECK(inspect(program.pid()).vitals.state != ProcessState::stopped);
}

TEST_CASE("inspect: where the first thread has ended, nothing is said of what the others have",
          "[inspect][process]") {
    const Inspected process({}, "without-first");
    const ProcessReport report = process.report();
    CHECK(report.vitals.state == ProcessState::zombie);
    CHECK(report.vitals.threads == 2);
    REQUIRE(report.threads);
    CHECK(report.threads->listed.back().name == "second");
    CHECK(report.descriptors.error() == ESRCH);
    CHECK(report.vitals.memory.error() == ESRCH);
}

TEST_CASE("inspect: a thread of the kernel", "[inspect][process]") {
    std::optional<ProcessReport> found;
    for (pid_t pid = 2; pid < 100 && !found; ++pid) {
        try {
            ProcessReport report = inspect(pid);
            if (report.is_kernel_thread) found = std::move(report);
        } catch (const Error&) {
        }
    }
    if (!found) return not_tested("no kernel thread is visible from this PID namespace");
    CHECK(found->command_line.error() == ENOENT);
    CHECK(found->vitals.memory.error() == ENOENT);
    CHECK((found->executable.error() == ENOENT || found->executable.error() == EACCES));
}

TEST_CASE("inspect: a number that is no process's", "[inspect][process]") {
    CHECK(error_of(0).code().value() == EINVAL);
    CHECK(error_of(-1).code().value() == EINVAL);
    Inspected ended({});
    const pid_t pid = ended.pid();
    ended.program().hang_up();
    ended.program().await_end();
    const Error gone = error_of(pid);
    CHECK(gone.code().value() == ESRCH);
    CHECK(gone.step() == Step::inspect_process);
    CHECK(gone.subject() == "pid " + std::to_string(pid));
    CHECK(gone.exit_status() == 69);
    CHECK_THROWS_AS(inspect_vitals(pid), Error);
}

TEST_CASE("inspect: the number of a thread is refused, and its process named",
          "[inspect][process]") {
    const Inspected process({"threads:x"});
    const pid_t thread = process.report().threads->listed.back().id;
    const Error error = error_of(thread);
    CHECK(error.code().value() == ESRCH);
    CHECK(error.explanation() == "it is a thread of process " + std::to_string(process.pid()));
}

TEST_CASE(
    "inspect: an ordinary user sees of another's process what is public, and why the rest is not",
    "[inspect][process]") {
    const Finished seen = ::geteuid() == 0
                              ? ask({"user:" + std::to_string(nobody), "inspect:0", "vitals:0"})
                              : ask({"inspect:1"});
    INFO(seen.out);
    CHECK(seen["error"] == "(no error)");
    CHECK(seen["state"] != "(no state)");
    const std::string denied = "?" + std::to_string(EACCES);
    CHECK(seen["executable"] == denied);
    CHECK(seen["directory"] == denied);
    CHECK(seen["descriptors"] == denied);
    CHECK(seen["own"] == denied);
    CHECK(seen["umask"].front() != '?');
}

TEST_CASE("inspect: what is not dumpable is hidden from its own user as well",
          "[inspect][process]") {
    const std::string user = "user:" + std::to_string(::geteuid() == 0 ? nobody : ::geteuid());
    const auto seen = [&](const char* verb) {
        const Inspected process({user, verb});
        return ask({user, "inspect:" + std::to_string(process.pid())});
    };
    const Finished plain = seen("dumpable");
    CHECK(plain["dumpable"] == "1");
    CHECK(plain["descriptors"].front() != '?');
    const Finished undumpable = seen("undumpable");
    CHECK(undumpable["dumpable"] == "0");
    CHECK(undumpable["descriptors"] == "?" + std::to_string(EACCES));
}

TEST_CASE("inspect: a /proc that hides others is told of", "[inspect][root]") {
    const std::string user = "user:" + std::to_string(nobody);
    const Finished refused = ask({"hidepid:1", user, "inspect:0"});
    if (was_not_possible(refused)) return;
    CHECK(refused["error"] == "inspect_process");
    CHECK(refused["errno"] == std::to_string(EPERM));
    CHECK(refused["status"] == "77");
    CHECK(refused["message"].find("hidepid") != std::string::npos);
    const Finished hidden = ask({"hidepid:2", user, "inspect:0"});
    CHECK(hidden["errno"] == std::to_string(EACCES));
    CHECK(hidden["message"].find("hidepid") != std::string::npos);
    const Finished missing = ask({"hidepid:2", user, "inspect:4194303"});
    CHECK(missing["errno"] == std::to_string(ESRCH));
}

TEST_CASE("inspect: without /proc nothing is said, nor with that of another PID namespace",
          "[inspect][process]") {
    const Finished none = ask({"hide-proc", "inspect:0"});
    if (was_not_possible(none)) return;
    CHECK(none["errno"] == std::to_string(ENOENT));
    CHECK(none["message"].find("/proc") != std::string::npos);
    const Finished other = ask({"other-proc", "inspect:1"});
    if (was_not_possible(other)) return;
    CHECK(other["errno"] == std::to_string(EXDEV));
    CHECK(other["name"] == "(no name)");
}

TEST_CASE("inspect: however a number changes hands, every part is of one process",
          "[inspect][process]") {
    const Finished seen = ask({"reuse"});
    INFO(seen.out);
    if (was_not_possible(seen)) return;
    CHECK(seen["mixed"] == "(no mixed)");
    CHECK(seen["error"] == "(no error)");
    CHECK(std::stoi(seen["after"]) >= 1);   // it had changed hands before the folder was opened
    CHECK(std::stoi(seen["before"]) >= 1);  // nothing was read any more
    CHECK(std::stoi(seen["ended"]) > 10);
}

TEST_CASE("inspect: a process that ends at any moment is told of as ended, or was read before",
          "[inspect][process]") {
    for (int round = 0; round < 50; ++round) {
        RunningProgram program(command({"threads:a,b"}));  // ends at once
        try {
            const ProcessReport report = inspect(program.pid());
            if (report.vitals.state == ProcessState::zombie) {
                CHECK(report.descriptors.error() == ESRCH);
                CHECK(report.signals.error() == ESRCH);
            }
        } catch (const Error& error) {
            CHECK(error.code().value() == ESRCH);
        }
    }
}

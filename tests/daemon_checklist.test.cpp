// SPDX-License-Identifier: MIT
#include <daemonkit/daemon_checklist.hpp>

#include "catch.hpp"

#include <cerrno>
#include <csignal>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>

using namespace daemonkit;

namespace {

ProcessDescriptor leads_to(int fd, DescriptorKind kind, const std::string& target, int flags) {
    return {fd, kind, target, flags, false};
}

/// A daemon as it ought to be in every respect.
ProcessReport good_daemon() {
    ProcessReport report;
    report.vitals.pid = 71;
    report.vitals.name = "thermod";
    report.vitals.threads = 1;
    report.pid_inside = 71;
    report.parent = 1;
    report.parent_name = std::string("init");
    report.group = 70;
    report.session = 70;
    report.session_leader_name = Known<std::string>::unknown(ESRCH);
    report.children = ProcessChildren{2, {}};
    report.tracer = 0;
    report.executable = std::string("/usr/sbin/thermod");
    report.directory = std::string("/");
    report.directory_mount = std::string("/");
    report.root = std::string("/");
    report.umask = 0027;
    report.signals = ProcessSignals{{SIGHUP, SIGTERM}, {}, {}, {}};
    ProcessDescriptors descriptors;
    descriptors.listed = {
        leads_to(0, DescriptorKind::null, "/dev/null", 0),
        leads_to(1, DescriptorKind::file, "/var/log/thermod.log", O_WRONLY | O_APPEND),
        leads_to(2, DescriptorKind::pipe, "pipe:[7]", O_WRONLY),
        leads_to(3, DescriptorKind::file, "/run/thermod.pid", O_RDWR | O_CLOEXEC)};
    descriptors.listed.back().is_locked = true;
    descriptors.count = descriptors.listed.size();
    report.descriptors = descriptors;
    report.limits = std::vector<ProcessLimit>{{"Max core file size", 0, 0, "bytes"},
                                              {"Max open files", 1024, 4096, "files"}};
    report.users = ProcessIds<uid_t>{998, 998, 998, 998};
    report.capabilities = ProcessCapabilities{0, 0, 0, 0x1ffffffffff, 0};
    report.no_new_privileges = true;
    report.dumpable = false;
    report.cgroup = std::string("/");
    return report;
}

ChecklistLine line(const ProcessReport& report, const std::string& what) {
    for (const ChecklistLine& each : daemon_checklist(report))
        if (each.what == what) return each;
    FAIL("no line " << what);
    return {};
}

/// The line of a daemon that is good but for the change.
ChecklistLine line_with(const std::string& what,
                        const std::function<void(ProcessReport&)>& change) {
    ProcessReport report = good_daemon();
    change(report);
    return line(report, what);
}

/// That line alone is marked so, and its reason holds the words.
void expect_mark(const std::string& what, Mark mark, const std::string& words,
                 const std::function<void(ProcessReport&)>& change) {
    const ChecklistLine found = line_with(what, change);
    CAPTURE(what, found.reason);
    CHECK(std::string(to_string(found.mark)) == to_string(mark));
    CHECK(found.reason.find(words) != std::string::npos);
}

void expect_warning(const std::string& what, const std::string& words,
                    const std::function<void(ProcessReport&)>& change) {
    expect_mark(what, Mark::warning, words, change);
}
void expect_ok(const std::string& what, const std::string& words,
               const std::function<void(ProcessReport&)>& change) {
    expect_mark(what, Mark::ok, words, change);
}
void expect_unknown(const std::string& what, const std::string& words,
                    const std::function<void(ProcessReport&)>& change) {
    expect_mark(what, Mark::unknown, words, change);
}

ProcessDescriptor& stream(ProcessReport& report, std::size_t fd) {
    return report.descriptors->listed[fd];
}

}  // namespace

TEST_CASE("daemon_checklist: of a daemon as it ought to be every line is ok, once, with a reason",
          "[checklist][unit]") {
    std::set<std::string> seen;
    for (const ChecklistLine& each : daemon_checklist(good_daemon())) {
        CAPTURE(each.what, each.reason);
        CHECK(each.mark == Mark::ok);
        CHECK_FALSE(each.reason.empty());
        CHECK(seen.insert(each.what).second);
    }
    CHECK(seen.size() == 21);
}

TEST_CASE("daemon_checklist: of a process of which nothing can be told nothing is said to be well",
          "[checklist][unit]") {
    ProcessReport report;
    report.vitals.pid = 71;
    report.parent = 70;
    report.session = 70;
    report.session_leader_name = std::string("bash");
    for (const ChecklistLine& each : daemon_checklist(report)) {
        CAPTURE(each.what, each.reason);
        const bool is_told_by_stat = each.what == "state" || each.what == "controlling terminal";
        CHECK((each.mark == Mark::ok) == is_told_by_stat);
        CHECK_FALSE(each.reason.empty());
    }
}

TEST_CASE("daemon_checklist: state", "[checklist][unit]") {
    const auto in_state = [](ProcessState state) {
        return [state](ProcessReport& report) { report.vitals.state = state; };
    };
    expect_ok("state", "running", in_state(ProcessState::running));
    expect_warning("state", "SIGCONT", in_state(ProcessState::stopped));
    expect_warning("state", "disk", in_state(ProcessState::waiting));
    expect_warning("state", "by pid 1 (init)", in_state(ProcessState::zombie));
    expect_warning("state", "in state K", in_state(static_cast<ProcessState>('K')));
    expect_warning("state", "pid 17 debugs it", [](ProcessReport& report) { report.tracer = 17; });

    ProcessReport zombie = good_daemon();
    zombie.vitals.state = ProcessState::zombie;
    CHECK(daemon_checklist(zombie).size() == 1);
    ProcessReport kernel = good_daemon();
    kernel.is_kernel_thread = true;
    REQUIRE(daemon_checklist(kernel).size() == 1);
    CHECK(daemon_checklist(kernel).front().mark == Mark::warning);
}

TEST_CASE("daemon_checklist: session and terminal", "[checklist][unit]") {
    expect_warning("controlling terminal", "pts/3", [](ProcessReport& report) {
        report.terminal = ProcessTerminal{"pts/3", 136, 3, {}};
    });
    expect_warning("session", "O_NOCTTY", [](ProcessReport& report) {
        report.session = 71;
        report.session_leader_name = report.vitals.name;
    });
    expect_ok("session", "the service thermod.service", [](ProcessReport& report) {
        report.session = 71;
        report.cgroup = std::string("/system.slice/thermod.service");
    });
    expect_ok("session", "supervised by s6-supervise", [](ProcessReport& report) {
        report.session = 71;
        report.parent_name = std::string("s6-supervise");
    });
    expect_ok("session", "first process of its PID namespace", [](ProcessReport& report) {
        report.session = 71;
        report.pid_inside = 1;
    });
    expect_warning("session", "pid 70 (bash)",
                   [](ProcessReport& report) { report.session_leader_name = std::string("bash"); });
    expect_unknown("session", "outside", [](ProcessReport& report) { report.session = 0; });
}

TEST_CASE("daemon_checklist: parent and children", "[checklist][unit]") {
    expect_warning("parent", "pid 60 (bash)", [](ProcessReport& report) {
        report.parent = 60;
        report.parent_name = std::string("bash");
        report.session_leader_name = std::string("bash");
    });
    expect_ok("parent", "adopted", [](ProcessReport& report) {
        report.parent = 60;
        report.parent_name = std::string("user-init");
    });
    expect_ok("parent", "the service x.service", [](ProcessReport& report) {
        report.parent = 60;
        report.session = 71;
        report.cgroup = std::string("/user.slice/user@1000.service/x.service");
    });
    expect_ok("parent", "none", [](ProcessReport& report) { report.parent = 0; });
    expect_warning("children", "1 ended and not waited for: as pid 80", [](ProcessReport& report) {
        report.children = ProcessChildren{3, {80}};
    });
}

TEST_CASE("daemon_checklist: descriptors and streams", "[checklist][unit]") {
    expect_warning("descriptors", "gets 1: 3 /run/thermod.pid",
                   [](ProcessReport& report) { stream(report, 3).flags = O_RDWR; });
    expect_warning("descriptors", "gets 6: 10 pipe:[1], ", [](ProcessReport& report) {
        for (int fd = 10; fd < 16; ++fd)
            report.descriptors->listed.push_back(leads_to(fd, DescriptorKind::pipe, "pipe:[1]", 0));
    });
    expect_warning("descriptor limit", "900 of 1024",
                   [](ProcessReport& report) { report.descriptors->count = 900; });
    expect_ok("descriptor limit", "unlimited",
              [](ProcessReport& report) { (*report.limits)[1].soft.reset(); });
    expect_unknown("descriptor limit", "tell",
                   [](ProcessReport& report) { report.limits->clear(); });
    expect_warning("standard input", "/dev/pts/1: a terminal", [](ProcessReport& report) {
        stream(report, 0) = leads_to(0, DescriptorKind::terminal, "/dev/pts/1", O_RDWR);
    });
    expect_warning("standard error", "closed", [](ProcessReport& report) {
        report.descriptors->listed.erase(report.descriptors->listed.begin() + 2);
    });
    expect_warning("standard output", "O_APPEND",
                   [](ProcessReport& report) { stream(report, 1).flags = O_WRONLY; });
    expect_ok("standard input", "/etc/x", [](ProcessReport& report) {
        stream(report, 0) = leads_to(0, DescriptorKind::file, "/etc/x", O_RDONLY);
    });
    expect_warning("standard output", "lost", [](ProcessReport& report) {
        stream(report, 1).target = "/var/log/thermod.log (deleted)";
    });
}

TEST_CASE("daemon_checklist: signals", "[checklist][unit]") {
    const auto ignoring = [](int signal) {
        return [signal](ProcessReport& report) { report.signals->ignored = {signal}; };
    };
    expect_warning("ignored signals", "SIGTERM does not stop it", ignoring(SIGTERM));
    expect_warning("ignored signals", "how its children end", ignoring(SIGCHLD));
    expect_warning("ignored signals", "nohup", ignoring(SIGHUP));
    expect_warning("ignored signals", "background of a shell", ignoring(SIGINT));
    expect_ok("ignored signals", "SIGPIPE", ignoring(SIGPIPE));
    expect_warning("SIGTERM", "ignored", [](ProcessReport& report) {
        report.signals->caught = {};
        report.signals->ignored = {SIGTERM};
    });
    expect_warning("SIGTERM", "nothing is cleaned up",
                   [](ProcessReport& report) { report.signals->caught = {SIGHUP}; });
    expect_warning("SIGHUP", "reload",
                   [](ProcessReport& report) { report.signals->caught = {SIGTERM}; });

    const auto blocking = [](ProcessReport& report) {
        report.signals->caught = {};
        report.signals->blocked = {SIGHUP, SIGTERM};
    };
    expect_warning("blocked signals", "SIGHUP SIGTERM", blocking);
    expect_unknown("SIGTERM", "wait for it", blocking);
    expect_unknown("blocked signals", "first thread", [&](ProcessReport& report) {
        blocking(report);
        report.vitals.threads = 2;
    });
    const auto reading = [&](ProcessReport& report) {
        blocking(report);
        stream(report, 3) =
            leads_to(3, DescriptorKind::anonymous, "anon_inode:[signalfd]", O_RDWR | O_CLOEXEC);
    };
    expect_ok("blocked signals", "reads them", reading);
    expect_ok("SIGTERM", "read from a descriptor", reading);
}

TEST_CASE("daemon_checklist: signals in words", "[checklist][unit]") {
    CHECK(detail::signal_words({}) == "");
    CHECK(detail::signal_words({SIGHUP, SIGTERM}) == "SIGHUP SIGTERM");
    CHECK(detail::signal_words({SIGRTMIN, SIGRTMIN + 1}) == "SIGRTMIN SIGRTMIN+1");
    CHECK(detail::signal_words({SIGHUP, SIGRTMIN, SIGRTMIN + 1, SIGRTMIN + 2, SIGRTMIN + 5}) ==
          "SIGHUP SIGRTMIN...SIGRTMIN+2 SIGRTMIN+5");
}

TEST_CASE("daemon_checklist: umask, directory and program", "[checklist][unit]") {
    const auto with_umask = [](mode_t mask) {
        return [mask](ProcessReport& report) { report.umask = mask; };
    };
    expect_warning("umask", "0000: everybody", with_umask(0));
    expect_warning("umask", "0020: everybody", with_umask(0020));
    expect_warning("umask", "0777: it cannot", with_umask(0777));
    expect_ok("umask", "0022", with_umask(0022));
    expect_ok("umask", "0077", with_umask(0077));
    expect_ok("umask", "0002", with_umask(0002));
    expect_warning("directory", "/mnt/usb cannot be unmounted", [](ProcessReport& report) {
        report.directory = std::string("/mnt/usb/x");
        report.directory_mount = std::string("/mnt/usb");
    });
    expect_warning("directory", "no file can be made", [](ProcessReport& report) {
        report.directory = std::string("/var/x (deleted)");
    });
    expect_warning("executable", "a restart runs the new one", [](ProcessReport& report) {
        report.executable = std::string("/usr/sbin/thermod (deleted)");
    });
}

TEST_CASE("daemon_checklist: pid file", "[checklist][unit]") {
    const auto unlocked = [](ProcessReport& report) { stream(report, 3).is_locked = false; };
    expect_unknown("pid file", "none that it holds", unlocked);
    expect_warning("pid file", "second instance",
                   [](ProcessReport& report) { stream(report, 3).target += " (deleted)"; });
    expect_ok("pid file", "needs none", [&](ProcessReport& report) {
        unlocked(report);
        report.cgroup = std::string("/system.slice/x.service");
    });
}

TEST_CASE("daemon_checklist: rights", "[checklist][unit]") {
    const auto with_capabilities = [](std::uint64_t set) {
        return [set](ProcessReport& report) { report.capabilities->permitted = set; };
    };
    expect_ok("privileges", "user 998, without a capability", with_capabilities(0));
    expect_ok("privileges", "CAP_NET_BIND_SERVICE", with_capabilities(1U << 10U));
    expect_warning("privileges", "with CAP_SYS_ADMIN", with_capabilities(1U << 21U));
    expect_warning("privileges", "the rights to all", with_capabilities(0x1ffffffffff));
    expect_warning("privileges", "can become root again",
                   [](ProcessReport& report) { report.users->saved = 0; });
    expect_ok("privileges", "root, without", [](ProcessReport& report) {
        report.users = ProcessIds<uid_t>{0, 0, 0, 0};
    });
    expect_warning("no_new_privs", "setuid",
                   [](ProcessReport& report) { report.no_new_privileges = false; });
    expect_warning("core dumps", "secrets", [](ProcessReport& report) {
        report.dumpable = true;
        (*report.limits)[0].soft.reset();
    });
    expect_ok("core dumps", "limited to 0", [](ProcessReport& report) { report.dumpable = true; });
    expect_unknown("core dumps", "user", [](ProcessReport& report) {
        report.dumpable = Known<bool>::unknown(ENOTSUP);
        report.limits = Known<std::vector<ProcessLimit>>::unknown(EACCES);
    });
}

TEST_CASE("daemon_checklist: names of others come out on one line, and bounded",
          "[checklist][unit]") {
    const ChecklistLine found = line_with("parent", [](ProcessReport& report) {
        report.parent = 60;
        report.parent_name = std::string("a\nok  \x1b[2J");
        report.session_leader_name = std::string("x");
    });
    CHECK(found.reason.find("(a\\nok  \\x1b[2J)") != std::string::npos);
    const ChecklistLine longest = line_with("executable", [](ProcessReport& report) {
        report.executable = std::string(4000, 'x') + " (deleted)";
    });
    CHECK(longest.mark == Mark::warning);
    CHECK(longest.reason.size() < 600);
}

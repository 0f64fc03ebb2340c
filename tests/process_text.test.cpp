// SPDX-License-Identifier: MIT
#include <daemonkit/process_text.hpp>

#include "catch.hpp"

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include <fcntl.h>

using namespace daemonkit;
using namespace daemonkit::detail;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("to_text: what is known, and why the rest is not", "[inspect][unit]") {
    ProcessReport report;
    report.vitals.pid = 71;
    report.vitals.name = "thermod";
    report.vitals.uptime_seconds = 3 * 3600 + 62;
    report.vitals.memory =
        ProcessMemory{3u << 20U, 4u << 20U, 9u << 20U, 0, Known<std::uint64_t>(1536)};
    report.command_line = std::vector<std::string>{"/usr/sbin/thermod", "--all"};
    report.executable = Known<std::string>::unknown(EACCES);
    report.parent = 1;
    report.parent_name = std::string("init");
    report.session = 70;
    report.group = 70;
    report.session_leader_name = Known<std::string>::unknown(ESRCH);
    report.users = ProcessIds<uid_t>{0, 998, 998, 998};
    report.groups = ProcessIds<gid_t>{998, 998, 998, 998};
    report.capabilities = ProcessCapabilities{0, 0x400, 0, 0x1ffffffffff, 0};
    report.umask = 0027;
    report.signals = ProcessSignals{{1, 15}, {}, {}, {}};
    report.limits = std::vector<ProcessLimit>{{"Max open files", 1024, {}, "files"},
                                              {"Max cpu time", {}, {}, "seconds"}};
    ProcessDescriptors descriptors;
    descriptors.count = 20;
    descriptors.listed = {{0, DescriptorKind::null, "/dev/null", 0, false},
                          {1, DescriptorKind::file, "/x\n", O_APPEND, false},
                          {3, DescriptorKind::file, "/run/x.pid", 0, true}};
    report.descriptors = descriptors;
    const std::string text = to_text(report, 3);
    INFO(text);
    CHECK(has_line(text, "process       71 (thermod), sleeping, up 3 h 1 min"));
    CHECK(has_line(text, "command line  /usr/sbin/thermod --all"));
    CHECK(has_line(text, "executable    (not told to this user)"));
    CHECK(has_line(text, "parent        pid 1 (init)"));
    CHECK(has_line(text, "session       70, whose leader has ended; group 70"));
    CHECK(has_line(text, "terminal      none"));
    CHECK(has_line(text, "user          998 (real 0, saved 998, file system 998)"));
    CHECK(has_line(text, "group         998"));
    CHECK(has_line(text, "capabilities  CAP_NET_BIND_SERVICE; in effect: none"));
    CHECK(has_line(text, "seccomp       (this kernel does not tell)"));
    CHECK(has_line(text, "umask         0027"));
    CHECK(has_line(text, "caught        SIGHUP SIGTERM"));
    CHECK(has_line(text, "ignored       none"));
    CHECK(has_line(text, "limits        open files 1024/unlimited"));
    CHECK(has_line(
        text, "memory        3.0 MiB resident (1.5 KiB of its own), at most 4.0 MiB, 0 B swapped"));
    CHECK(has_line(text, "descriptors   20"));
    CHECK(has_line(text, "  0           /dev/null"));
    CHECK(has_line(text, "  1           /x\\n, append"));
    CHECK(has_line(text, "  3           /run/x.pid, locked, inherited by programs"));
    CHECK(has_line(text, "  ...         and 17 more"));
}

TEST_CASE("to_text: of a process of which nothing is known, all lines say so", "[inspect][unit]") {
    const std::string text = to_text(ProcessReport{});
    for (const char* const label : {"executable    (", "umask         (", "memory        (",
                                    "descriptors   (", "capabilities  (", "caught        ("})
        CHECK(text.find(label) != std::string::npos);
}

TEST_CASE("to_text: a screen, however much there is", "[inspect][unit]") {
    ProcessReport report;
    report.vitals.name = std::string(64, '\x1b');
    report.command_line = std::vector<std::string>(5000, "\xff\n");
    report.supplementary_groups = std::vector<gid_t>(65'536, 7);
    report.threads = ProcessThreads{9999, std::vector<ProcessThread>(1024, {1, "\x1b[2J"})};
    report.children = ProcessChildren{5000, std::vector<pid_t>(5000, 9)};
    ProcessDescriptors descriptors{1'000'000, {}};
    for (int fd = 0; fd < 1024; ++fd)
        descriptors.listed.push_back(
            {fd, DescriptorKind::file, std::string(4000, 'x'), O_CLOEXEC, false});
    report.descriptors = descriptors;
    const std::string text = to_text(report);
    CHECK(text.size() < 16'000);
    CHECK(text.find("and 65520 more") != std::string::npos);
    CHECK(text.find("and 9991 more") != std::string::npos);
    CHECK(text.find("and 999984 more") != std::string::npos);
    for (const char c : text) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
}

TEST_CASE("to_text: the checklist has its marks in a column", "[checklist][unit]") {
    CHECK(to_text(std::vector<ChecklistLine>{{Mark::ok, "umask", "0027"},
                                             {Mark::warning, "session", "no"},
                                             {Mark::unknown, std::string(30, 'x'), "why"}}) ==
          "ok         umask                 0027\n"
          "warning    session               no\n"
          "not known  " +
              std::string(30, 'x') + " why\n");
}

TEST_CASE("measure_words: times, sizes and sets", "[inspect][unit]") {
    CHECK(uptime_words(0) == "0 s");
    CHECK(uptime_words(59) == "59 s");
    CHECK(uptime_words(60) == "1 min 0 s");
    CHECK(uptime_words(3599) == "59 min 59 s");
    CHECK(uptime_words(86'399) == "23 h 59 min");
    CHECK(uptime_words(86'400 * 400 + 3600) == "400 d 1 h");
    CHECK(size_words(0) == "0 B");
    CHECK(size_words(1023) == "1023 B");
    CHECK(size_words(1024) == "1.0 KiB");
    CHECK(size_words(1536) == "1.5 KiB");
    CHECK(size_words(200 * 1024) == "200 KiB");
    CHECK(size_words(~std::uint64_t{0}) == "15.9 EiB");
    CHECK(umask_words(0) == "0000");
    CHECK(umask_words(01777) == "1777");
    constexpr std::uint64_t all = 0x1ffffffffff;
    CHECK(capability_set_words(all, all) == "all");
    CHECK(capability_set_words(all & ~(std::uint64_t{1} << 24U), all) ==
          "all but CAP_SYS_RESOURCE");
    CHECK(capability_set_words(0, all) == "");
    CHECK(capability_set_words(1, all) == "CAP_CHOWN");
    CHECK(capability_words(std::uint64_t{1} << 63U) == "capability 63");
    CHECK(capability_words(std::uint64_t{1} << 40U) == "CAP_CHECKPOINT_RESTORE");
}

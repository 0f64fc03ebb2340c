// SPDX-License-Identifier: MIT
#include <daemonkit/detail/proc_text.hpp>

#include <daemonkit/detail/descriptor_kind.hpp>
#include <daemonkit/detail/process_place.hpp>
#include <daemonkit/detail/process_stat.hpp>
#include <daemonkit/detail/process_status.hpp>

#include "catch.hpp"

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>

using namespace daemonkit;
using namespace daemonkit::detail;
using Numbers = std::vector<int>;

namespace {

const std::string good_stat =
    "71 (thermod) S 1 71 70 34819 -1 4194560 143 0 0 0 0 18446744073709551615 0 0 20 -5 3 0 "
    "1380123 2564096 371 18446744073709551615 1 1 0 0 0 0 0 4096 16384 0 0 0 17 1 0 0 0 0 0\n";

const std::string good_status =
    "Name:\tthermod\nUmask:\t0027\nState:\tS (sleeping)\nTgid:\t71\nPid:\t71\nTracerPid:\t0\n"
    "Uid:\t0\t998\t998\t997\nGid:\t1\t2\t3\t4\nFDSize:\t64\nGroups:\t4 20 4294967294 \n"
    "NSpid:\t71\t5\nVmSize:\t    4000 kB\nVmHWM:\t    3000 kB\nVmRSS:\t    2000 kB\n"
    "VmSwap:\t       8 kB\nThreads:\t3\n"
    "SigPnd:\t0000000000000002\nShdPnd:\t0000000000000200\nSigBlk:\t8000000000000000\n"
    "SigIgn:\t0000000000001000\nSigCgt:\t0000000000004001\n"
    "CapInh:\t0000000000000001\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000400\n"
    "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";

/// The text without the line that begins so.
std::string without(std::string text, std::string_view label) {
    const auto begin = text.find(std::string(label));
    REQUIRE(begin != std::string::npos);
    return text.erase(begin, text.find('\n', begin) + 1 - begin);
}

/// The text with another word behind that label.
std::string with(std::string text, std::string_view label, std::string_view value) {
    const auto begin = text.find(std::string(label));
    REQUIRE(begin != std::string::npos);
    const auto from = begin + label.size();
    return text.replace(from, text.find('\n', from) - from, value);
}

ProcessReport report_of(const std::string& status) {
    ProcessReport report;
    fill_from_status(report, Known<std::string>(status));
    return report;
}

}  // namespace

TEST_CASE("proc_text: a line behind its label, and nothing of half a line", "[inspect][unit]") {
    constexpr std::string_view text = "A:\t1\nAB:\t2\nC:\nD:\t 17 kB\nE:\t12";
    CHECK(labelled(text, "A:") == "\t1");
    CHECK(labelled(text, "AB:") == "\t2");
    CHECK(labelled(text, "B:") == std::nullopt);
    CHECK(labelled(text, "E:") == std::nullopt);  // as many digits as were read, not as there are
    CHECK(*labelled_number<int>(text, "D:") == 17);
    CHECK(labelled_number<int>(text, "C:").error() == EBADMSG);
    CHECK(labelled_number<int>(text, "X:").error() == ENOTSUP);
    CHECK(labelled_number<int>("", "X:").error() == ENOTSUP);
}

TEST_CASE("proc_text: a number is the whole word, and fits", "[inspect][unit]") {
    CHECK(whole_number<int>("-12") == -12);
    CHECK(whole_number<unsigned>("17", 8) == 15U);
    CHECK(whole_number<std::uint64_t>("18446744073709551615") == ~std::uint64_t{0});
    for (const char* const word :
         {"", " ", "1 ", " 1", "1x", "x", "+1", "--1", "0x10", "1.0", "99999999999", "1\n"}) {
        CAPTURE(word);
        CHECK_FALSE(whole_number<int>(word));
    }
    CHECK_FALSE(whole_number<std::uint64_t>("18446744073709551616"));
    CHECK_FALSE(whole_number<unsigned>("-1"));
    CHECK_FALSE(whole_number<unsigned>("8", 8));
}

TEST_CASE("proc_text: a set of signals of any width", "[inspect][unit]") {
    const auto signals = [](const std::string& digits) {
        return labelled_signals("S:\t" + digits + "\n", "S:");
    };
    CHECK(*signals("0000000000000000") == Numbers{});
    CHECK(*signals("0000000000004001") == Numbers{1, 15});
    CHECK(*signals("8000000000000000") == Numbers{64});
    CHECK(*signals("80000000000000000000000000000001") == Numbers{1, 128});
    CHECK(signals("000g").error() == EBADMSG);
    CHECK(signals("").error() == EBADMSG);
    CHECK(signals("-1").error() == EBADMSG);
    CHECK(signals(std::string(65, '0')).error() == EBADMSG);
    CHECK(labelled_signals("", "S:").error() == ENOTSUP);
}

TEST_CASE("ProcessStat: the fields of the line", "[inspect][unit]") {
    const auto stat = parse_stat_line(good_stat);
    REQUIRE(stat);
    CHECK(stat->pid == 71);
    CHECK(stat->name == "thermod");
    CHECK(stat->state == ProcessState::sleeping);
    CHECK(stat->parent == 1);
    CHECK(stat->group == 71);
    CHECK(stat->session == 70);
    CHECK(stat->terminal == 34819);
    CHECK(stat->foreground_group == -1);
    CHECK_FALSE(stat->is_kernel_thread);
    CHECK(stat->nice == -5);
    CHECK(stat->threads == 3);
    CHECK(stat->start_ticks == 1380123);
}

TEST_CASE("ProcessStat: whatever the name of a process is, it is the name and nothing else",
          "[inspect][unit]") {
    for (const std::string& name :
         {std::string("a) R 1 ("), std::string(") Z 1 1 1"), std::string("("), std::string(")"),
          std::string(""), std::string(" "), std::string("a\nb) S"), std::string("\x80\xff"),
          std::string("kworker/u8:1-events_unbound_and_a_long_name")}) {
        CAPTURE(name);
        std::string text = good_stat;
        text.replace(text.find("thermod"), 7, name);
        const auto stat = parse_stat_line(text);
        REQUIRE(stat);
        CHECK(stat->name == name);
        CHECK(stat->state == ProcessState::sleeping);
        CHECK(stat->parent == 1);
        CHECK(stat->start_ticks == 1380123);
    }
}

TEST_CASE("ProcessStat: a line that is cut anywhere, or is something else, is no line",
          "[inspect][unit]") {
    for (std::size_t size = 0; size < good_stat.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(parse_stat_line(std::string_view(good_stat).substr(0, size)));
    }
    for (const char* const text : {"\n", " (", ") ", ") (\n", "( )\n", "1 () \n", "1 (x) S\n",
                                   "x (y) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
                                   "1 (y) SS 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
                                   "1 (y) S 1 1 1 1 1 z 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
                                   "1 (y) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1\n"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_stat_line(text));
    }
}

TEST_CASE("ProcessStat: terminals by their names", "[inspect][unit]") {
    const auto name = [](unsigned number) { return describe_terminal(number, -1)->name; };
    CHECK_FALSE(describe_terminal(0, 17));
    CHECK(name(34816) == "pts/0");
    CHECK(name(34819) == "pts/3");
    CHECK(name(137U << 8U | 2U) == "pts/258");
    CHECK(name(4U << 8U | 1U) == "tty1");
    CHECK(name(4U << 8U | 64U) == "ttyS0");
    CHECK(name(5U << 8U | 1U) == "console");
    CHECK(name(204U << 8U | 64U) == "device 204:64");
    CHECK(name(136U << 8U | 0x34U | 0x12U << 20U) == "pts/4660");  // twenty bits of number
    CHECK(describe_terminal(34816, 17)->foreground_group == 17);
    CHECK_FALSE(describe_terminal(34816, -1)->foreground_group);
}

TEST_CASE("process_status: ids, signals, capabilities and memory as they are told",
          "[inspect][unit]") {
    const ProcessReport report = report_of(good_status);
    REQUIRE(report.users);
    CHECK(report.users->real == 0);
    CHECK(report.users->effective == 998);
    CHECK(report.users->saved == 998);
    CHECK(report.users->file_system == 997);
    REQUIRE(report.groups);
    CHECK(report.groups->file_system == 4);
    REQUIRE(report.supplementary_groups);
    CHECK(*report.supplementary_groups == std::vector<gid_t>{4, 20, 4294967294U});
    REQUIRE(report.umask);
    CHECK(*report.umask == 0027);
    REQUIRE(report.signals);
    CHECK(report.signals->caught == Numbers{1, 15});
    CHECK(report.signals->ignored == Numbers{13});
    CHECK(report.signals->blocked == Numbers{64});
    CHECK(report.signals->pending == Numbers{2, 10});
    REQUIRE(report.capabilities);
    CHECK(report.capabilities->effective == 0x400);
    CHECK(report.capabilities->inheritable == 1);
    CHECK(report.capabilities->bounding == 0x1ffffffffff);
    CHECK(*report.no_new_privileges);
    CHECK(*report.seccomp == 2);
    CHECK(*report.tracer == 0);
    CHECK(*report.pid_inside == 5);
    REQUIRE(report.vitals.memory);
    CHECK(report.vitals.memory->resident == 2000 * 1024);
    CHECK(report.vitals.memory->peak == 3000 * 1024);
    CHECK(report.vitals.memory->address_space == 4000 * 1024);
    CHECK(report.vitals.memory->swapped == 8 * 1024);
}

TEST_CASE("process_status: what an older kernel does not tell is not known, and the rest is",
          "[inspect][unit]") {
    const auto lacks = [](const char* label) { return report_of(without(good_status, label)); };
    CHECK(lacks("Umask:").umask.error() == ENOTSUP);
    CHECK(lacks("NoNewPrivs:").no_new_privileges.error() == ENOTSUP);
    CHECK(lacks("Seccomp:").seccomp.error() == ENOTSUP);
    CHECK(lacks("NSpid:").pid_inside.error() == ENOTSUP);
    CHECK(lacks("Uid:").users.error() == ENOTSUP);
    CHECK(lacks("Groups:").supplementary_groups.error() == ENOTSUP);
    CHECK(lacks("SigCgt:").signals.error() == ENOTSUP);
    CHECK(lacks("ShdPnd:").signals.error() == ENOTSUP);
    CHECK(lacks("CapPrm:").capabilities.error() == ENOTSUP);
    CHECK(lacks("VmRSS:").vitals.memory.error() == ENOTSUP);
    CHECK(lacks("CapAmb:").capabilities->ambient == 0);   // older than the set itself
    CHECK(lacks("VmSwap:").vitals.memory->swapped == 0);  // a kernel without swap
    CHECK(lacks("Umask:").users);
}

TEST_CASE("process_status: what is told in no known form is not known", "[inspect][unit]") {
    const auto says = [](const char* label, const char* value) {
        return report_of(with(good_status, label, value));
    };
    for (const char* const value : {"\t1 2 3", "\t1 2 3 4 5", "\t1 2 3 x", "\t-1 2 3 4", ""}) {
        CAPTURE(value);
        CHECK(says("\nUid:", value).users.error() == EBADMSG);
    }
    CHECK(says("Umask:", "\t0089").umask.error() == EBADMSG);
    CHECK(says("SigIgn:", "\tx").signals.error() == EBADMSG);
    CHECK(says("CapAmb:", "\tx").capabilities.error() == EBADMSG);
    CHECK(says("VmRSS:", "\t18446744073709551615 kB").vitals.memory.error() == EBADMSG);
    CHECK(says("VmSwap:", "\t-1 kB").vitals.memory.error() == EBADMSG);
    CHECK(says("NSpid:", "").pid_inside.error() == EBADMSG);
    CHECK(report_of(good_status.substr(0, 40)).signals.error() == ENOTSUP);
    for (std::size_t size = 0; size < good_status.size(); ++size) {
        // Cut anywhere, a set is the one that was told, or not known.
        const ProcessReport report = report_of(good_status.substr(0, size));
        CHECK((!report.signals || report.signals->caught == Numbers{1, 15}));
        CHECK((!report.capabilities || report.capabilities->bounding == 0x1ffffffffff));
        CHECK((!report.users || report.users->file_system == 997));
        CHECK((!report.supplementary_groups || report.supplementary_groups->size() == 3));
    }
}

TEST_CASE("process_status: without the text, all of it is not known for that reason",
          "[inspect][unit]") {
    ProcessReport report;
    fill_from_status(report, Known<std::string>::unknown(EMFILE));
    CHECK(report.users.error() == EMFILE);
    CHECK(report.umask.error() == EMFILE);
    CHECK(report.signals.error() == EMFILE);
    CHECK(report.vitals.memory.error() == EMFILE);
    CHECK(report.pid_inside.error() == EMFILE);
}

TEST_CASE("process_status: limits by name, with and without a number", "[inspect][unit]") {
    const std::string text =
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max open files            1024                 1048576              files     \n"
        "Max cpu time              unlimited            unlimited            seconds   \n"
        "Max address space         18446744073709551614 unlimited            bytes     \n"
        "Max nice priority         0                    0                    \n";
    const auto limits = parse_limits(text);
    REQUIRE(limits);
    REQUIRE(limits->size() == 4);
    CHECK((*limits)[0].name == "Max open files");
    CHECK((*limits)[0].soft == 1024U);
    CHECK((*limits)[0].hard == 1048576U);
    CHECK((*limits)[0].unit == "files");
    CHECK_FALSE((*limits)[1].soft);
    CHECK((*limits)[2].soft == 18446744073709551614U);
    CHECK((*limits)[3].name == "Max nice priority");
    CHECK((*limits)[3].unit.empty());
    CHECK(parse_limits("").error() == EBADMSG);
    CHECK(parse_limits("\n").error() == EBADMSG);
    CHECK(parse_limits(text.substr(0, 80)).error() == EBADMSG);
    CHECK(parse_limits(text.substr(0, text.size() - 5)).error() == EBADMSG);
    CHECK(parse_limits("Limit Soft Limit\nx\n").error() == EBADMSG);
    CHECK(parse_limits("Limit Soft Limit\nMax x many 3\n").error() == EBADMSG);
}

TEST_CASE("process_place: the mount above a path is the longest, and the last of equals",
          "[inspect][unit]") {
    const std::string mounts =
        "22 1 254:0 / / rw - ext4 /dev/vda rw\n"
        "30 22 0:30 / /var rw - tmpfs tmpfs rw\n"
        "31 30 0:31 /x /var/lib/my\\040disk rw - ext4 /dev/vdb rw\n"
        "32 22 0:32 / /va rw - ext4 /dev/vdc rw\n"
        "half a line without an end /var/lib";
    const auto mount = [&](const char* path) { return parse_mount_point(mounts, path); };
    CHECK(*mount("/") == "/");
    CHECK(*mount("/home") == "/");
    CHECK(*mount("/var") == "/var");
    CHECK(*mount("/variable") == "/");
    CHECK(*mount("/var/lib") == "/var");
    CHECK(*mount("/var/lib/my disk") == "/var/lib/my disk");
    CHECK(*mount("/var/lib/my disk/a/b") == "/var/lib/my disk");
    CHECK(mount("(unreachable)/x").error() == ENOENT);
    CHECK(parse_mount_point("", "/").error() == ENOENT);
    CHECK(without_octal("a\\040b\\134c") == "a b\\c");
    CHECK(without_octal("\\") == "\\");
    CHECK(without_octal("\\04") == "\\04");
    CHECK(without_octal("\\999x") == "\\999x");
    CHECK(without_octal("\\777") == "\\777");
}

TEST_CASE("process_place: the control group of the hierarchy that is in use", "[inspect][unit]") {
    CHECK(*parse_cgroup("0::/system.slice/x.service\n") == "/system.slice/x.service");
    CHECK(*parse_cgroup("0::/\n") == "/");
    CHECK(*parse_cgroup("1:name=systemd:/a.service\n0::/\n") == "/a.service");
    CHECK(*parse_cgroup("1:name=systemd:/a\n0::/b\n") == "/b");
    CHECK(*parse_cgroup("0::/a:b\n") == "/a:b");
    CHECK(parse_cgroup("9:cpu:/x\n").error() == ENOTSUP);
    CHECK(parse_cgroup("0::/half").error() == ENOTSUP);
    CHECK(parse_cgroup(":::\n::\n0:\n\n").error() == ENOTSUP);
}

TEST_CASE("process_place: the number of a namespace", "[inspect][unit]") {
    CHECK(parse_namespace("net:[4026531833]", "net") == 4026531833U);
    for (const char* const link : {"", "net:[]", "net:[1", "net:1]", "mnt:[1]", "net:[x]", "net:"})
        CHECK_FALSE(parse_namespace(link, "net"));
}

TEST_CASE("descriptor_kind: what a descriptor is, whatever the names of files are",
          "[inspect][unit]") {
    const auto kind = [](const char* target) { return descriptor_kind(target); };
    CHECK(kind("/dev/null") == DescriptorKind::null);
    CHECK(kind("/dev/null (deleted)") == DescriptorKind::device);
    CHECK(kind("/dev/pts/3") == DescriptorKind::terminal);
    CHECK(kind("/dev/pts/ptmx") == DescriptorKind::device);
    CHECK(kind("/dev/tty1") == DescriptorKind::terminal);
    CHECK(kind("/dev/ttyS0") == DescriptorKind::terminal);
    CHECK(kind("/dev/console") == DescriptorKind::terminal);
    CHECK(kind("/dev/urandom") == DescriptorKind::device);
    CHECK(kind("/dev/shm/x") == DescriptorKind::file);
    CHECK(kind("/var/log/x (deleted)") == DescriptorKind::file);
    CHECK(kind("/tmp/socket:[1]") == DescriptorKind::file);
    CHECK(kind("(unreachable)/x") == DescriptorKind::file);
    CHECK(kind("(longer than a path may be)") == DescriptorKind::file);
    CHECK(kind("socket:[1]") == DescriptorKind::socket);
    CHECK(kind("pipe:[1]") == DescriptorKind::pipe);
    CHECK(kind("anon_inode:[eventpoll]") == DescriptorKind::anonymous);
    CHECK(kind("/memfd:x (deleted)") == DescriptorKind::anonymous);
    CHECK(kind("net:[4026531833]") == DescriptorKind::anonymous);
    CHECK(kind("") == DescriptorKind::anonymous);
}

TEST_CASE("descriptor_kind: flags and locks from fdinfo", "[inspect][unit]") {
    const auto filled = [](const char* text) {
        ProcessDescriptor descriptor;
        fill_from_fdinfo(descriptor, text);
        return descriptor;
    };
    const auto locked = filled(
        "pos:\t0\nflags:\t02100002\nmnt_id:\t27\nlock:\t1: FLOCK  ADVISORY  WRITE 71 fe:00:1 0 "
        "EOF\n");
    CHECK((*locked.flags & O_ACCMODE) == O_RDWR);
    CHECK((*locked.flags & O_CLOEXEC) != 0);
    CHECK(*locked.is_locked);
    CHECK_FALSE(*filled("flags:\t0100000\n").is_locked);
    CHECK(filled("pos:\t0\n").flags.error() == ENOTSUP);
    CHECK(filled("flags:\t9\n").flags.error() == EBADMSG);
    CHECK(filled("flags:\t9\n").is_locked.error() == EBADMSG);
}

TEST_CASE("proc_text: any change of a byte is read as something, or refused", "[inspect][unit]") {
    const std::string limits =
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max open files            1024                 1048576              files     \n";
    const std::string mounts = "30 22 0:30 / /var\\040x rw - tmpfs tmpfs rw\n";
    for (const std::string& good : {good_stat, good_status, limits, mounts}) {
        for (std::size_t at = 0; at < good.size(); ++at) {
            for (const char byte :
                 {'\0', '\n', ' ', '\t', ':', ')', '(', '-', '9', 'z', '\xff', '\\'}) {
                std::string text = good;
                text[at] = byte;
                // Each of them reads each text: that they read no further is for the sanitizers to say.
                static_cast<void>(parse_stat_line(text));
                static_cast<void>(report_of(text));
                static_cast<void>(parse_limits(text));
                static_cast<void>(parse_cgroup(text));
                static_cast<void>(parse_mount_point(text, "/var x/y"));
                static_cast<void>(parse_namespace(text, "net"));
                ProcessDescriptor descriptor;
                fill_from_fdinfo(descriptor, text);
                CHECK((descriptor.flags || !descriptor.is_locked));
            }
        }
    }
}

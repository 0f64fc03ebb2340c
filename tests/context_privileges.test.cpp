// SPDX-License-Identifier: MIT
// What the privileges of the options make of a daemon, as the kernel shows it from outside.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "not_tested.hpp"
#include "probes/private_dev.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>

#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// A line of /proc/PID/status, without its label.
std::string status_line(pid_t process, const std::string& label) {
    const std::string status = read_file("/proc/" + std::to_string(process) + "/status");
    const auto at = status.find("\n" + label + ":\t");
    if (at == std::string::npos) return "(no " + label + ")";
    const auto start = at + label.size() + 3;
    return status.substr(start, status.find('\n', start) - start);
}

std::string four(const std::string& id) { return id + "\t" + id + "\t" + id + "\t" + id; }

bool has_landlock() {
    constexpr long create_ruleset = 444;
    constexpr long whole = 3;
    return ::syscall(create_ruleset, nullptr, 0UL, 1U) >= whole;
}

// A root directory for a daemon that nobody may write in, with the folder of its files in it.
struct Jail : DaemonFiles {
    Jail() {
        jail = folder / "root";
        inside = jail + folder.path().string();
        fs::create_directories(inside);
        for (const std::string& each : {folder.path().string(), jail, inside})
            fs::permissions(each, fs::perms::all);
    }
    std::string inside;
};

constexpr int not_possible = 126;

// In the launcher: this machine does not allow what the test needs.
void require_here(bool worked) {
    if (!worked) ::_exit(not_possible);
}

}  // namespace

TEST_CASE(
    "DaemonContext: capabilities, no_new_privs, Landlock and seccomp are in force in the daemon",
    "[context][process][root]") {
    if (!has_landlock()) return not_tested("this kernel has no Landlock, or an old one");
    DaemonFiles files;
    fs::permissions(files.folder.path(), fs::perms::all);
    const std::string path = files.folder.path().string();
    const Words options{"--user",
                        "nobody",
                        "--capability",
                        std::to_string(CAP_NET_BIND_SERVICE),
                        "--no-new-privileges",
                        "--path",
                        "read_write:" + path,
                        "--forbid",
                        std::to_string(SYS_ptrace)};
    DaemonStart start(files.start(options));
    REQUIRE(why_not_up(start, files) == "");
    const pid_t daemon = start.daemon();
    CHECK(status_line(daemon, "Uid") == four("65534"));
    CHECK(status_line(daemon, "Gid") == four("65534"));
    CHECK(status_line(daemon, "Groups") == "65534 ");
    for (const char* const set : {"CapPrm", "CapEff", "CapBnd"})
        CHECK(status_line(daemon, set) == "0000000000000400");
    CHECK(status_line(daemon, "CapInh") == "0000000000000000");
    CHECK(status_line(daemon, "CapAmb") == "0000000000000000");
    CHECK(status_line(daemon, "NoNewPrivs") == "1");
    CHECK(status_line(daemon, "Seccomp") == "2");
    CHECK(DaemonStart::end(daemon, SIGTERM).exit_status == 0);
    CHECK_FALSE(fs::exists(files.pid_file));  // the rule lets it be removed, and so does the folder
}

TEST_CASE(
    "DaemonContext: an ordinary user's daemon can confine itself, and empties the pid file it may "
    "not remove",
    "[context][process]") {
    if (!has_landlock()) return not_tested("this kernel has no Landlock, or an old one");
    DaemonFiles files;
    const std::string own = files.folder / "own";
    fs::create_directory(own);
    files.witness = own + "/witness";
    files.report = own + "/report";
    DaemonStart start(files.start({"--no-new-privileges", "--path", "read_write:" + own, "--forbid",
                                   std::to_string(SYS_ptrace)}));
    REQUIRE(why_not_up(start, files) == "");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK(fs::exists(files.pid_file));
    CHECK(read_file(files.pid_file) == "");
    CHECK_FALSE(is_locked(files.pid_file));
    CHECK(why_no_clean_life(files, files.start()) == "");
}

TEST_CASE(
    "DaemonContext: without Landlock the start fails, or the launcher tells what is not in force",
    "[context][process][fault]") {
    const DaemonFiles files;
    const Words options{"--no-new-privileges", "--path", "read_write:/"};
    const std::string none = "DAEMONKIT_FAULT=landlock_create_ruleset:1:" + std::to_string(ENOSYS);
    DaemonStart required(files.start(options, "probe_daemon_fault"), {{none}, {}});
    CHECK(why_not_failed(required, files) == "");
    CHECK(required.await().exit_status == 71);
    CHECK(required.err() == "probe_daemon: confine: Landlock: Function not implemented\n");
    DaemonStart best(files.start(options + Words{"--best-effort"}, "probe_daemon_fault"),
                     {{none}, {}});
    REQUIRE(why_not_up(best, files) == "");
    CHECK(best.err() == "not in force: confine: Landlock: Function not implemented\n");
    CHECK(read_file(files.log).find("unconfined: confine: Landlock: Function not implemented\n") !=
          std::string::npos);
}

TEST_CASE("DaemonContext: what binds one thread is refused beside others, in the foreground too",
          "[context][process]") {
    const DaemonFiles files;
    const Words option = GENERATE(Words{"--no-new-privileges"}, Words{"--no-capabilities"},
                                  Words{"--path", "read:/"}, Words{"--forbid", "1"});
    const Words start_with = GENERATE(Words{"--foreground"}, Words{"--start-again"});
    CAPTURE(option.front(), start_with.front());
    DaemonStart start(files.start(option + start_with + Words{"--threads", "2"}));
    CHECK(why_not_failed(start, files) == "");
    CHECK(start.await().exit_status == 78);
    CHECK(start.err().find("probe_daemon: refuse_threads: ") == 0);
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE("DaemonContext: a drop that cannot be made is refused before a file is made",
          "[context][process]") {
    const DaemonFiles files;
    for (const auto& [option, value] : {std::pair{"--user", "no-such-user"},
                                        {"--group", "no-such-group"},
                                        {"--user", "4294967295"},
                                        {"--group", "4294967296"},
                                        {"--user", "-1"},
                                        {"--capability", "63"}}) {
        CAPTURE(option, value);
        DaemonStart start(files.start({option, value}));
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == (std::string(option) == "--capability" ? 77 : 78));
        CHECK(start.err().find(value) != std::string::npos);
        CHECK_FALSE(fs::exists(files.pid_file));
        CHECK_FALSE(fs::exists(files.log));
    }
}

// -- users that may do little -----------------------------------------------------------------------------------------

TEST_CASE("DaemonContext: who may nothing and can never gain anything has a daemon all the same",
          "[context][process]") {
    const DaemonFiles files;
    fs::permissions(files.folder.path(), fs::perms::all);
    const bool is_root = ::geteuid() == 0;
    const std::string user = is_root ? "54321" : std::to_string(::geteuid());
    const std::string group = is_root ? "54321" : std::to_string(::getegid());
    const Words wanted = GENERATE_COPY(Words{}, Words{"--user", user, "--group", group});
    if (!is_root && !wanted.empty() && ::getgroups(0, nullptr) > 1)
        return not_tested("this user is in more groups than its own");
    DaemonStart start(for_other_users(files, files.start(wanted)),
                      {{}, [] {
                           if (::geteuid() == 0) {
                               require_here(::setgroups(0, nullptr) == 0 && ::setgid(54321) == 0 &&
                                            ::setuid(54321) == 0);
                           }
                           require_here(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
                       }});
    REQUIRE(why_not_up(start, files) == "");
    CHECK(status_line(start.daemon(), "Uid") == four(user));
    CHECK(status_line(start.daemon(), "CapPrm") == "0000000000000000");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK_FALSE(fs::exists(files.pid_file));
}

TEST_CASE(
    "DaemonContext: as the root of a user namespace, what is right already stays, and the rest is "
    "refused",
    "[context][process][root]") {
    const DaemonFiles files;
    const auto start_with = [&](const gid_t group, const Words& options) {
        return DaemonStart(files.start(options),
                           {{}, [group] {
                                require_here(::setgroups(group == 0 ? 0 : 1, &group) == 0 &&
                                             ::unshare(CLONE_NEWUSER) == 0);
                                write_file("/proc/self/setgroups", "deny");
                                write_file("/proc/self/uid_map", "0 0 1");
                                write_file("/proc/self/gid_map", "0 0 1");
                                require_here(::geteuid() == 0 && ::getegid() == 0);
                            }});
    };
    SECTION("nothing is asked for, or what is there") {
        const Words options = GENERATE(Words{}, Words{"--user", "root"}, Words{"--group", "0"});
        DaemonStart start = start_with(0, options);
        if (start.await().exit_status == not_possible) return not_tested("no user namespace");
        CHECK(why_not_up(start, files) == "");
    }
    SECTION("a user that is not mapped") {
        DaemonStart start = start_with(0, {"--user", "nobody", "--group", "0"});
        if (start.await().exit_status == not_possible) return not_tested("no user namespace");
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 77);
        CHECK(start.err() == "probe_daemon: drop_privileges: user 65534: Invalid argument\n");
    }
    SECTION("a group that cannot be got rid of") {
        DaemonStart start = start_with(4, {"--user", "root"});
        if (start.await().exit_status == not_possible) return not_tested("no user namespace");
        CHECK(why_not_failed(start, files) == "");
        CHECK(start.await().exit_status == 77);
        CHECK(start.err() ==
              "probe_daemon: drop_privileges: supplementary groups: Operation not permitted\n");
    }
}

// -- rights that the program's file gives -----------------------------------------------------------------------------

TEST_CASE("DaemonContext: what a setuid or setgid program got from its file is given up",
          "[context][process][root]") {
    DaemonFiles files;
    fs::permissions(files.folder.path(), fs::perms::all);
    struct ::statvfs system {};
    REQUIRE(::statvfs(files.folder.path().c_str(), &system) == 0);
    if ((system.f_flag & ST_NOSUID) != 0) return not_tested("no setuid programs in this folder");
    struct Row {
        const char* name;
        uid_t owner;
        gid_t group;
        mode_t mode;
        Words options;
        const char* user_after;
    };
    const Row row = GENERATE(
        Row{"setuid root", 0, 0, 04755, {}, "12345"}, Row{"setuid", 54321, 0, 04755, {}, "12345"},
        Row{"setgid", 0, 4, 02755, {}, "12345"}, Row{"both", 0, 4, 06755, {}, "12345"},
        Row{"root, for another user",
            0,
            0,
            04755,
            {"--user", "54321", "--group", "12345"},
            "54321"});
    CAPTURE(row.name);
    const Words command = for_other_users(files, files.start(row.options));
    REQUIRE(::chown(command.front().c_str(), row.owner, row.group) == 0);
    REQUIRE(::chmod(command.front().c_str(), row.mode) == 0);
    DaemonStart start(command, {{}, [] {
                                    const gid_t groups[] = {12345, 23456};
                                    require_here(::setgroups(2, groups) == 0 &&
                                                 ::setgid(12345) == 0 && ::setuid(12345) == 0);
                                }});
    REQUIRE(why_not_up(start, files) == "");
    const pid_t daemon = start.daemon();
    CHECK(status_line(daemon, "Uid") == four(row.user_after));
    CHECK(status_line(daemon, "Gid") == four("12345"));
    CHECK(status_line(daemon, "Groups") == (row.options.empty() ? "12345 23456 " : "12345 "));
    CHECK(status_line(daemon, "CapPrm") == "0000000000000000");
    CHECK(status_line(daemon, "CapEff") == "0000000000000000");
}

// -- behind another root ----------------------------------------------------------------------------------------------

TEST_CASE("DaemonContext: in a root without /dev the streams lead to the null device",
          "[context][process][root]") {
    const Jail files;
    DaemonStart start({probe("probe_daemon"), "--pid-file", files.pid_file, "--chroot", files.jail,
                       "--directory", files.folder.path(), "--user", "nobody"});
    REQUIRE(start.await().exit_status == 0);
    const std::string proc = "/proc/" + std::to_string(start.daemon());
    CHECK(fs::read_symlink(proc + "/root") == files.jail);
    for (const char* const fd : {"/fd/0", "/fd/1", "/fd/2"}) {
        struct ::stat there {};
        struct ::stat null {};
        REQUIRE(::stat((proc + fd).c_str(), &there) == 0);
        REQUIRE(::stat("/dev/null", &null) == 0);
        CHECK(S_ISCHR(there.st_mode));
        CHECK(there.st_rdev == null.st_rdev);
    }
}

TEST_CASE(
    "DaemonContext: behind another root the pid file is emptied, and no other of its name is "
    "touched",
    "[context][process][root]") {
    const Jail files;
    const std::string namesake = files.jail + files.pid_file;
    write_file(namesake, "1\n");
    DaemonStart start(files.start({"--chroot", files.jail}));
    REQUIRE(why_not_up(start, files) == "");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK(fs::exists(files.pid_file));
    CHECK(read_file(files.pid_file) == "");
    CHECK_FALSE(is_locked(files.pid_file));
    CHECK(read_file(namesake) == "1\n");
    CHECK(why_no_clean_life(files, files.start({"--chroot", files.jail})) == "");
}

namespace {

// A time zone of five and a half hours, always: RFC 8536, version 1.
std::string zone_file() {
    std::string zone = "TZif" + std::string(16, '\0');
    const auto put = [&](unsigned number) {
        for (unsigned shift = 32; shift > 0;)
            zone += static_cast<char>(number >> (shift -= 8) & 0xffU);
    };
    for (const unsigned count : {0U, 0U, 0U, 0U, 1U, 4U}) put(count);
    put(19'800);
    return zone + std::string(2, '\0') + std::string("IST\0", 4);
}

}  // namespace

TEST_CASE("DaemonContext: behind another root the time zone is that of before",
          "[context][process][root]") {
    const Jail files;
    const std::string zone = files.folder / "zone";
    write_file(zone, zone_file());
    fs::permissions(zone, fs::perms::others_read, fs::perm_options::add);
    if (!fs::exists("/etc/localtime")) return not_tested("this machine has no time zone");
    Words options{"--chroot", files.jail, "--user", "nobody"};
    Surroundings surroundings;
    std::string name = ":/etc/localtime";
    SECTION("of the machine") {
        surroundings.prepare = [&] {
            ::unsetenv("TZ");
            require_here(::unshare(CLONE_NEWNS) == 0 &&
                         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount(zone.c_str(), "/etc/localtime", nullptr, MS_BIND, nullptr) == 0);
        };
    }
    SECTION("of a file that the environment names") {
        name = ":" + zone;
        surroundings.variables = {"TZ=" + name};
    }
    SECTION("that the options set") {
        name = "IST-5:30";
        surroundings.variables = {"TZ=UTC0"};
        options = options + Words{"--set", "TZ=" + name};
    }
    DaemonStart start(files.start(options), surroundings);
    if (start.await().exit_status == not_possible) return not_tested("no mounts of its own");
    REQUIRE(why_not_up(start, files) == "");
    const Report report(files.jail + files.report);
    CHECK(report["localtime_r"] == "2001-09-09 07:16:40");
    CHECK(report["localtime"] == "2001-09-09 07:16:40");
    CHECK(report["env.TZ"] == name);
}

namespace {

// A log daemon of this test's own, bound to a name in a folder.
class LogSocket {
public:
    explicit LogSocket(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        fs::permissions(path, fs::perms::all);
    }
    ~LogSocket() { ::close(fd_); }
    LogSocket(const LogSocket&) = delete;
    LogSocket& operator=(const LogSocket&) = delete;

    std::string receive() const {
        ::pollfd set{fd_, POLLIN, 0};
        std::array<char, 1024> line;
        if (::poll(&set, 1, static_cast<int>(longest_wait.count())) != 1) return "nothing came";
        const ssize_t size = ::recv(fd_, line.data(), line.size(), 0);
        return size < 0 ? "nothing" : std::string(line.data(), static_cast<std::size_t>(size));
    }

private:
    int fd_;
};

// In the launcher: /dev/log is the socket at the path, in a /dev of this process's own.
bool enter_dev_with_log(const std::string& path) {
    if (!enter_private_dev().empty()) return false;
    const int place = ::open("/dev/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    ::close(place);
    return ::mount(path.c_str(), "/dev/log", nullptr, MS_BIND, nullptr) == 0;
}

}  // namespace

TEST_CASE("DaemonContext: a log that was connected before the start is reached from another root",
          "[context][process][root]") {
    const Jail files;
    const std::string path = files.folder / "log-socket";
    const LogSocket log(path);
    const std::string kind = GENERATE("sink", "libc");
    DaemonStart start(files.start({"--chroot", files.jail, "--user", "nobody", "--syslog", kind}),
                      {{}, [&] { require_here(enter_dev_with_log(path)); }});
    if (start.await().exit_status == not_possible) return not_tested("no /dev of its own");
    REQUIRE(why_not_up(start, files) == "");
    const std::string line = log.receive();
    INFO(line);
    CHECK(line.rfind("<30>", 0) == 0);
    CHECK(line.find(" probe[" + std::to_string(start.daemon()) + "]: still here") !=
          std::string::npos);
}

TEST_CASE(
    "DaemonContext: where all descriptors are closed, no log line goes to what gets their numbers",
    "[context][process]") {
    const DaemonFiles files;
    const std::string path = files.folder / "log-socket";
    const LogSocket log(path);
    DaemonStart start(files.start({"--close", "all", "--syslog", "libc"}),
                      {{}, [&] { require_here(enter_dev_with_log(path)); }});
    if (start.await().exit_status == not_possible) return not_tested("no /dev of its own");
    REQUIRE(why_not_up(start, files) == "");
    CHECK(log.receive().find("[" + std::to_string(start.daemon()) + "]: still here") !=
          std::string::npos);
    CHECK(read_file(files.log).find("astray") == std::string::npos);
}

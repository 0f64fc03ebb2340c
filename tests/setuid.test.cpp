// SPDX-License-Identifier: MIT
// A setuid or setgid program in the hands of an ordinary user: what the user puts into its environment directs nothing
// that it does with the rights of its file.
#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "not_tested.hpp"
#include "notify_receiver.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

constexpr uid_t caller = 12345;

// A program whose file belongs to root, and what an ordinary user starts it with.
class Lent {
public:
    explicit Lent(mode_t mode) : mode_(mode) {
        fs::permissions(files.folder.path(), fs::perms::all);
    }

    bool is_possible() const {
        struct ::statvfs system {};
        return ::statvfs(files.folder.path().c_str(), &system) == 0 &&
               (system.f_flag & ST_NOSUID) == 0;
    }

    // The command with a copy of its program that has the mode, and root's group.
    Words command(const Words& given) const {
        Words lent = for_other_users(files, given);
        REQUIRE(::chown(lent.front().c_str(), 0, 0) == 0);
        REQUIRE(::chmod(lent.front().c_str(), mode_) == 0);
        return lent;
    }

    static Surroundings of_caller(const Words& variables, const std::function<void()>& more = {}) {
        return {
            variables, [more] {
                if (more) more();
                if (::setgroups(0, nullptr) != 0 || ::setgid(caller) != 0 || ::setuid(caller) != 0)
                    ::_exit(126);
            }};
    }

    bool is_setuid_or_setgid() const { return (mode_ & 06000U) != 0; }

    DaemonFiles files;

private:
    mode_t mode_;
};

mode_t any_mode() { return GENERATE(mode_t{0755}, mode_t{04755}, mode_t{02755}); }

void set_own_pid(const char* variable, const std::string& before, const std::string& after) {
    ::setenv(variable, (before + std::to_string(::getpid()) + after).c_str(), 1);
}

}  // namespace

TEST_CASE("worlds: whom a setuid or setgid program tells that it is ready, its caller does not say",
          "[worlds][setuid][context][process][root]") {
    const Lent lent(any_mode());
    if (!lent.is_possible()) return not_tested("no setuid programs in this folder");
    const NotifyReceiver manager(lent.files.folder / "notify");
    fs::permissions(manager.address(), fs::perms::all);
    DaemonStart start(lent.command(lent.files.start({"--detach", "automatic", "--status", "here"})),
                      Lent::of_caller({manager.variable()}));
    if (!lent.is_setuid_or_setgid()) {
        CHECK(manager.next().text == "STATUS=here");
        return;
    }
    REQUIRE(why_not_up(start, lent.files) == "");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
    CHECK(manager.next(0).text.empty());
    CHECK(Report(lent.files.report)["env.NOTIFY_SOCKET"] == "(no env.NOTIFY_SOCKET)");
}

TEST_CASE(
    "worlds: that a setuid or setgid program has failed is told to nobody that its caller names",
    "[worlds][setuid][context][process][root]") {
    const Lent lent(any_mode());
    if (!lent.is_possible()) return not_tested("no setuid programs in this folder");
    const NotifyReceiver manager(lent.files.folder / "notify");
    fs::permissions(manager.address(), fs::perms::all);
    DaemonStart start(lent.command(lent.files.start({"--foreground", "--group", "no such group"})),
                      Lent::of_caller({manager.variable()}));
    CHECK(start.await().exit_status == 78);
    CHECK(manager.next(0).text.empty() == lent.is_setuid_or_setgid());
}

TEST_CASE("worlds: a setuid or setgid program takes no descriptor that its caller hands over",
          "[worlds][setuid][listen_fds][process][root]") {
    const Lent lent(any_mode());
    if (!lent.is_possible()) return not_tested("no setuid programs in this folder");
    const std::string detach = GENERATE("automatic", "always");
    const std::string report = lent.files.folder / "listen";
    DaemonStart start(
        lent.command({probe("probe_listen"), report, "--when", "after", "--detach", detach}),
        Lent::of_caller({"LISTEN_FDS=1"}, [] {
            ::dup2(0, 3);
            set_own_pid("LISTEN_PID", "", "");
        }));
    start.await();
    REQUIRE(eventually([&] { return Report(report)["over"] == "yes"; }));
    const Report got(report);
    CHECK(got["size"] == (lent.is_setuid_or_setgid() ? "0" : "1"));
    CHECK(got["env.LISTEN_FDS"] == "(none)");
    // Nothing of what the caller says keeps it in the foreground, either.
    const bool detaches = lent.is_setuid_or_setgid() || detach == "always";
    CHECK((got["self"] != std::to_string(start.launcher())) == detaches);
}

TEST_CASE("worlds: the caller of a setuid or setgid program cannot pose as its launcher",
          "[worlds][setuid][start_again][process][root]") {
    const Lent lent(GENERATE(mode_t{04755}, mode_t{02755}));
    if (!lent.is_possible()) return not_tested("no setuid programs in this folder");
    int line[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) == 0);
    {
        DaemonStart start(lent.command(lent.files.start({"--start-again"})),
                          Lent::of_caller({}, [&] {
                              ::dup2(line[1], 50);
                              set_own_pid("DAEMONKIT_STARTED_AGAIN", "50:", ":1");
                          }));
        ::close(line[1]);
        REQUIRE(why_not_up(start, lent.files) == "");
        CHECK(start.daemon() != start.launcher());
    }
    char byte = 0;
    CHECK(::recv(line[0], &byte, 1, 0) == 0);
    ::close(line[0]);
}

TEST_CASE("worlds: a setuid or setgid program with threads is refused, and not started again",
          "[worlds][setuid][start_again][process][root]") {
    const Lent lent(any_mode());
    if (!lent.is_possible()) return not_tested("no setuid programs in this folder");
    DaemonStart start(lent.command(lent.files.start({"--start-again", "--threads", "1"})),
                      Lent::of_caller({}));
    if (!lent.is_setuid_or_setgid()) {
        CHECK(why_not_up(start, lent.files) == "");
        return;
    }
    CHECK(why_not_failed(start, lent.files) == "");
    CHECK(start.err().find("a setuid or setgid program is not started again") != std::string::npos);
}

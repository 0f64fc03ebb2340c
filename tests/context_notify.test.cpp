// SPDX-License-Identifier: MIT
// What service managers and supervisors are told of a start, by NOTIFY_SOCKET and by a descriptor.
#include "catch.hpp"
#include "daemon_files.hpp"
#include "notify_receiver.hpp"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit::testkit;

namespace {

/// Where a supervisor waits for a line: descriptor 30 of whoever is started.
class SupervisorPipe {
public:
    SupervisorPipe() {
        if (::pipe2(ends_, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    }
    ~SupervisorPipe() {
        ::close(ends_[0]);
        leave_to_the_other();
    }
    SupervisorPipe(const SupervisorPipe&) = delete;
    SupervisorPipe& operator=(const SupervisorPipe&) = delete;

    void hand_over() const { ::dup2(ends_[1], 30); }

    /// All that is written until nobody can write any more.
    std::string read_all() {
        leave_to_the_other();
        std::string all;
        char byte = 0;
        while (::read(ends_[0], &byte, 1) == 1) all += byte;
        return all;
    }

private:
    void leave_to_the_other() {
        if (ends_[1] >= 0) ::close(ends_[1]);
        ends_[1] = -1;
    }

    int ends_[2] = {-1, -1};
};

}  // namespace

TEST_CASE("DaemonContext: a service manager hears ready and stopping from the process it started",
          "[context][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const std::string close = GENERATE("not_close_on_exec", "all", "none");
    DaemonStart start(files.start({"--detach", "automatic", "--close", close}),
                      {{manager.variable()}});
    const Notification ready = manager.next();
    CHECK(ready.text == "READY=1");
    CHECK(ready.sender == start.launcher());
    REQUIRE(eventually([&] { return !read_file(files.report).empty(); }));
    CHECK(Report(files.report)["env.NOTIFY_SOCKET"] == "(no env.NOTIFY_SOCKET)");
    CHECK(::kill(start.launcher(), SIGTERM) == 0);
    const Notification stopping = manager.next();
    CHECK(stopping.text == "STOPPING=1");
    CHECK(stopping.sender == start.launcher());
    CHECK(start.await().exit_status == 0);
    CHECK(manager.next(0).text.empty());
}

TEST_CASE("DaemonContext: ready is told when the program says so, after what it is doing",
          "[context][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    DaemonStart start(files.start({"--detach", "automatic", "--ready", "notified", "--status",
                                   "loading", "--extend-ms", "60000"}),
                      {{manager.variable()}});
    std::string all;
    for (std::string text; text != "READY=1";) {
        text = manager.next().text;
        REQUIRE_FALSE(text.empty());
        all += text + "|";
    }
    CHECK(all.find("STATUS=loading|") != std::string::npos);
    CHECK(all.find("EXTEND_TIMEOUT_USEC=60000000|") != std::string::npos);
}

TEST_CASE("DaemonContext: a daemon that detaches tells a service manager who it is",
          "[context][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager("@" + files.folder.path().string());
    DaemonStart start(files.start({"--detach", "always"}), {{manager.variable()}});
    CHECK(start.await().exit_status == 0);
    const pid_t daemon = start.daemon();
    Notification first = manager.next();
    CHECK(first.text == "MAINPID=" + std::to_string(daemon) + "\nMAINPIDFD=1");
    CHECK(first.sender == daemon);
    NotifyReceiver::close_all(first);
    CHECK(manager.next().text == "READY=1");
    CHECK(DaemonStart::end(daemon, SIGTERM).exit_status == 0);
    CHECK(manager.next().text == "STOPPING=1");
}

TEST_CASE("DaemonContext: a number that no supervisor has given is not taken from the start itself",
          "[context][process]") {
    // Nothing stands there when the program starts: the next descriptors that the start opens get these numbers.
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const std::string fd = GENERATE("3", "4", "5", "6", "7", "8", "9");
    const std::string detach = GENERATE("automatic", "always");
    CAPTURE(fd, detach);
    DaemonStart start(files.start({"--detach", detach, "--notification-fd", fd}),
                      {{manager.variable()}});
    Notification ready = manager.next();
    if (detach == "always") {
        NotifyReceiver::close_all(ready);  // the main process
        ready = manager.next();
    }
    CHECK(ready.text == "READY=1");
    if (detach == "always") {
        CHECK(start.await().exit_status == 0);
        CHECK(DaemonStart::end(ready.sender, SIGTERM).exit_status == 0);
    } else {
        CHECK(::kill(ready.sender, SIGTERM) == 0);
        CHECK(start.await().exit_status == 0);
    }
    CHECK(manager.next(0).text == "STOPPING=1");
}

TEST_CASE("DaemonContext: a start that fails tells why, and never that it is ready",
          "[context][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const std::string missing = files.folder / "missing";
    const std::string detach = GENERATE("automatic", "always");
    DaemonStart start(files.start({"--detach", detach, "--directory", missing}),
                      {{manager.variable()}});
    CHECK(start.await().exit_status == 78);
    const Notification told = manager.next();
    CHECK(told.text == "STATUS=change_directory: " + missing +
                           ": No such file or directory\nERRNO=2\nEXIT_STATUS=78");
    CHECK(told.sender == start.launcher());
    CHECK(manager.next(0).text.empty());
}

TEST_CASE("run: what fails in the body is told to a service manager, before ready and after it",
          "[context][run][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const std::string body = GENERATE("error_early", "throw_late");
    DaemonStart start(
        {probe("probe_run"), files.folder.path(), body, "--foreground", "--ready", "notified"},
        {{manager.variable()}});
    const int status = start.await().exit_status;
    std::string all;
    for (std::string text = manager.next().text; !text.empty(); text = manager.next(0).text)
        all += text + "|";
    const std::string end = "\nEXIT_STATUS=" + std::to_string(status) + "|STOPPING=1|";
    CAPTURE(all);
    if (body == "error_early") {
        CHECK(all == "STATUS=application: the cellar: locked (Permission denied)\nERRNO=13" + end);
    } else {
        CHECK(all == "READY=1|STATUS=the roof has gone" + end);
    }
}

TEST_CASE("DaemonContext: in a new root and as another user the service manager still hears",
          "[context][process][root]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const std::string root = files.folder / "root";
    REQUIRE(::mkdir(root.c_str(), 0755) == 0);
    DaemonStart start({probe("probe_daemon"), "--detach", "automatic", "--chroot", root, "--user",
                       "65534", "--group", "65534"},
                      {{manager.variable()}});
    CHECK(manager.next().text == "READY=1");
    CHECK(::kill(start.launcher(), SIGTERM) == 0);
    CHECK(manager.next().text == "STOPPING=1");
    CHECK(start.await().exit_status == 0);
}

TEST_CASE("DaemonContext: a NOTIFY_SOCKET that leads nowhere holds nothing up",
          "[context][process]") {
    const DaemonFiles files;
    const std::string address = GENERATE(as<std::string>{}, "", "@", "relative", "/missing/socket",
                                         "vsock:1:1234", std::string(4096, 'x'));
    DaemonStart start(files.start({"--detach", "always"}), {{"NOTIFY_SOCKET=" + address}});
    CHECK(start.await().exit_status == 0);
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
}

TEST_CASE("DaemonContext: a NOTIFY_SOCKET that is full holds nothing up", "[context][process]") {
    const DaemonFiles files;
    const NotifyReceiver manager(files.folder / "notify");
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    manager.address().copy(address.sun_path, sizeof address.sun_path - 1);
    while (::sendto(fd, "x", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) == 1)
        continue;
    ::close(fd);
    DaemonStart start(files.start({"--detach", "automatic"}), {{manager.variable()}});
    REQUIRE(eventually([&] { return !read_file(files.report).empty(); }));
    CHECK(::kill(start.launcher(), SIGTERM) == 0);
    CHECK(start.await().exit_status == 0);
}

TEST_CASE("DaemonContext: a supervisor gets its line when the daemon is ready, in the foreground",
          "[context][process]") {
    const DaemonFiles files;
    const std::string close = GENERATE("not_close_on_exec", "all");
    SupervisorPipe supervisor;
    DaemonStart start(
        files.start({"--detach", "automatic", "--notification-fd", "30", "--close", close}),
        {{}, [&] { supervisor.hand_over(); }});
    CHECK(supervisor.read_all() == "\n");  // to its end: the daemon has closed it
    REQUIRE(eventually([&] { return !read_file(files.report).empty(); }));
    const Report report(files.report);
    CHECK(report["pid"] == std::to_string(start.launcher()));
    CHECK(::kill(start.launcher(), SIGTERM) == 0);
    CHECK(start.await().exit_status == 0);
}

TEST_CASE("DaemonContext: a supervisor gets no line from a start that fails",
          "[context][process]") {
    const DaemonFiles files;
    SupervisorPipe supervisor;
    DaemonStart start(files.start({"--detach", "automatic", "--notification-fd", "30",
                                   "--directory", files.folder / "missing"}),
                      {{}, [&] { supervisor.hand_over(); }});
    CHECK(supervisor.read_all().empty());
    CHECK(start.await().exit_status == 78);
}

TEST_CASE("DaemonContext: a supervisor that is gone, or never was, ends nothing",
          "[context][process]") {
    const DaemonFiles files;
    const std::string there = GENERATE("a pipe without a reader", "nothing", "a file");
    CAPTURE(there);
    const std::string file = files.folder / "file";
    write_file(file, "untouched");
    const auto prepare = [&] {
        int ends[2];
        if (there == "a pipe without a reader" && ::pipe(ends) == 0) {
            ::dup2(ends[1], 30);
            ::close(ends[0]);
        }
        if (there == "a file") ::dup2(::open(file.c_str(), O_RDWR | O_CLOEXEC), 30);
    };
    DaemonStart start(files.start({"--notification-fd", "30", "--detach", "always"}),
                      {{}, prepare});
    CHECK(start.await().exit_status == 0);
    CHECK(read_file(file) == "untouched");
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
}

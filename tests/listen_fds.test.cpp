// SPDX-License-Identifier: MIT
#include <daemonkit/listen_fds.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

/// What a manager opens; each word is one descriptor, from 3 on.
using Kinds = std::vector<std::string>;

int listening(const std::string& path, int type) {
    const int fd = ::socket(AF_UNIX, type, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(71);
    if (type != SOCK_DGRAM && ::listen(fd, 1) != 0) ::_exit(71);
    return fd;
}

int open_kind(const std::string& kind, const std::string& path) {
    int ends[2] = {-1, -1};
    if (kind == "stream") return listening(path, SOCK_STREAM);
    if (kind == "packets") return listening(path, SOCK_SEQPACKET);
    if (kind == "datagram") return listening(path, SOCK_DGRAM);
    if (kind == "connection")
        return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? ends[0] : -1;
    if (kind == "fifo")
        return ::mkfifo(path.c_str(), 0600) == 0 ? ::open(path.c_str(), O_RDWR) : -1;
    if (kind == "device") return ::open("/dev/zero", O_RDONLY);
    if (kind == "file") return ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
    if (kind == "folder") return ::open("/", O_RDONLY);
    return -1;
}

/// A start by a service manager that hands over what `kinds` says; "closed" is a gap.
class Activation {
public:
    Activation(Kinds kinds, Words variables, Words options = {})
        : start_(
              Words{DAEMONKIT_PROBE_DIR "/probe_listen", report_path()} + options,
              {.variables = std::move(variables), .prepare = [this, kinds] { hand_over(kinds); }}) {
        start_.await();
        if (!eventually([&] { return Report(report_path())["over"] == "yes"; }))
            throw std::runtime_error("the probe does not end: " + read_file(report_path()));
    }

    Report report() const { return Report(report_path()); }
    std::string operator[](const std::string& key) const { return report()[key]; }
    pid_t launcher() const noexcept { return start_.launcher(); }

private:
    std::string report_path() const { return folder_ / "report"; }

    // In the process that becomes the probe. High numbers first: what is opened must not be what is replaced.
    void hand_over(const Kinds& kinds) const {
        constexpr int high = 100;
        int count = 0;
        for (const auto& kind : kinds) {
            const int fd = open_kind(kind, folder_ / ("at" + std::to_string(count)));
            if (fd >= 0) ::dup2(fd, high + count);
            ++count;
        }
        for (int i = 0; i < count; ++i)
            if (::dup2(high + i, 3 + i) < 0) ::close(3 + i);
        for (int fd = 3 + count; fd < high + count; ++fd) ::close(fd);
        const std::string pid = std::to_string(::getpid());
        for (const char* const name : {"LISTEN_PID", "WATCHDOG_PID"}) {
            const char* const wanted = std::getenv(name);
            if (wanted != nullptr && std::string(wanted) == "self") ::setenv(name, pid.c_str(), 1);
        }
    }

    TempFolder folder_;
    DaemonStart start_;
};

const Words for_us{"LISTEN_PID=self"};

}  // namespace

TEST_CASE("ListenFds: every kind is told by the kernel, each with its name",
          "[listen_fds][process]") {
    const Activation got(
        {"stream", "datagram", "packets", "connection", "fifo", "device", "file", "folder"},
        for_us + Words{"LISTEN_FDS=8", "LISTEN_FDNAMES=web:log:bus:peer:pipe:zero:store:"});
    const std::vector<std::vector<std::string>> expected{{"web", "a listening stream socket"},
                                                         {"log", "a datagram socket"},
                                                         {"bus", "a listening socket of packets"},
                                                         {"peer", "a connection"},
                                                         {"pipe", "a named pipe"},
                                                         {"zero", "a device or a file"},
                                                         {"store", "a device or a file"},
                                                         {"", "something else"}};
    REQUIRE(got["size"] == "8");
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::string key = std::to_string(i);
        CHECK(got[key + ".name"] == expected[i][0]);
        CHECK(got[key + ".kind"] == expected[i][1]);
        CHECK(got[key + ".fd"] == std::to_string(3 + i));
        CHECK(got[key + ".close_on_exec"] == "1");
    }
    CHECK(got["open.3"] == "no");
}

TEST_CASE("ListenFds: the variables are taken once", "[listen_fds][process]") {
    const Activation got({"stream"},
                         for_us + Words{"LISTEN_FDS=1", "LISTEN_PIDFDID=7", "LISTEN_FDNAMES=web"});
    CHECK(got["size"] == "1");
    CHECK(got["again"] == "0");
    for (const char* const name : {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        CHECK(got[std::string("env.") + name] == "(none)");
}

TEST_CASE("ListenFds: what is meant for another process is left alone, and is not passed on",
          "[listen_fds][process]") {
    const std::string pid = GENERATE(as<std::string>{}, "1", "0", "-1", "", " 1", "garbage",
                                     "4294967297", "99999999999999999999");
    const Activation got({"stream"}, {"LISTEN_PID=" + pid, "LISTEN_FDS=1"});
    CHECK(got["size"] == "0");
    CHECK(got["open.3"] == "yes");
    CHECK(got["env.LISTEN_FDS"] == "(none)");
    CHECK(got["env.LISTEN_PID"] == "(none)");
}

TEST_CASE("ListenFds: without variables there is nothing", "[listen_fds][process]") {
    const bool has_pid = GENERATE(false, true);
    const Activation got({"stream"}, has_pid ? for_us : Words{});
    CHECK(got["size"] == "0");
    CHECK(got["open.3"] == "yes");
}

TEST_CASE("ListenFds: a count that is none is refused with its text", "[listen_fds][process]") {
    const std::string count = GENERATE(as<std::string>{}, "-1", "3x", "", " 1", "+1", "0x1",
                                       "2147483645", "4294967297", "99999999999999999999");
    const Activation got({"stream"}, for_us + Words{"LISTEN_FDS=" + count});
    CHECK(got["error"] == "take_descriptors");
    CHECK(got["message"] == "take_descriptors: LISTEN_FDS: \"" + count +
                                "\" is not a number of descriptors (Invalid argument)");
    CHECK(got["status"] == "78");
    CHECK(got["env.LISTEN_FDS"] == "(none)");
}

TEST_CASE("ListenFds: a descriptor that is promised and not open is named",
          "[listen_fds][process]") {
    const std::string count = GENERATE(as<std::string>{}, "3", "2147483644");
    const Activation got({"stream", "closed", "stream"}, for_us + Words{"LISTEN_FDS=" + count});
    CHECK(got["message"] ==
          "take_descriptors: descriptor 4: LISTEN_FDS tells of it, and it is not open "
          "(Bad file descriptor)");
}

TEST_CASE(
    "ListenFds: what the daemon itself has opened is not taken for what is promised and not open",
    "[listen_fds][context][process]") {
    const std::string detach = GENERATE("automatic", "always");
    const TempFolder folder;
    const Activation got({"closed"}, for_us + Words{"LISTEN_FDS=1"},
                         {"--when", "after", "--detach", detach, "--pid-file", folder / "pid"});
    CHECK(got["message"] ==
          "take_descriptors: descriptor 3: LISTEN_FDS tells of it, and this program has opened it "
          "(Bad file descriptor)");
}

TEST_CASE("ListenFds: as many names as descriptors, or none at all", "[listen_fds][process]") {
    const std::string names = GENERATE_COPY(as<std::string>{}, "one", "one:two:three", ":::", "",
                                            std::string(100'000, ':'));
    const Activation got({"stream", "datagram"},
                         for_us + Words{"LISTEN_FDS=2", "LISTEN_FDNAMES=" + names});
    CHECK(got["message"] ==
          "take_descriptors: LISTEN_FDNAMES: there are not as many names as descriptors "
          "(Invalid argument)");
    const Activation nameless({"stream", "datagram"}, for_us + Words{"LISTEN_FDS=2"});
    CHECK(nameless["size"] == "2");
    CHECK(nameless["1.name"].empty());
}

TEST_CASE("ListenFds: a name may hold any byte", "[listen_fds][process]") {
    const Activation got({"stream", "stream"},
                         for_us + Words{"LISTEN_FDS=2", "LISTEN_FDNAMES=\x01\xff%s:*"});
    CHECK(got["0.name"] == "\x01\xff%s");
    CHECK(got["1.name"] == "*");
}

TEST_CASE("ListenFds: what is taken by name has to be of the kind that is asked for",
          "[listen_fds][process]") {
    const Words variables = for_us + Words{"LISTEN_FDS=2", "LISTEN_FDNAMES=web:log"};
    const Activation right({"stream", "datagram"}, variables, {"--take", "log:datagram"});
    CHECK(right["taken"] == "4");
    CHECK(right["left"] == "1");
    const Activation absent({"stream", "datagram"}, variables, {"--take", "bus:stream"});
    CHECK(absent["taken"] == "(none)");
    CHECK(absent["left"] == "2");
    const Activation wrong({"stream", "datagram"}, variables, {"--take", "web:datagram"});
    CHECK(wrong["message"] ==
          "take_descriptors: web: it is a listening stream socket, not a datagram socket "
          "(Socket operation on non-socket)");
    CHECK(wrong["errno"] == std::to_string(ENOTSOCK));
}

TEST_CASE("ListenFds: after the context, with and without a fork, all of it arrives",
          "[listen_fds][context][process]") {
    const std::string detach = GENERATE("automatic", "always");
    const Activation got(
        {"stream", "fifo"},
        for_us + Words{"LISTEN_FDS=2", "LISTEN_FDNAMES=web:pipe", "WATCHDOG_PID=self"},
        {"--when", "after", "--detach", detach});
    CHECK(got["size"] == "2");
    CHECK(got["0.kind"] == "a listening stream socket");
    CHECK(got["1.name"] == "pipe");
    CHECK((got["self"] == std::to_string(got.launcher())) == (detach == "automatic"));
    CHECK(got["env.WATCHDOG_PID"] == got["self"]);
    CHECK(got["env.given.LISTEN_PID"] == got["self"]);
}

TEST_CASE(
    "DaemonContext: the second name of the process that sockets are for goes with the launcher",
    "[listen_fds][context][process]") {
    const std::string detach = GENERATE("automatic", "always");
    const Activation got({"stream"}, for_us + Words{"LISTEN_FDS=1", "LISTEN_PIDFDID=7"},
                         {"--when", "after", "--detach", detach});
    CHECK(got["env.given.LISTEN_PIDFDID"] == (detach == "always" ? "(none)" : "7"));
    CHECK(got["size"] == "1");
}

TEST_CASE(
    "ListenFds: a program that is started again in the daemon finds what the launcher was given",
    "[listen_fds][context][process]") {
    const Activation got({"stream", "fifo"},
                         for_us + Words{"LISTEN_FDS=2", "LISTEN_FDNAMES=web:pipe",
                                        "LISTEN_PIDFDID=7", "WATCHDOG_PID=self"},
                         {"--when", "after", "--detach", "always", "--threads", "start_again"});
    CHECK(got["self"] != std::to_string(got.launcher()));
    CHECK(got["env.given.LISTEN_PID"] == got["self"]);
    CHECK(got["env.given.LISTEN_PIDFDID"] == "(none)");
    CHECK(got["env.WATCHDOG_PID"] == got["self"]);
    CHECK(got["size"] == "2");
    CHECK(got["0.kind"] == "a listening stream socket");
    CHECK(got["1.name"] == "pipe");
}

TEST_CASE("DaemonContext: variables of another process stay so in a program that is started again",
          "[listen_fds][context][process]") {
    const Activation got({"stream"}, {"LISTEN_PID=1", "LISTEN_FDS=1", "WATCHDOG_PID=1"},
                         {"--when", "after", "--detach", "always", "--threads", "start_again"});
    CHECK(got["env.given.LISTEN_PID"] == "1");
    CHECK(got["env.given.WATCHDOG_PID"] == "1");
    CHECK(got["size"] == "0");
    CHECK(got["open.3"] == "no");
}

TEST_CASE("ListenFds: made before the context, its descriptors live through the forks",
          "[listen_fds][context][process]") {
    const Activation got({"stream", "fifo"}, for_us + Words{"LISTEN_FDS=2"},
                         {"--when", "before", "--detach", "always"});
    CHECK(got["self"] != std::to_string(got.launcher()));
    CHECK(got["size"] == "2");
    CHECK(got["0.close_on_exec"] == "1");
    CHECK(got["1.close_on_exec"] == "1");
}

TEST_CASE("ListenFds: after a context that closes all else, too",
          "[listen_fds][context][process]") {
    const Activation got({"stream"}, for_us + Words{"LISTEN_FDS=1"},
                         {"--when", "after", "--detach", "always", "--close", "all"});
    CHECK(got["size"] == "1");
}

TEST_CASE("DaemonContext: what is handed over goes with its variables",
          "[listen_fds][context][process]") {
    const Activation got({"stream"}, for_us + Words{"LISTEN_FDS=1"},
                         {"--when", "after", "--detach", "always", "--environment", "only_listed"});
    CHECK(got["size"] == "0");
    CHECK(got["open.3"] == "no");
}

TEST_CASE("DaemonContext: variables that name another process are nobody's after it",
          "[listen_fds][context][process]") {
    const Activation got({"stream"}, {"LISTEN_PID=1", "LISTEN_FDS=1", "WATCHDOG_PID=1"},
                         {"--when", "after", "--detach", "always"});
    CHECK(got["env.given.LISTEN_PID"] == "1");
    CHECK(got["env.given.WATCHDOG_PID"] == "1");
    CHECK(got["size"] == "0");
    CHECK(got["open.3"] == "no");
}

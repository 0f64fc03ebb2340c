// SPDX-License-Identifier: MIT
// A control socket among processes: who makes it, who finds it, who may ask, and what is left.
#include <daemonkit/control_client.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "control_clients.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "running_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

// A daemon that serves the socket at that path, until it is told to stop.
class Served {
public:
    explicit Served(const std::string& path, const std::vector<std::string>& verbs = {})
        : path_(path), program_(command(path, verbs)), pid_(program_.await("ready")) {}

    static std::vector<std::string> command(const std::string& path,
                                            const std::vector<std::string>& verbs) {
        std::vector<std::string> all{probe("probe_control"), path};
        all.insert(all.end(), verbs.begin(), verbs.end());
        return all;
    }
    const std::string& pid() const { return pid_; }
    RunningProgram& program() { return program_; }
    void expect_served() const { CHECK(ask(path_, {"echo", "good"}).text == "good"); }
    void stop() {
        CHECK(ask(path_, {"stop"}).text == "stopping");
        CHECK(program_.await_end() == 0);
    }

private:
    std::string path_;
    RunningProgram program_;
    std::string pid_;
};

Finished start(const std::string& path, const std::vector<std::string>& verbs = {}) {
    Finished finished = run_program(Served::command(path, verbs));
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    return finished;
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.push_back(entry.path().filename());
    return names;
}

}  // namespace

TEST_CASE("ControlSocket: a second daemon is refused by the first one's pid, and disturbs nothing",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    Served first(path);
    const Finished second = start(path);
    CHECK(second.exit_status == 75);
    CHECK(second["message"] == "open_control_socket: " + path + ": already running as pid " +
                                   first.pid() + " (Address already in use)");
    first.expect_served();
    first.stop();
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("ControlSocket: a daemon that is stopped by SIGSTOP is still there",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    Served first(path);
    first.program().signal(SIGSTOP);
    CHECK(start(path).exit_status == 75);
    first.program().signal(SIGCONT);
    first.expect_served();
    first.stop();
}

TEST_CASE("ControlSocket: what a killed daemon has left is replaced", "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    {
        Served first(path);
        first.program().signal(SIGKILL);
        CHECK(first.program().await_end() == 128 + SIGKILL);
    }
    REQUIRE(fs::is_socket(path));
    CHECK_THROWS_AS(ask(path, {"echo", "x"}), Error);
    Served second(path);
    second.expect_served();
    second.stop();
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("ControlSocket: of many that start at once over a dead one's socket, one is served",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    {
        Served dead(path);
        dead.program().signal(SIGKILL);
        dead.program().await_end();
    }
    std::vector<std::unique_ptr<RunningProgram>> starters;
    for (int i = 0; i < 12; ++i)
        starters.push_back(std::make_unique<RunningProgram>(Served::command(path, {})));
    int served = 0;
    int refused = 0;
    for (const auto& starter : starters) {
        try {
            starter->await("ready");
            ++served;
        } catch (const std::runtime_error&) {  // it has ended
            refused += starter->await_end() == 75;
        }
    }
    CHECK(served == 1);
    CHECK(refused == 11);
    CHECK(ask(path, {"stop"}).status == 0);
    CHECK(comes_to_hold([&] { return names_in(folder.path()).empty(); }));
}

TEST_CASE("ControlSocket: what is no socket is refused and left alone",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const std::string kind = GENERATE("file", "folder", "fifo", "link", "dangling link");
    if (kind == "file") std::ofstream(path) << "precious";
    if (kind == "folder") fs::create_directory(path);
    if (kind == "fifo") REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    if (kind == "link") {
        std::ofstream(folder / "target") << "precious";
        fs::create_symlink(folder / "target", path);
    }
    if (kind == "dangling link") fs::create_symlink(folder / "nothing", path);
    const auto before = fs::symlink_status(path);
    const Finished finished = start(path);
    CHECK(finished.exit_status == 73);
    CHECK(finished["message"] == "open_control_socket: " + path +
                                     ": a file that is no socket stands there, and is left alone "
                                     "(File exists)");
    CHECK(fs::symlink_status(path).type() == before.type());
    CHECK(names_in(folder.path()).size() == (kind == "link" ? 2 : 1));
}

TEST_CASE("ControlSocket: a socket of another kind is left alone", "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const int other = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(other, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const Finished finished = start(path);
    CHECK(finished.exit_status == 73);
    CHECK(finished["errno"] == std::to_string(EPROTOTYPE));
    CHECK(fs::is_socket(path));
    ::close(other);
}

TEST_CASE("ControlSocket: a path that cannot be one is told with what to do",
          "[control_socket][process]") {
    const TempFolder folder;
    const Finished absent = start(folder / "absent/control");
    CHECK(absent.exit_status == 73);
    CHECK(absent["message"].find("the directory has to be made first") != std::string::npos);

    const std::string base = folder / "";
    const std::string longest = base + std::string(101 - base.size(), 'c');
    Served fits(longest);
    CHECK(ask(longest, {"echo", "fits"}).text == "fits");
    fits.stop();
    const Finished too_long = start(longest + "c");
    CHECK(too_long.exit_status == 78);
    CHECK(too_long["message"].find("has at most 101 bytes here") != std::string::npos);
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("ControlSocket: the mode is what was asked for under any umask",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    // An ordinary user, whom a umask can keep out of what is its own.
    const auto under = [](const std::string& umask) {
        std::vector<std::string> verbs{"umask:" + umask};
        if (::geteuid() == 0) verbs.emplace_back("ids:65534:65534");
        return verbs;
    };
    if (::geteuid() == 0) REQUIRE(::chown(folder.path().c_str(), 65534, 65534) == 0);
    for (const std::string umask : {"0", "0077", "0177", "0477", "0777"}) {
        Served daemon(path, under(umask));
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 07777) == 0660);
        daemon.expect_served();
        daemon.stop();
    }
    // Where others could put something else in its place, nothing is changed by its name.
    fs::permissions(folder.path(), fs::perms::all);
    const Finished open_to_all = start(path, under("0777"));
    CHECK(open_to_all.exit_status == 77);
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE(
    "ControlSocket: what a maker has left that was killed at its work does not keep out the next",
    "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    fs::create_directory(path + ".new");
    fs::permissions(path + ".new", fs::perms::owner_all);
    std::ofstream(path + ".new/s").flush();
    std::ofstream(path + ".lock").flush();
    Served daemon(path);
    daemon.expect_served();
    daemon.stop();
    CHECK(names_in(folder.path()).empty());

    std::ofstream(path + ".new") << "precious";
    const Finished in_the_way = start(path);
    CHECK(in_the_way.exit_status == 73);
    CHECK(in_the_way["message"].find("it stands in the way, and has to be removed") !=
          std::string::npos);
    CHECK(fs::file_size(path + ".new") == 8);
}

TEST_CASE("ControlSocket: a socket of the same name that is not its own outlives the daemon",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    Served first(path);
    RawClient client(path);
    fs::remove(path);
    Served second(path);
    client.send("stop\n");
    CHECK(client.until_end() == "0 stopping\n");
    CHECK(first.program().await_end() == 0);
    second.expect_served();
    second.stop();
}

TEST_CASE("ControlSocket: a forked child ends nobody's connection and removes nothing",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    Served daemon(path, {"fork_end"});
    daemon.expect_served();
    RawClient client(path);
    client.send("fork\necho after\n");
    // The child has come back from the handler, too.
    CHECK(client.lines(2) == "0 from the daemon\n0 after\n");
    daemon.expect_served();
    client.hang_up();
    daemon.stop();
    CHECK(names_in(folder.path()).empty());
}

TEST_CASE("ControlSocket: a client's connection ends though a forked child has a copy",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    Served daemon(path);
    RawClient client(path);
    client.send("fork\n");
    CHECK(client.lines(1) == "0 from the daemon\n");
    client.send("\xff\n");
    client.end_sending();
    CHECK(client.until_end() == "64 the line is not UTF-8\n");
    CHECK(client.is_ended());
    daemon.stop();
}

TEST_CASE("ControlSocket: another process than the one that made it cannot serve it",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    RunningProgram program(Served::command(path, {"foreign"}));
    CHECK(program.await("message") == "open_control_socket: " + path +
                                          ": another process has made the socket: make it after "
                                          "the DaemonContext (Invalid argument)");
    program.await("ready");
    CHECK(ask(path, {"stop"}).status == 0);
    CHECK(program.await_end() == 0);
}

TEST_CASE("ControlSocket: a child that outlives its killed daemon is told of",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    RunningProgram daemon(Served::command(path, {"fork"}));
    const std::string pid = daemon.await("ready");
    daemon.signal(SIGKILL);
    CHECK(daemon.await_end() == 128 + SIGKILL);
    const Finished finished = start(path);
    CHECK(finished.exit_status == 75);
    CHECK(finished["message"] ==
          "open_control_socket: " + path + ": a process that the dead daemon " + pid +
              " has left behind holds the socket (see fuser) (Address already in use)");
}

TEST_CASE("ControlSocket: without descriptors it waits, without spinning, and goes on",
          "[control_socket][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const std::string way = GENERATE("", "thread");
    Served daemon(path, {"limit:24", way.empty() ? "everybody" : way});
    std::vector<RawClient> clients;
    for (int i = 0; i < 40; ++i) clients.emplace_back(path);
    const auto ticks = [&] {
        std::string stat;
        std::getline(std::ifstream("/proc/" + daemon.pid() + "/stat"), stat);
        std::istringstream fields(stat.substr(stat.rfind(')') + 1));
        std::string skipped;
        for (int i = 0; i < 11; ++i) fields >> skipped;
        long user = 0;
        long system = 0;
        fields >> user >> system;
        return user + system;
    };
    const long before = ticks();
    ::poll(nullptr, 0, 400);  // not for an event: how much is done meanwhile
    CHECK(ticks() - before <= 2);
    clients.clear();
    daemon.expect_served();
    daemon.stop();
}

TEST_CASE("ControlSocket: who may ask", "[control_socket][process][root]") {
    if (::geteuid() != 0) return not_tested("only root can be other users");
    const TempFolder folder;
    fs::permissions(folder.path(), fs::perms(0755));
    const std::string path = folder / "control";
    const auto ask_as = [&](const std::string& ids) {
        const Finished finished = run_program({probe("probe_ask"), ids, path, "peer"});
        return finished.out;
    };
    const struct {
        std::vector<std::string> daemon;
        std::string client;
        std::string answer;
    } cases[] = {
        {{}, "0:0", "0 0"},
        {{}, "65534:65534", "denied"},
        {{"mode:0666"}, "65534:65534", "77 permission denied"},
        {{"mode:0666", "everybody"}, "65534:65534", "65534 65534"},
        {{"group:65534"}, "65534:65534", "65534 65534"},
        {{"group:65534"}, "65533:65533", "denied"},
        {{"group:65534"}, "65533:65534", "65533 65534"},
        {{"everybody"}, "65534:0", "65534 0"},
        {{}, "65534:0", "77 permission denied"},
    };
    for (const auto& each : cases) {
        CAPTURE(each.daemon, each.client);
        Served daemon(path, each.daemon);
        const std::string answer = ask_as(each.client);
        CHECK(answer.find(each.answer) != std::string::npos);
        daemon.expect_served();
        daemon.stop();
    }
    fs::permissions(folder.path(), fs::perms(0777));
    for (const std::string client : {"0:0", "65534:65534", "65533:65533"}) {
        CAPTURE(client);
        Served daemon(path, {"mode:0666", "ids:65534:65534"});
        CHECK((ask_as(client).find("77 permission denied") != std::string::npos) ==
              (client == "65533:65533"));
        daemon.stop();
    }
}

TEST_CASE("ControlSocket: in another root no socket is made where its path leads there",
          "[control_socket][process][root]") {
    const TempFolder folder;
    const TempFolder root;
    const std::string path = folder / "control";
    fs::create_directories(root.path().string() + folder.path().string());
    Served daemon(path, {"chroot:" + root.path().string()});
    RawClient client(path);
    client.send("renew\n");
    CHECK(client.lines(1) == "0 named\n");
    CHECK(fs::is_empty(root.path().string() + folder.path().string()));
    client.send("stop\n");
    CHECK(client.until_end() == "0 stopping\n");
    CHECK(daemon.program().await_end() == 0);
}

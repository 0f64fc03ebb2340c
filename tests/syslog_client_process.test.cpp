// SPDX-License-Identifier: MIT
// SyslogClient in processes that come from one another, and before the log daemon that most systems have.
#include <daemonkit/syslog_client.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "log_receiver.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::Finished;
using daemonkit::testkit::LogLine;
using daemonkit::testkit::LogReceiver;
using daemonkit::testkit::not_tested;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::TestLog;
using daemonkit::testkit::texts;
using Kind = LogReceiver::Kind;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

namespace {

// Nothing when this machine does not allow what the verbs need: then that is said, and the test ends.
std::optional<Finished> run(Words verbs, const std::map<std::string, std::string>& variables = {}) {
    verbs.insert(verbs.begin(), testkit::probe("probe_syslog_client"));
    Finished finished = testkit::run_program(verbs, variables);
    if (finished["not_possible"] != "(no not_possible)") {
        not_tested(finished["not_possible"]);
        return {};
    }
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.exit_status == 0);
    REQUIRE(finished["error"] == "(no error)");
    return finished;
}

}  // namespace

TEST_CASE("SyslogClient: each process writes under its own pid", "[syslog_client][process]") {
    const Kind kind = GENERATE(Kind::datagrams, Kind::streams);
    TestLog log(kind);
    const auto finished =
        run({"local:" + (log.folder / "log"), "write:before", "fork-write:child", "write:after"});
    REQUIRE(finished);
    std::map<std::string, std::string> pids;
    for (int i = 0; i < 3; ++i) {
        const LogLine line = log.next();
        pids[line.text] = line.pid;
    }
    CHECK(pids["before"] == (*finished)["pid"]);
    CHECK(pids["child"] == (*finished)["child"]);
    CHECK(pids["after"] == (*finished)["pid"]);
    // On one stream, the two would tear each other's lines.
    CHECK(log.receiver.connections_made() == (kind == Kind::streams ? 2 : 0));
}

TEST_CASE("SyslogClient: a process forked while other threads write can write",
          "[syslog_client][process]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp));
    std::atomic<bool> done{false};
    int children = 0;
    std::string wrong;
    std::thread reader([&] {
        for (bool is_last = false; !is_last;) {
            is_last = done;
            while (const auto line = log.receiver.receive(is_last ? 100ms : 5ms)) {
                if (line->size() > 5 && line->compare(line->size() - 5, 5, "child") == 0)
                    ++children;
                else if (line->find("storm") == std::string::npos &&
                         line->find(" dropped") == std::string::npos)
                    wrong = *line;
            }
        }
    });
    const std::string where = "local:" + (log.folder / "log");
    const std::string port = std::to_string(log.receiver.port());
    const auto finished = run({log.receiver.port() != 0 ? "tcp:" + port : where, "fork-storm:100"});
    done = true;
    reader.join();
    REQUIRE(finished);
    CHECK((*finished)["children"] == "100");
    // One that finds the log full for its whole bound drops its line, and knows it.
    CHECK(children + std::stoi((*finished)["dropped"]) == 100);
    CHECK(children > 0);
    CHECK(wrong.empty());
}

TEST_CASE("SyslogClient: made before a DaemonContext, it serves the daemon, whatever that closes",
          "[syslog_client][process]") {
    const Kind kind = GENERATE(Kind::datagrams, Kind::tcp);
    TestLog log(kind);
    const std::string target = kind == Kind::tcp ? "tcp:" + std::to_string(log.receiver.port())
                                                 : "local:" + (log.folder / "log");
    for (const char* const daemon : {"daemon:all", "daemon:not_close_on_exec"}) {
        const auto finished = run({target, "write:launcher", daemon, "write:daemon"});
        REQUIRE(finished);
        CHECK(log.next().text == "launcher");
        const LogLine line = log.next();
        CHECK(line.text == "daemon");
        CHECK(line.pid == (*finished)["pid"]);
    }
}

TEST_CASE("SyslogClient: when every descriptor was closed, it connects anew",
          "[syslog_client][process]") {
    TestLog log(Kind::datagrams);
    const auto finished = run({"local:" + (log.folder / "log"), "write:1", "vanish", "write:2"});
    REQUIRE(finished);
    CHECK(texts(log) == Words{"1", "2"});
}

TEST_CASE("SyslogClient: its connection and its time zone outlive a chroot",
          "[syslog_client][process]") {
    TestLog log(Kind::datagrams);
    const TempFolder folder;
    Words verbs{"local:" + (log.folder / "log"), "chroot:" + folder.path().string(), "utc",
                "write:inside"};
    if (::geteuid() != 0) verbs.insert(verbs.begin(), "user-namespace");
    const std::time_t before = std::time(nullptr);
    const auto finished = run(verbs, {{"TZ", "XST-5:30"}});
    if (!finished) return;
    const LogLine line = log.next();
    CHECK(line.text == "inside");
    // The time stands there as it is in the zone of the start, five and a half hours ahead of UTC.
    std::tm as_written{};
    ::localtime_r(&line.time, &as_written);
    const std::time_t written = ::timegm(&as_written) - 19'800;
    CHECK(written >= before - 1);
    CHECK(written <= std::time(nullptr));
}

TEST_CASE("SyslogClient: the daemon that a DaemonContext locks into a folder still writes",
          "[syslog_client][process][root]") {
    TestLog log(Kind::datagrams);
    const TempFolder folder;
    const auto finished =
        run({"local:" + (log.folder / "log"), "daemon:not_close_on_exec:" + folder.path().string(),
             "write:inside"});
    REQUIRE(finished);
    CHECK(log.next().text == "inside");
}

TEST_CASE(
    "SyslogClient: lines that nobody takes go to stderr or to the console, if that is asked for",
    "[syslog_client][process]") {
    const TempFolder folder;
    const std::string local = "local:" + (folder / "log");
    const auto silent = run({local, "write:nobody reads"});
    REQUIRE(silent);
    CHECK(silent->err.empty());
    const auto told = run({"lost:stderr", local, "write:one", "write:two"});
    REQUIRE(told);
    const std::string head = "p[" + (*told)["pid"] + "]: ";
    CHECK(told->err == head + "one\n" + head + "two\n");
    const auto console =
        run({"private-dev", "make-console", "lost:console", local, "write:lost", "console"});
    if (!console) return;
    CHECK((*console)["console"] == "p[" + (*console)["pid"] + "]: lost\r");
}

TEST_CASE("SyslogClient: without a target it is the log daemon of this machine",
          "[syslog_client][process]") {
    const auto finished =
        run({"private-dev", "default", "lost:stderr", "default", "write:nobody there"});
    if (!finished) return;
    CHECK(finished->err.find("nobody there") != std::string::npos);
}

namespace {

// rsyslogd in the foreground, with inputs of its own: a socket in its folder, UDP and TCP on loopback.
class Rsyslogd {
public:
    Rsyslogd() {
        // Held by a receiver until rsyslogd takes it over: nobody else gets the number in between, but for an instant.
        {
            const LogReceiver udp(Kind::udp);
            const LogReceiver tcp(Kind::tcp);
            udp_port = udp.port();
            tcp_port = tcp.port();
        }
        testkit::write_file(folder_ / "conf",
                            "global(workDirectory=\"" + folder_.path().string() +
                                "\")\n"
                                "module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
                                "module(load=\"imudp\")\nmodule(load=\"imtcp\")\n"
                                "input(type=\"imuxsock\" Socket=\"" +
                                socket() +
                                "\" RateLimit.Interval=\"0\")\n"
                                "input(type=\"imudp\" address=\"127.0.0.1\" port=\"" +
                                std::to_string(udp_port) +
                                "\")\n"
                                "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"" +
                                std::to_string(tcp_port) +
                                "\")\n"
                                "template(name=\"fields\" type=\"string\" "
                                "string=\"%syslogfacility-text%|%syslogseverity-text%|"
                                "%hostname%|%app-name%|%procid%|%msgid%|%structured-data%|%"
                                "timereported:::date-unixtimestamp%|%msg%"
                                "\\n\")\n"
                                "action(type=\"omfile\" file=\"" +
                                log() + "\" template=\"fields\")\n");
        start();
    }
    ~Rsyslogd() { stop(); }
    Rsyslogd(const Rsyslogd&) = delete;
    Rsyslogd& operator=(const Rsyslogd&) = delete;

    void start() {
        const std::string conf = folder_ / "conf";
        const std::string pid_file = folder_ / "pid";
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execlp("rsyslogd", "rsyslogd", "-n", "-f", conf.c_str(), "-i", pid_file.c_str(),
                     nullptr);
            ::_exit(127);
        }
    }
    void stop() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGCONT);
        ::kill(pid_, SIGTERM);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }
    void signal(int number) const { ::kill(pid_, number); }

    std::string socket() const { return folder_ / "socket"; }

    /// Its lines that hold the word, once there are so many of them.
    Words await(const std::string& word, std::size_t count,
                std::chrono::milliseconds limit = 10s) const {
        Words found;
        for (const auto deadline = Clock::now() + limit; Clock::now() < deadline;
             std::this_thread::sleep_for(5ms)) {
            found.clear();
            std::istringstream file(testkit::read_file(log()));
            for (std::string line; std::getline(file, line);)
                if (line.find(word) != std::string::npos) found.push_back(line);
            if (found.size() >= count) break;
        }
        return found;
    }

    std::uint16_t udp_port = 0;
    std::uint16_t tcp_port = 0;

private:
    std::string log() const { return folder_ / "log"; }

    TempFolder folder_;
    pid_t pid_ = -1;
};

// Writes until rsyslogd, which takes a moment to start, has got the first one.
void await_start(const Rsyslogd& rsyslogd, const SyslogClient& client) {
    for (const auto deadline = Clock::now() + 10s; Clock::now() < deadline;) {
        client.write(Severity::info, "is it there");
        if (!rsyslogd.await("is it there", 1, 50ms).empty()) return;
    }
}

}  // namespace

TEST_CASE("SyslogClient: rsyslogd reads every field, whichever way it came",
          "[syslog_client][process]") {
    if (std::system("command -v rsyslogd >/dev/null 2>&1") != 0)
        return not_tested("rsyslogd is not installed");
    const Rsyslogd rsyslogd;
    const SyslogClient local({.ident = "local",
                              .facility = Facility::local3,
                              .to = LocalLog{.path = rsyslogd.socket()}});
    await_start(rsyslogd, local);
    const Rfc5424 form{.msgid = "TEMP", .structured_data = {{"x@1", {{"k", "a\"b]c\\d"}}}}};
    const auto host = [&](auto target, std::uint16_t port, HostForm how) {
        target.host = "127.0.0.1";
        target.port = port;
        target.form = std::move(how);
        target.hostname = "thermo1";
        return target;
    };
    const SyslogClient udp({.ident = "udp", .to = host(UdpHost{}, rsyslogd.udp_port, form)});
    const SyslogClient old({.ident = "old", .to = host(UdpHost{}, rsyslogd.udp_port, Rfc3164{})});
    const SyslogClient tcp({.ident = "tcp", .to = host(TcpHost{}, rsyslogd.tcp_port, form)});
    const auto before = static_cast<long>(std::time(nullptr));
    for (const SyslogClient* const client : {&local, &udp, &old, &tcp}) {
        client->write(Severity::warning, "field: sensor 2 is hot");
        client->write(Severity::error, std::string_view("field: a\0b\n<0>forged\n", 20));
        client->write(Severity::info, "field: \xc3\xa9t\xc3\xa9 " + std::string(6000, 'x'));
    }
    const Words lines = rsyslogd.await("field: ", 12);
    CHECK(lines.size() == 12);
    const std::string pid = std::to_string(::getpid());
    char this_host[256] = {};
    ::gethostname(this_host, sizeof this_host - 1);
    const std::string data = "[x@1 k=\"a\\\"b\\]c\\\\d\"]";
    const auto expect = [&](const std::string& facility, const std::string& host_name,
                            const std::string& ident, const std::string& msgid,
                            const std::string& sd) {
        std::vector<Words> found;
        for (const auto& line : lines) {
            if (line.find("|" + ident + "|") == std::string::npos) continue;
            found.emplace_back();
            std::istringstream fields(line);
            for (std::string field; std::getline(fields, field, '|');)
                found.back().push_back(field);
        }
        INFO(ident);
        REQUIRE(found.size() == 3);
        const Words severities{"warning", "err", "info"};
        const Words all_texts{"field: sensor 2 is hot", "field: a#000b#012<0>forged",
                              "field: \xc3\xa9t\xc3\xa9 " + std::string(6000, 'x')};
        for (std::size_t i = 0; i < 3; ++i) {
            REQUIRE(found[i].size() == 9);
            CHECK(found[i][0] == facility);
            CHECK(found[i][1] == severities[i]);
            CHECK(found[i][2] == host_name);
            CHECK(found[i][3] == ident);
            CHECK(found[i][4] == pid);
            CHECK(found[i][5] == msgid);
            CHECK(found[i][6] == sd);
            CHECK(std::stol(found[i][7]) >= before);
            CHECK(std::stol(found[i][7]) <= before + 20);
            const std::string& text = found[i][8];
            CHECK(text.substr(text.find_first_not_of(' ')) == all_texts[i]);
        }
    };
    expect("local3", this_host, "local", "-", "-");
    expect("daemon", "thermo1", "udp", "TEMP", data);
    expect("daemon", "thermo1", "old", "-", "-");
    expect("daemon", "thermo1", "tcp", "TEMP", data);
}

TEST_CASE(
    "SyslogClient: rsyslogd frozen, thawed, stopped and started again, gets every message or the "
    "count",
    "[syslog_client][process]") {
    if (std::system("command -v rsyslogd >/dev/null 2>&1") != 0)
        return not_tested("rsyslogd is not installed");
    Rsyslogd rsyslogd;
    const SyslogClient client(
        {.ident = "p", .to = LocalLog{.path = rsyslogd.socket()}, .bound = 200ms});
    await_start(rsyslogd, client);

    constexpr std::size_t count = 1000;
    rsyslogd.signal(SIGSTOP);
    const std::uint64_t before = client.dropped();
    const auto start = Clock::now();
    for (std::size_t i = 0; i < count; ++i) client.write(Severity::info, "frozen");
    const auto time = Clock::now() - start;
    CHECK(time < 20s);  // one bound for each would be minutes
    const std::uint64_t dropped = client.dropped() - before;
    CHECK(dropped > 0);
    rsyslogd.signal(SIGCONT);
    CHECK(rsyslogd.await("frozen", count - dropped).size() == count - dropped);
    client.write(Severity::info, "thawed");
    CHECK(rsyslogd.await("thawed", 1).size() == 1);
    CHECK(rsyslogd.await(std::to_string(dropped) + " messages dropped", 1).size() == 1);

    rsyslogd.stop();
    client.write(Severity::info, "nobody there");
    const std::uint64_t dropped_then = client.dropped();
    CHECK(dropped_then == before + dropped + 1);
    rsyslogd.start();
    for (const auto deadline = Clock::now() + 10s; Clock::now() < deadline;) {
        client.write(Severity::info, "is it back");
        if (!rsyslogd.await("is it back", 1, 50ms).empty()) break;
    }
    const Words counts = rsyslogd.await(" messages dropped", 2 + (before > 0 ? 1U : 0U));
    REQUIRE_FALSE(counts.empty());
    const std::string told =
        std::to_string(client.dropped() - before - dropped) + " messages dropped";
    CHECK(counts.back().find(told) != std::string::npos);
}

// SPDX-License-Identifier: MIT
#include <daemonkit/syslog_client.hpp>

#include <daemonkit/error.hpp>
#include <daemonkit/log_sink.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "log_receiver.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::Host;
using daemonkit::testkit::LogLine;
using daemonkit::testkit::LogReceiver;
using daemonkit::testkit::parsed_new;
using daemonkit::testkit::parsed_old;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::TestLog;
using daemonkit::testkit::texts;
using Kind = LogReceiver::Kind;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

static_assert(LogSink<SyslogClient> && LogSink<const SyslogClient>);
static_assert(!std::is_copy_constructible_v<SyslogClient> &&
              !std::is_move_constructible_v<SyslogClient>);

namespace {

std::string own_pid() { return std::to_string(::getpid()); }

// How many messages the lines stand for: one each, but for the lines that count others.
struct Sum {
    std::uint64_t arrived = 0;
    std::uint64_t dropped = 0;
};

void add(Sum& sum, const std::string& text) {
    const std::string mark = " messages dropped";
    if (text.size() > mark.size() &&
        text.compare(text.size() - mark.size(), mark.size(), mark) == 0)
        sum.dropped += std::stoull(text);
    else
        ++sum.arrived;
}

Sum sum_of(const Words& all) {
    Sum sum;
    for (const auto& text : all) add(sum, text);
    return sum;
}

template <class Action>
std::chrono::milliseconds time_of(Action action) {
    const auto before = Clock::now();
    action();
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - before);
}

std::optional<Error> refusal(const SyslogClientOptions& options) {
    try {
        const SyslogClient client(options);
    } catch (const Error& error) {
        CHECK(error.step() == Step::open_syslog);
        return error;
    }
    return {};
}

}  // namespace

TEST_CASE("SyslogClient: on the local socket a line has no host, and every field arrives",
          "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams));
    const std::time_t before = std::time(nullptr);
    const SyslogClient client(
        {.ident = "thermod", .facility = Facility::local3, .to = log.target()});
    errno = E2BIG;
    client.write(Severity::warning, "sensor 2 is hot");
    CHECK(errno == E2BIG);
    const LogLine line = log.next();
    CHECK(line.facility == 19);
    CHECK(line.severity == 4);
    CHECK(line.ident == "thermod");
    CHECK(line.pid == own_pid());
    CHECK(line.text == "sensor 2 is hot");
    CHECK(line.time >= before);
    CHECK(line.time <= std::time(nullptr));
    CHECK(client.dropped() == 0);
}

TEST_CASE("SyslogClient: over UDP and TCP it is RFC 5424, and every field arrives",
          "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::udp, Kind::tcp, Kind::tcp_lines));
    const std::time_t before = std::time(nullptr);
    const SyslogClient client(
        {.ident = "thermod",
         .facility = Facility::mail,
         .to = log.target(
             Rfc5424{.msgid = "TEMP",
                     .structured_data = {
                         {"origin@32473", {{"ip", "10.0.0.1"}, {"odd", "a\"b\\c]d\ne\xff"}}},
                         {"empty@32473", {}}}})});
    client.write(Severity::error, "sensor 2 is hot");
    client.write(Severity::info, "one of its own",
                 {.msgid = "A B", .structured_data = {{"x y", {{"a=b", "1"}}}}});
    const LogLine first = log.next();
    CHECK(first.facility == 2);
    CHECK(first.severity == 3);
    CHECK(first.host == "thermo1");
    CHECK(first.ident == "thermod");
    CHECK(first.pid == own_pid());
    CHECK(first.msgid == "TEMP");
    CHECK(first.data ==
          "[origin@32473 ip=\"10.0.0.1\" odd=\"a\\\"b\\\\c\\]d#012e\xef\xbf\xbd\"][empty@32473]");
    CHECK(first.text == "sensor 2 is hot");
    CHECK(first.time >= before);
    CHECK(first.time <= std::time(nullptr));
    const LogLine second = log.next();
    CHECK(second.msgid == "A_B");
    CHECK(second.data == "[x_y a_b=\"1\"]");
    CHECK(second.text == "one of its own");
}

TEST_CASE("SyslogClient: in RFC 5424 ident and host are ASCII, whatever they are elsewhere",
          "[syslog_client][unit]") {
    TestLog log(Kind::udp);
    auto target = std::get<UdpHost>(log.target());
    target.hostname = "k\xc3\xb6ln";
    const SyslogClient client({.ident = "d\xc3\xa4mon", .to = target});
    client.write(Severity::info, "gr\xc3\xbc\xc3\x9f");
    const LogLine line = log.next();
    CHECK(line.host == "k__ln");
    CHECK(line.ident == "d__mon");
    CHECK(line.text == "gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("SyslogClient: RFC 3164 with a host, where a log host wants that",
          "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::udp, Kind::tcp, Kind::tcp_lines));
    const SyslogClient client(
        {.ident = "thermod", .pid = SyslogPid::left_out, .to = log.target(Rfc3164{})});
    client.write(Severity::info, "one");
    const auto line = log.receiver.receive();
    REQUIRE(line);
    const LogLine old = parsed_old(*line, Host::present);
    CHECK(old.facility == 3);
    CHECK(old.severity == 6);
    CHECK(old.host == "thermo1");
    CHECK(old.ident == "thermod");
    CHECK(old.pid.empty());
    CHECK(old.text == "one");
}

TEST_CASE(
    "SyslogClient: what is not said is the name of the program and of the machine, and - for the "
    "rest",
    "[syslog_client][unit]") {
    TestLog log(Kind::udp);
    const SyslogClient client({.pid = SyslogPid::left_out,
                               .to = UdpHost{.host = "127.0.0.1", .port = log.receiver.port()}});
    // localhost may be ::1 first, where nobody listens: refused, the next address is taken.
    std::optional<std::string> line;
    for (int attempt = 0; attempt < 100 && !line; ++attempt) {
        client.write(Severity::info, "x");
        line = log.receiver.receive(20ms);
    }
    REQUIRE(line);
    const LogLine fields = parsed_new(*line);
    char name[256] = {};
    ::gethostname(name, sizeof name - 1);
    CHECK(fields.host == name);
    CHECK(fields.ident == "test_syslog_client");
    CHECK(fields.pid == "-");
    CHECK(fields.msgid == "-");
    CHECK(fields.data == "-");
}

TEST_CASE("SyslogClient: every facility and severity arrives as its number",
          "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    for (const int facility : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23}) {
        const SyslogClient client(
            {.ident = "p", .facility = static_cast<Facility>(facility), .to = log.target()});
        for (int severity = 0; severity < 8; ++severity) {
            client.write(static_cast<Severity>(severity), "x");
            const LogLine line = log.next();
            CHECK(line.facility == facility);
            CHECK(line.severity == severity);
        }
    }
}

TEST_CASE("SyslogClient: several live at once, each with its own ident, facility and mask",
          "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    const SyslogClient one({.ident = "one", .facility = Facility::local0, .to = log.target()});
    SyslogClient two({.ident = "two",
                      .facility = Facility::local1,
                      .to = log.target(),
                      .mask = SeverityMask::up_to(Severity::warning)});
    one.write(Severity::debug, "1");
    two.write(Severity::debug, "not sent");
    two.write(Severity::warning, "2");
    CHECK_FALSE(two.is_enabled(Severity::debug));
    CHECK(one.is_enabled(Severity::debug));
    const LogLine first = log.next();
    CHECK(first.ident == "one");
    CHECK(first.facility == 16);
    const LogLine second = log.next();
    CHECK(second.ident == "two");
    CHECK(second.facility == 17);
    CHECK(second.text == "2");
}

TEST_CASE("SyslogClient: a mask is set as with setlogmask, for this client alone",
          "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    SyslogClient client({.ident = "p", .to = log.target()});
    const auto only = SeverityMask::only({Severity::debug, Severity::alert});
    CHECK(client.set_mask(only) == SeverityMask());
    CHECK(client.set_mask(SeverityMask(0)) == only);  // that of before, and nothing changes
    for (int severity = 0; severity < 8; ++severity)
        client.write(static_cast<Severity>(severity), std::to_string(severity));
    client.write(static_cast<Severity>(9), "no severity");
    CHECK(texts(log) == Words{"1", "7"});
}

TEST_CASE("SyslogClient: whatever the bytes, it is one line", "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::udp, Kind::tcp, Kind::tcp_lines));
    const SyslogClient client({.ident = "p", .to = log.target()});
    const auto next = [&](std::string_view text) {
        client.write(Severity::info, text);
        return log.next().text;
    };
    CHECK(next(std::string_view("a\0b\n<0>forged\n", 13)) == "a#000b#012<0>forged");
    CHECK(next("\xc3\xa9\xff") == "\xc3\xa9\xff");
    CHECK(next("%s%n%m 100 % %%") == "%s%n%m 100 % %%");
    CHECK(next("").empty());
    CHECK(next(std::string(8000, 'x')) == std::string(8000, 'x'));
    CHECK(next(std::string(9000, 'x')) == std::string(7994, 'x') + " [cut]");
}

TEST_CASE("SyslogClient: a line that the header makes too long is cut between two characters",
          "[syslog_client][unit]") {
    TestLog log(Kind::udp);
    const SyslogClient client({.ident = "p", .to = log.target()});
    std::string text;
    while (text.size() < 7999) text += "\xe2\x82\xac";
    client.write(Severity::info, text,
                 {.structured_data = {{"x", {{"y", std::string(500, 'z')}}}}});
    const auto whole = log.receiver.receive();
    REQUIRE(whole);
    CHECK(whole->size() <= 8096);
    CHECK(whole->size() > 8090);
    const LogLine line = parsed_new(*whole);
    REQUIRE(line.text.size() > 6);
    CHECK(line.text.substr(line.text.size() - 6) == " [cut]");
    CHECK((line.text.size() - 6) % 3 == 0);
    CHECK(line.data.size() == 500 + 8);
}

TEST_CASE(
    "SyslogClient: a log that is not read holds up all messages together for one bound, and all "
    "are counted",
    "[syslog_client][unit]") {
    const Kind kind = GENERATE(Kind::datagrams, Kind::streams, Kind::tcp, Kind::tcp_lines);
    TestLog log(kind);
    constexpr std::uint64_t count = 1000;
    const std::string text(kind == Kind::datagrams ? 10 : 4000, 'x');
    const SyslogClient client({.ident = "p", .to = log.target(), .bound = 200ms});
    const auto time = time_of([&] {
        for (std::uint64_t i = 0; i < count; ++i) client.write(Severity::info, text);
    });
    CHECK(time >= 200ms);
    CHECK(time < 20s);  // 0.2 s, and what a busy machine adds; one bound for each would be minutes
    CHECK(client.dropped() > 0);
    const std::uint64_t dropped = client.dropped();

    Words all = texts(log, 50ms);
    client.write(Severity::info, "read again");
    for (const auto& each : texts(log, 50ms)) all.push_back(each);
    REQUIRE(all.size() >= 2);
    CHECK(all.back() == "read again");
    CHECK(all[all.size() - 2] == std::to_string(dropped) + " messages dropped");
    const Sum sum = sum_of(all);
    CHECK(sum.dropped == dropped);
    CHECK(sum.arrived + sum.dropped == count + 1);
    CHECK(client.dropped() == dropped);
}

TEST_CASE("SyslogClient: a single message to a log that is not read comes back within its bound",
          "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    const SyslogClient client({.ident = "p", .to = log.target(), .bound = 0ms});
    const auto time = time_of([&] {
        for (int i = 0; i < 1000; ++i) client.write(Severity::info, "x");
    });
    CHECK(time < 10s);  // not for ever
    CHECK(client.dropped() > 0);
    CHECK(sum_of(texts(log)).arrived + client.dropped() == 1000);
}

TEST_CASE("SyslogClient: threads that write to a log that is not read do not wait for one another",
          "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp, Kind::tcp_lines));
    const SyslogClient client({.ident = "p", .to = log.target(), .bound = 1s});
    std::atomic<std::int64_t> longest{0};
    const auto time = time_of([&] {
        std::vector<std::thread> writers;
        for (int thread = 0; thread < 8; ++thread) {
            writers.emplace_back([&] {
                for (int i = 0; i < 200; ++i) {
                    const auto each =
                        time_of([&] { client.write(Severity::info, std::string(4000, 'x')); });
                    std::int64_t before = longest;
                    while (before < each.count() &&
                           !longest.compare_exchange_weak(before, each.count()))
                        continue;
                }
            });
        }
        for (auto& writer : writers) writer.join();
    });
    CHECK(longest >= 990);
    CHECK(longest < 6000);  // one bound, and what a busy machine adds; not one for each thread
    CHECK(time < 7s);
    const std::uint64_t dropped = client.dropped();
    Words all = texts(log, 50ms);
    client.write(Severity::info, "end");
    for (const auto& each : texts(log, 50ms)) all.push_back(each);
    CHECK(sum_of(all).arrived + dropped == 8 * 200 + 1);
    CHECK(sum_of(all).dropped == dropped);
}

TEST_CASE("SyslogClient: a slow log gets every message", "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::tcp));
    constexpr int count = 60;
    std::thread writer([target = log.target()] {
        const SyslogClient client({.ident = "p", .to = target, .bound = 10s});
        for (int i = 0; i < count; ++i) client.write(Severity::info, std::to_string(i));
    });
    Words all;
    while (all.size() < count) {
        const auto line = log.receiver.receive();
        if (!line) break;
        all.push_back(log.parsed(*line).text);
        std::this_thread::sleep_for(2ms);
    }
    writer.join();
    REQUIRE(all.size() == count);
    for (int i = 0; i < count; ++i) CHECK(all[static_cast<std::size_t>(i)] == std::to_string(i));
}

TEST_CASE(
    "SyslogClient: a log that comes back gets the messages from then on, and the count of those "
    "before",
    "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp, Kind::tcp_lines));
    const SyslogClient client({.ident = "p", .to = log.target()});
    client.write(Severity::info, "first");
    CHECK(log.next().text == "first");
    log.receiver.stop();
    for (int i = 0; i < 3; ++i) client.write(Severity::info, "nobody listens");
    CHECK(client.dropped() == 3);
    log.receiver.start();
    Words all;
    std::uint64_t sent = 3;
    const auto deadline = Clock::now() + 10s;
    for (; all.empty() && Clock::now() < deadline; ++sent) {
        client.write(Severity::notice, "again");
        all = texts(log, 5ms);
    }
    REQUIRE(all.size() == 2);
    CHECK(all[0] == std::to_string(sent - 1) + " messages dropped");
    CHECK(all[1] == "again");
    client.write(Severity::notice, "and on");
    CHECK(log.next().text == "and on");  // the count is told once
}

TEST_CASE("SyslogClient: a log that is restarted between two messages loses neither",
          "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp, Kind::udp));
    const SyslogClient client({.ident = "p", .to = log.target()});
    for (int i = 0; i < 3; ++i) {
        client.write(Severity::info, std::to_string(i));
        CHECK(log.next().text == std::to_string(i));
        log.receiver.stop();
        log.receiver.start();
    }
    CHECK(client.dropped() == 0);
}

TEST_CASE("SyslogClient: a log that is not there yet is no error", "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp, Kind::tcp_lines));
    log.receiver.stop();
    const SyslogClient client({.ident = "p", .to = log.target()});
    const auto time = time_of([&] {
        for (int i = 0; i < 100; ++i) client.write(Severity::info, "x");
    });
    CHECK(time < 5s);  // one bound for each would be 10
    CHECK(client.dropped() == 100);
    log.receiver.start();
    Words all;
    const auto deadline = Clock::now() + 10s;
    while (all.empty() && Clock::now() < deadline) {
        client.write(Severity::info, "there");
        all = texts(log, 5ms);
    }
    REQUIRE(all.size() == 2);
    CHECK(all[0] == std::to_string(client.dropped()) + " messages dropped");
}

TEST_CASE("SyslogClient: a host that does not answer holds up all messages together for one bound",
          "[syslog_client][unit]") {
    // Beyond a full queue of connections that nobody accepts, a connection is asked for in vain.
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener, 0) == 0);
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::vector<int> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        static_cast<void>(
            ::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), size));
    }
    std::optional<SyslogClient> client;
    const auto time = time_of([&] {
        client.emplace(
            SyslogClientOptions{.ident = "p",
                                .to = TcpHost{.host = "127.0.0.1", .port = ntohs(address.sin_port)},
                                .bound = 200ms});
        for (int i = 0; i < 100; ++i) client->write(Severity::info, "x");
    });
    CHECK(time >= 200ms);
    CHECK(time < 10s);  // one bound for each would be 20
    CHECK(client->dropped() == 100);
    const auto end = time_of([&] { client.reset(); });
    CHECK(end < 5s);
    for (const int fd : waiting) ::close(fd);
    ::close(listener);
}

TEST_CASE("SyslogClient: datagrams that a host refuses are counted", "[syslog_client][unit]") {
    TestLog log(Kind::udp);
    log.receiver.stop();
    const SyslogClient client({.ident = "p", .to = log.target()});
    for (int i = 0; i < 10; ++i) client.write(Severity::info, "x");
    // The refusal of the last one may not have been told.
    CHECK(client.dropped() >= 9);
    CHECK(client.dropped() <= 10);
}

TEST_CASE("SyslogClient: eight threads write, and no line is torn, out of order or unaccounted for",
          "[syslog_client][unit]") {
    const Kind kind = GENERATE(Kind::datagrams, Kind::streams, Kind::udp, Kind::tcp);
    TestLog log(kind);
    constexpr int threads = 8;
    constexpr int each = 500;
    std::uint64_t dropped = 0;
    int last_ones = 0;
    const auto line_of = [](int thread, int i) {
        return std::to_string(thread) + " " + std::to_string(i) + " " +
               std::string(static_cast<std::size_t>(i % 400), static_cast<char>('a' + thread)) +
               ".";
    };
    std::atomic<bool> done{false};
    std::thread storm([&, target = log.target()] {
        const SyslogClient client({.ident = "p", .to = target});
        std::vector<std::thread> writers;
        for (int thread = 0; thread < threads; ++thread) {
            writers.emplace_back([&, thread] {
                for (int i = 0; i < each; ++i) client.write(Severity::info, line_of(thread, i));
            });
        }
        for (auto& writer : writers) writer.join();
        // One more, until one gets through: the count of all that were dropped stands before it.
        do {
            dropped = client.dropped();
            client.write(Severity::info, line_of(threads, last_ones++));
        } while (client.dropped() != dropped);
        done = true;
    });
    Sum sum;
    std::map<int, int> last;
    std::string wrong;
    for (bool is_last = false; !is_last;) {
        is_last = done;
        while (const auto line = log.receiver.receive(is_last ? 300ms : 20ms)) {
            const std::string text = log.parsed(*line).text;
            const Sum before = sum;
            add(sum, text);
            if (sum.arrived == before.arrived) continue;
            const int thread = std::stoi(text);
            const int i = std::stoi(text.substr(2));
            if (text != line_of(thread, i)) wrong = text;
            if (last.count(thread) != 0 && last[thread] >= i) wrong = "out of order: " + text;
            last[thread] = i;
        }
    }
    storm.join();
    CHECK(wrong.empty());
    // What a full receiver of UDP does not take, nobody is told of.
    if (kind == Kind::udp) return;
    CHECK(sum.dropped == dropped);
    CHECK(sum.arrived + dropped == static_cast<std::uint64_t>(threads * each + last_ones));
}

TEST_CASE("SyslogClient: repetitions are counted, where that is asked for",
          "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    {
        const SyslogClient client({.ident = "p", .to = log.target(), .repeats = Repeats::folded});
        for (int i = 0; i < 5; ++i) client.write(Severity::error, "disk is full");
        client.write(Severity::info, "disk is full");  // another severity is another message
        client.write(Severity::info, "other");
        client.write(Severity::info, "other", Rfc5424{});
        client.write(Severity::info, "other");
        client.write(Severity::info, "other");
    }
    const auto lines = log.receiver.receive_all();
    Words all;
    for (const auto& line : lines) all.push_back(parsed_old(line).text);
    CHECK(all == Words{"disk is full", "last message repeated 4 times", "disk is full", "other",
                       "other", "other", "last message repeated 1 times"});
    CHECK(parsed_old(lines.at(1)).severity == 3);

    const SyslogClient client({.ident = "p", .to = log.target()});
    for (int i = 0; i < 3; ++i) client.write(Severity::error, "x");
    CHECK(texts(log) == Words{"x", "x", "x"});
}

TEST_CASE("SyslogClient: at its end it tells what was dropped", "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    {
        const SyslogClient client({.ident = "p", .to = log.target(), .bound = 1ms});
        constexpr int more_than_any_queue = 10'000;  // net.unix.max_dgram_qlen
        for (int i = 0; i < more_than_any_queue && client.dropped() == 0; ++i)
            client.write(Severity::info, "x");
        CHECK(client.dropped() > 0);
        static_cast<void>(texts(log));
    }
    const Words last = texts(log);
    REQUIRE(last.size() == 1);
    CHECK(sum_of(last).dropped > 0);
}

TEST_CASE("SyslogClient: a descriptor that somebody else closed is opened anew",
          "[syslog_client][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::udp, Kind::tcp, Kind::tcp_lines));
    const SyslogClient client({.ident = "p", .to = log.target()});
    client.write(Severity::info, "1");
    CHECK(log.next().text == "1");
    ::close(client.native_handle());
    client.write(Severity::info, "2");
    CHECK(log.next().text == "2");
    CHECK(client.dropped() == 0);
}

TEST_CASE("SyslogClient: a file that has got the closed descriptor's number is left alone",
          "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    const TempFolder folder;
    const SyslogClient client({.ident = "p", .to = log.target()});
    const int number = client.native_handle();
    const int other = ::open((folder / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::dup2(other, number) == number);
    client.write(Severity::info, "to the log");
    CHECK(log.next().text == "to the log");
    CHECK(client.native_handle() != number);
    CHECK(::fcntl(number, F_GETFD) >= 0);
    CHECK(testkit::read_file(folder / "file").empty());
    ::close(number);
    ::close(other);
}

TEST_CASE(
    "SyslogClient: a socket that has got the closed descriptor's number is noticed within a second",
    "[syslog_client][unit]") {
    TestLog log(Kind::datagrams);
    const SyslogClient client({.ident = "p", .to = log.target()});
    client.write(Severity::info, "0");
    CHECK(log.next().text == "0");
    const int number = client.native_handle();
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    REQUIRE(::dup2(ends[0], number) == number);
    std::optional<std::string> line;
    const auto time = time_of([&] {
        for (const auto deadline = Clock::now() + 10s; !line && Clock::now() < deadline;) {
            client.write(Severity::info, "x");
            line = log.receiver.receive(50ms);
        }
    });
    CHECK(line);
    CHECK(time < 6s);
    CHECK(client.native_handle() != number);
    CHECK(::fcntl(number, F_GETFD) >= 0);
    for (const int fd : {ends[0], ends[1], number}) ::close(fd);
}

TEST_CASE("SyslogClient: what can never be sent is refused, and says why",
          "[syslog_client][unit]") {
    const TempFolder folder;
    const SyslogTarget nowhere = LocalLog{.path = folder / "log"};
    const auto says = [](const std::optional<Error>& error, int number, const std::string& why) {
        REQUIRE(error);
        INFO(error->what());
        CHECK(error->code().value() == number);
        CHECK(std::string(error->what()).find(why) != std::string::npos);
    };
    says(refusal({.ident = "two words", .to = nowhere}), EINVAL, "one word");
    says(refusal({.ident = std::string(49, 'i'), .to = nowhere}), EINVAL, "longer than 48");
    says(refusal({.ident = "p", .facility = static_cast<Facility>(0), .to = nowhere}), EINVAL,
         "no such facility");
    says(refusal({.to = LocalLog{.path = "log"}}), EINVAL, "absolute");
    says(refusal({.to = LocalLog{.path = ""}}), EINVAL, "absolute");
    says(refusal({.to = LocalLog{.path = "/" + std::string(108, 'x')}}), ENAMETOOLONG, "/xxx");
    says(refusal({.to = UdpHost{}}), EINVAL, "a name and a port");
    says(refusal({.to = UdpHost{.host = "127.0.0.1", .port = 0}}), EINVAL, "a name and a port");
    says(refusal({.to = TcpHost{.host = "no.such.host.invalid"}}), EHOSTUNREACH,
         "no.such.host.invalid");
    says(refusal({.to = UdpHost{.host = "127.0.0.1", .hostname = "two words"}}), EINVAL,
         "one word");
    says(refusal({.to = UdpHost{.host = "127.0.0.1", .form = Rfc5424{.msgid = "two words"}}}),
         EINVAL, "one word");
    for (const char* const name :
         {"", "a=b", "a]", "a\"", "a b", "\xc3\xa9", "123456789012345678901234567890123"}) {
        INFO(name);
        says(refusal({.to = UdpHost{.host = "127.0.0.1",
                                    .form = Rfc5424{.structured_data = {{name, {}}}}}}),
             EINVAL, "1 to 32 bytes");
        says(refusal({.to = UdpHost{.host = "127.0.0.1",
                                    .form = Rfc5424{.structured_data = {{"x", {{name, "v"}}}}}}}),
             EINVAL, "1 to 32 bytes");
    }
    says(refusal({.to = UdpHost{.host = "127.0.0.1",
                                .form = Rfc5424{.structured_data =
                                                    {{"x", {{"y", std::string(1000, 'z')}}}}}}}),
         EINVAL, "4000");
    CHECK_FALSE(refusal({.to = nowhere}));
}

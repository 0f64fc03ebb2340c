// SPDX-License-Identifier: MIT
// SyslogClient with every system call failing: the caller never sees it, and every message arrives or is counted.
#include <daemonkit/syslog_client.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "log_receiver.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using daemonkit::testkit::LogReceiver;
using daemonkit::testkit::TestLog;
using daemonkit::testkit::texts;
using daemonkit::testkit::with_fault;
using Kind = LogReceiver::Kind;
using Words = std::vector<std::string>;

namespace {

std::uint64_t dropped_in(const Words& all) {
    std::uint64_t dropped = 0;
    for (const auto& text : all)
        if (text.find(" messages dropped") != std::string::npos) dropped += std::stoull(text);
    return dropped;
}

std::uint64_t arrived_in(const Words& all) {
    std::uint64_t arrived = 0;
    for (const auto& text : all)
        arrived += text.find(" messages dropped") == std::string::npos ? 1U : 0U;
    return arrived;
}

// Messages until one arrives; how many that took.
std::uint64_t write_until_heard(const SyslogClient& client, TestLog& log, Words& all) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    std::uint64_t sent = 0;
    while (std::chrono::steady_clock::now() < deadline) {
        client.write(Severity::info, "afterwards");
        ++sent;
        while (const auto line = log.receiver.receive(2ms)) {
            all.push_back(log.parsed(*line).text);
            if (all.back() == "afterwards") return sent;
        }
    }
    return sent;
}

}  // namespace

TEST_CASE(
    "SyslogClient: whichever call fails, however it fails, every message arrives or is counted",
    "[syslog_client][fault][unit]") {
    struct Case {
        const char* call;
        std::vector<int> errors;
    };
    const std::vector<Case> cases{
        {"socket", {EMFILE, ENFILE, EAFNOSUPPORT, ENOBUFS, EACCES}},
        {"connect", {ENOENT, ECONNREFUSED, EACCES, EAGAIN, EINTR, ETIMEDOUT, ENETUNREACH}},
        {"send",
         {ECONNREFUSED, ENOTCONN, ECONNRESET, EPIPE, EBADF, ENOTSOCK, EAGAIN, ENOBUFS, ENOMEM,
          EMSGSIZE, EINTR, EPERM}},
        {"recv", {ECONNRESET, EINTR, EIO}},
        {"fstat", {EBADF, EIO}},
        {"getsockopt", {EBADF}},
        {"setsockopt", {ENOPROTOOPT}},
        {"poll", {EINTR, ENOMEM}},
        {"fcntl_dupfd_cloexec", {EMFILE}},
        {"mmap", {ENOMEM}},
        {"madvise", {EINVAL}},
    };
    const Kind kind = GENERATE(Kind::datagrams, Kind::streams, Kind::udp, Kind::tcp);
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const int before = testkit::open_descriptors();
    {
        TestLog log(kind);
        for (const auto& each : cases) {
            for (const int error : each.errors) {
                CAPTURE(each.call, error, static_cast<int>(kind), static_cast<int>(repeat));
                std::uint64_t sent = 0;
                Words all;
                const SyslogClient client({.ident = "p", .to = log.target(), .bound = 5ms});
                client.write(Severity::info, "before");
                ++sent;
                {
                    const Fault fault(each.call, 1, error, repeat);
                    for (int i = 0; i < 3; ++i) {
                        errno = EDOM;
                        client.write(Severity::info, "meanwhile");
                        CHECK(errno == EDOM);
                        ++sent;
                    }
                }
                sent += write_until_heard(client, log, all);
                // A refusal says that the datagram before was lost, which is not so here.
                const bool is_false =
                    kind == Kind::udp && std::string(each.call) == "send" && error == ECONNREFUSED;
                CHECK(arrived_in(all) + dropped_in(all) == sent + (is_false ? 1 : 0));
                CHECK(client.dropped() == dropped_in(all));
            }
        }
    }
    CHECK(testkit::open_descriptors() == before);
}

TEST_CASE("SyslogClient: a connection that broke is made anew, and the message sent again",
          "[syslog_client][fault][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp));
    for (const int error : {ECONNREFUSED, ENOTCONN, ECONNRESET, EPIPE}) {
        CAPTURE(error);
        const SyslogClient client({.ident = "p", .to = log.target()});
        client.write(Severity::info, "1");
        const Fault fault("send", 1, error);
        client.write(Severity::info, "2");
        CHECK(fault.hits() == 1);
        CHECK(texts(log, 20ms) == Words{"1", "2"});
        CHECK(client.dropped() == 0);
    }
}

TEST_CASE("SyslogClient: a log that breaks every connection is not stormed",
          "[syslog_client][fault][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::streams, Kind::tcp));
    const SyslogClient client({.ident = "p", .to = log.target()});
    const Fault fault("send", 1, EPIPE, Repeat::for_good);
    const std::uint32_t before = fault::calls("connect");
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) client.write(Severity::info, "x");
    const auto time = std::chrono::steady_clock::now() - start;
    CHECK(client.dropped() == 1000);
    // Each time the wait before the next one is doubled; the longest one for a local log is 0.1 s.
    CHECK(fault::calls("connect") - before < 40 + static_cast<std::uint32_t>(time / 50ms));
}

TEST_CASE("SyslogClient: a line that is too long for the way is cut until it fits",
          "[syslog_client][fault][unit]") {
    TestLog log(Kind::datagrams);
    const SyslogClient client({.ident = "p", .to = log.target()});
    {
        const Fault fault("send", 1, EMSGSIZE);
        client.write(Severity::info, std::string(4000, 'x'));
    }
    const Words all = texts(log);
    REQUIRE(all.size() == 1);
    CHECK(all[0].size() < 2000);
    CHECK(all[0].size() > 1900);
    CHECK(all[0].substr(all[0].size() - 6) == " [cut]");
    const Fault fault("send", 1, EMSGSIZE, Repeat::for_good);
    client.write(Severity::info, std::string(8000, 'x'));
    CHECK(fault.hits() == 5);  // whole, then half of it, down to what every receiver takes
    CHECK(client.dropped() == 1);
}

TEST_CASE("SyslogClient: whatever fails in the making, the client is there and sends later",
          "[syslog_client][fault][unit]") {
    TestLog log(GENERATE(Kind::datagrams, Kind::tcp));
    // First what is done once in a process: the page that keeps the pid.
    for (const char* const call :
         {"mmap", "madvise", "socket", "connect", "fstat", "gethostname"}) {
        CAPTURE(call);
        std::optional<SyslogClient> client;
        const auto outcome = with_fault(call, 1, EACCES, Repeat::for_good, [&] {
            client.emplace(SyslogClientOptions{.ident = "p", .to = log.target()});
        });
        REQUIRE_FALSE(outcome.error);
        Words all;
        const std::uint64_t sent = write_until_heard(*client, log, all);
        CHECK(arrived_in(all) + dropped_in(all) == sent);
    }
}

TEST_CASE("SyslogClient: a name service that fails is told", "[syslog_client][fault][unit]") {
    const auto outcome = with_fault("getaddrinfo", 1, EIO, Repeat::once, [] {
        const SyslogClient client({.to = UdpHost{.host = "loghost"}});
    });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == Step::open_syslog);
    CHECK(outcome.error->subject() == "loghost");
    CHECK(outcome.error->exit_status() == 71);
}

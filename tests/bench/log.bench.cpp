// SPDX-License-Identifier: MIT
// What a line of the log costs, beside one send, or one write, of a line whose head is put together already. No test
// asserts a time.
#include <daemonkit/log_file.hpp>
#include <daemonkit/syslog_client.hpp>
#include <daemonkit/syslog_sink.hpp>

#include "bench/figures.hpp"
#include "bench/trace.hpp"
#include "catch.hpp"
#include "not_tested.hpp"
#include "probes/private_dev.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#ifdef DAEMONKIT_BENCH_SPDLOG
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#endif

using namespace daemonkit;
using bench::Figure;

namespace {

constexpr std::string_view text = "sensor 3 reports 21.5 degrees, fan at 40 percent";

// The queue of a datagram socket holds ten lines: so many are written before they are taken out.
constexpr int batch = 8;

/// /dev/log of this process alone.
class Receiver {
public:
    Receiver() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        const ::sockaddr_un address = dev_log();
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Receiver() { ::close(socket_); }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    static ::sockaddr_un dev_log() {
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, "/dev/log");
        return address;
    }

    int drain() const {
        std::array<char, 9000> line;
        int count = 0;
        while (::recv(socket_, line.data(), line.size(), 0) >= 0) ++count;
        return count;
    }

private:
    int socket_;
};

struct Way {
    std::string name;
    std::function<void()> write_one;
};

/// What one line takes, in rounds of `lines`, and how many instructions; after each round `expected` lines have arrived.
void compare(const std::string& name, const std::vector<Way>& ways, int rounds, int lines,
             const Receiver& receiver, int expected) {
    Figure time(name, "ns");
    Figure rate(name + "_rate", "1000/s");
    for (int round = bench::rounds(rounds); round > 0; --round) {
        for (const Way& way : ways) {
            const double took = bench::nanoseconds_of([&] {
                for (int line = 0; line < lines; ++line) {
                    way.write_one();
                    asm volatile("" ::: "memory");  // no call is left out because it did nothing
                }
            });
            REQUIRE(receiver.drain() == expected);
            time.add(way.name, took / lines);
            rate.add(way.name, 1e6 * lines / took);
        }
    }
    Figure instructions(name + "_instructions", "instructions");
    for (const Way& way : ways) {
        const auto count = bench::count_instructions(way.write_one);
        receiver.drain();
        if (count)
            instructions.add(way.name, *count);
        else
            instructions.remark(way.name, "not measured here: it cannot be traced");
    }
#ifndef DAEMONKIT_BENCH_SPDLOG
    time.remark("spdlog", "not installed");
    instructions.remark("spdlog", "not installed");
#endif
}

}  // namespace

TEST_CASE("Log: a line to a socket that is read", "[bench][log]") {
    if (const std::string refused = testkit::enter_private_dev(); !refused.empty()) {
        for (const char* name : {"log_line", "log_line_rate", "log_line_instructions", "log_below",
                                 "log_below_instructions"})
            Figure(name, "").remark(bench::daemonkit_itself,
                                    "not measured here: it needs " + refused);
        return testkit::not_tested("a /dev/log of its own needs " + refused);
    }
    const Receiver receiver;

    const int raw = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const ::sockaddr_un address = Receiver::dev_log();
    REQUIRE(::connect(raw, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const std::string head = "<30>Nov 21 13:31:39 thermod[12345]: ";

    SyslogClient client({.ident = "thermod"});
    std::vector<Way> ways;
    ways.push_back({bench::raw, [&] {
                        struct ::timespec now {};
                        ::clock_gettime(CLOCK_REALTIME, &now);  // is the head still right?
                        std::array<char, 256> line;
                        std::memcpy(line.data(), head.data(), head.size());
                        std::memcpy(line.data() + head.size(), text.data(), text.size());
                        static_cast<void>(
                            ::send(raw, line.data(), head.size() + text.size(), MSG_NOSIGNAL));
                    }});
    ways.push_back({bench::daemonkit_itself, [&] { client.write(Severity::info, text); }});
    const SyslogSink sink({.ident = "thermod"});
    ways.push_back({"libc syslog(3)", [&] { ::syslog(LOG_INFO, "%s", text.data()); }});
    ways.push_back({"SyslogSink, by libc", [&] { sink.write(Severity::info, text); }});
#ifdef DAEMONKIT_BENCH_SPDLOG
    const auto spdlog_sink =
        std::make_shared<spdlog::sinks::syslog_sink_st>("thermod", LOG_PID, LOG_DAEMON, false);
    spdlog::logger logger("thermod", spdlog_sink);
    ways.push_back({"spdlog", [&] { logger.info(text); }});
#endif
    compare("log_line", ways, 5000, batch, receiver, batch);

    client.set_mask(SeverityMask::up_to(Severity::warning));
    ::setlogmask(LOG_UPTO(LOG_WARNING));
    ways[0].write_one = [threshold = 4] {
        int severity = 6;
        asm volatile("" : "+r"(severity));
        if (severity <= threshold) std::abort();
    };
#ifdef DAEMONKIT_BENCH_SPDLOG
    logger.set_level(spdlog::level::warn);
#endif
    compare("log_below", ways, 500, 1000, receiver, 0);
    ::close(raw);
}

TEST_CASE("Log: a line to a file", "[bench][log]") {
    std::string folder =
        ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/bench-XXXXXX" : "/tmp/bench-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::array<std::string, 3> paths{folder + "/raw", folder + "/daemonkit",
                                           folder + "/spdlog"};
    Figure time("log_file_line", "ns");
    {
        const int raw = ::open(paths[0].c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        REQUIRE(raw >= 0);
        const std::string line =
            "2026-11-21T13:31:39.123+01:00 thermod[12345] info: " + std::string(text) + "\n";
        LogFile file(paths[1], {.ident = "thermod"});
        std::vector<Way> ways;
        ways.push_back(
            {bench::raw, [&] { static_cast<void>(!::write(raw, line.data(), line.size())); }});
        ways.push_back({bench::daemonkit_itself, [&] { file.write(Severity::info, text); }});
#ifdef DAEMONKIT_BENCH_SPDLOG
        spdlog::logger logger("thermod",
                              std::make_shared<spdlog::sinks::basic_file_sink_st>(paths[2]));
        logger.flush_on(spdlog::level::info);  // a line is in the file when the call is over
        ways.push_back({"spdlog", [&] { logger.info(text); }});
#else
        time.remark("spdlog", "not installed");
#endif
        constexpr int lines = 100;
        for (int round = bench::rounds(200); round > 0; --round) {
            for (const Way& way : ways) {
                time.add(way.name, bench::nanoseconds_of([&] {
                                       for (int i = 0; i < lines; ++i) way.write_one();
                                   }) / lines);
            }
        }
        ::close(raw);
    }
    for (const std::string& path : paths) ::unlink(path.c_str());
    REQUIRE(::rmdir(folder.c_str()) == 0);
}

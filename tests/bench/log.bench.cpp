// SPDX-License-Identifier: MIT
// What a line of the log costs, as a ratio to one send of a line whose head is put together already, in one run. No
// test asserts a time.
#include <daemonkit/syslog_client.hpp>
#include <daemonkit/syslog_sink.hpp>

#include "catch.hpp"
#include "not_tested.hpp"
#include "probes/private_dev.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#ifdef DAEMONKIT_BENCH_SPDLOG
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#endif

using namespace daemonkit;
using Clock = std::chrono::steady_clock;

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

/// Instructions of this process in user space, where the machine counts them.
class Instructions {
public:
    Instructions() {
        perf_event_attr what{};
        what.size = sizeof what;
        what.type = PERF_TYPE_HARDWARE;
        what.config = PERF_COUNT_HW_INSTRUCTIONS;
        what.exclude_kernel = 1;
        what.exclude_hv = 1;
        fd_ = static_cast<int>(
            ::syscall(SYS_perf_event_open, &what, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
    }
    ~Instructions() {
        if (fd_ >= 0) ::close(fd_);
    }
    Instructions(const Instructions&) = delete;
    Instructions& operator=(const Instructions&) = delete;

    std::optional<std::uint64_t> count() const {
        std::uint64_t value = 0;
        if (fd_ < 0 || ::read(fd_, &value, sizeof value) != sizeof value) return {};
        return value;
    }

private:
    int fd_ = -1;
};

struct Way {
    std::string name;
    std::function<void()> write_batch;
    std::vector<double> ns = {};
    double instructions = -1;
};

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Each way in each round, so that a machine that gets slower does so for all of them.
void compare(const char* title, std::vector<Way> ways, int rounds, int lines_a_batch,
             const Receiver& receiver, int expected) {
    const Instructions instructions;
    for (int round = 0; round < rounds; ++round) {
        for (Way& way : ways) {
            const auto counted = instructions.count();
            const auto before = Clock::now();
            way.write_batch();
            const auto after = Clock::now();
            const auto counted_after = instructions.count();
            REQUIRE(receiver.drain() == expected);
            way.ns.push_back(std::chrono::duration<double, std::nano>(after - before).count() /
                             lines_a_batch);
            if (counted)
                way.instructions = static_cast<double>(*counted_after - *counted) / lines_a_batch;
        }
    }
    const double raw = median(ways.front().ns);
    std::printf("\n%s, medians of %d rounds\n%-34s %10s %7s %13s\n", title, rounds, "", "ns a line",
                "ratio", "instructions");
    for (const Way& way : ways) {
        const double ns = median(way.ns);
        std::printf("%-34s %10.1f %7.2f ", way.name.c_str(), ns, ns / raw);
        if (way.instructions < 0)
            std::printf("%13s\n", "not counted");
        else
            std::printf("%13.0f\n", way.instructions);
    }
    std::fflush(stdout);
}

}  // namespace

TEST_CASE("Log: a line to a socket that is read", "[bench][log]") {
    if (const std::string refused = testkit::enter_private_dev(); !refused.empty())
        return testkit::not_tested("a /dev/log of its own needs " + refused);
    const Receiver receiver;

    const int raw = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const ::sockaddr_un address = Receiver::dev_log();
    REQUIRE(::connect(raw, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const std::string head = "<30>Nov 21 13:31:39 thermod[12345]: ";

    SyslogClient client({.ident = "thermod"});
    const auto batch_of = [](auto write_one) {
        return [write_one] {
            for (int i = 0; i < batch; ++i) write_one();
        };
    };
    std::vector<Way> ways;
    ways.push_back(
        {"one send, its head cached", batch_of([&] {
             struct ::timespec now {};
             ::clock_gettime(CLOCK_REALTIME, &now);  // to see whether the head is still right
             std::array<char, 256> line;
             std::memcpy(line.data(), head.data(), head.size());
             std::memcpy(line.data() + head.size(), text.data(), text.size());
             static_cast<void>(::send(raw, line.data(), head.size() + text.size(), MSG_NOSIGNAL));
         })});
    ways.push_back(
        {"daemonkit SyslogClient", batch_of([&] { client.write(Severity::info, text); })});
    {
        const SyslogSink sink({.ident = "thermod"});
        ways.push_back(
            {"libc syslog(3)", batch_of([&] { ::syslog(LOG_INFO, "%s", text.data()); })});
        ways.push_back({"daemonkit SyslogSink, through libc",
                        batch_of([&] { sink.write(Severity::info, text); })});
#ifdef DAEMONKIT_BENCH_SPDLOG
        const auto spdlog_sink =
            std::make_shared<spdlog::sinks::syslog_sink_st>("thermod", LOG_PID, LOG_DAEMON, false);
        spdlog::logger logger("thermod", spdlog_sink);
        ways.push_back({"spdlog syslog_sink_st", batch_of([&] { logger.info(text); })});
#endif
        compare("a line of 48 bytes to a socket that is read", ways, 5000, batch, receiver, batch);
    }

    constexpr int calls = 1000;
    const auto calls_of = [](auto write_one) {
        return [write_one] {
            for (int i = 0; i < calls; ++i) {
                write_one();
                asm volatile("" ::: "memory");  // no call is left out because it did nothing
            }
        };
    };
    client.set_mask(SeverityMask::up_to(Severity::warning));
    ::setlogmask(LOG_UPTO(LOG_WARNING));
    compare("a line below the threshold",
            {{"a comparison, inline", calls_of([threshold = 4] {
                  int severity = 6;
                  asm volatile("" : "+r"(severity));
                  if (severity <= threshold) std::abort();
              })},
             {"daemonkit SyslogClient", calls_of([&] { client.write(Severity::info, text); })},
             {"libc syslog(3)", calls_of([&] { ::syslog(LOG_INFO, "%s", text.data()); })}},
            500, calls, receiver, 0);
    ::close(raw);
}

// SPDX-License-Identifier: MIT
// The clients of a control socket, one kind after the other: each can hold up only itself. After each a good one is
// answered within a second, the descriptors are back, and nothing spins.
#include <daemonkit/control_client.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/control_thread.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "control_clients.hpp"
#include "not_tested.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <time.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Clock = std::chrono::steady_clock;

namespace {

// How much processor time this process has had.
std::chrono::nanoseconds processor_time() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

// A daemon that takes nothing for granted, and what is expected of it whatever its clients do.
class Daemon {
public:
    explicit Daemon(ControlSocketOptions options = {}) : socket_(with_path(std::move(options))) {
        socket_.on("echo", [](const ControlRequest& request) {
            return ControlAnswer{0, request.arguments.empty() ? "" : request.arguments[0]};
        });
        socket_.on("much", [](const ControlRequest& request) {
            return ControlAnswer{0, std::string(std::stoul(request.arguments.at(0)), 'm')};
        });
        socket_.on("count", [this](const ControlRequest&) {
            return ControlAnswer{0, std::to_string(++count_)};
        });
        thread_.emplace(socket_);
        descriptors_ = count_descriptors();
    }

    const std::string& path() const { return socket_.path(); }
    RawClient client() const { return RawClient(path()); }
    int count() const { return count_; }

    void expect_good_client() {
        const auto begin = Clock::now();
        CHECK(ask(path(), {"echo", "good"}).text == "good");
        CHECK(Clock::now() - begin < 5s);
    }
    // All clients have gone: so have their descriptors.
    void expect_nothing_left() {
        CHECK(comes_to_hold([&] { return count_descriptors() == descriptors_; }));
        expect_good_client();
        CHECK(comes_to_hold([&] { return count_descriptors() == descriptors_; }));
        thread_.reset();
    }
    static void expect_no_spinning() {
        const auto before = processor_time();
        std::this_thread::sleep_for(200ms);  // not for an event: how much is done meanwhile
        CHECK(processor_time() - before < 60ms);
    }

private:
    ControlSocketOptions with_path(ControlSocketOptions options) const {
        options.path = folder_ / "control";
        return options;
    }

    TempFolder folder_;
    std::atomic<int> count_{0};
    ControlSocket socket_;
    std::optional<ControlThread> thread_;
    int descriptors_ = 0;
};

}  // namespace

TEST_CASE("ControlSocket: a silent client is dropped when its time is over",
          "[control_socket][unit]") {
    Daemon daemon({.path = {}, .patience = 300ms});
    auto silent = daemon.client();
    daemon.expect_good_client();
    const auto begin = Clock::now();
    CHECK(silent.until_end().empty());
    CHECK(silent.is_ended());
    CHECK(Clock::now() - begin < 5s);
    silent.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: many silent clients do not keep out one that asks",
          "[control_socket][unit]") {
    Daemon daemon;
    std::vector<RawClient> silent;
    for (int i = 0; i < 500; ++i) silent.push_back(daemon.client());
    daemon.expect_good_client();
    Daemon::expect_no_spinning();
    daemon.expect_good_client();
    // Those who were sent away for others have been told why, and it is true: no request of theirs was done.
    CHECK(silent.front().until_end() == "75 too many clients: try again\n");
    silent.clear();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a client that has ended its side still gets its answers",
          "[control_socket][unit]") {
    Daemon daemon;
    auto half = daemon.client();
    half.send("echo 1\necho 2\n");
    half.end_sending();
    CHECK(half.until_end() == "0 1\n0 2\n");
    CHECK(half.is_ended());

    // A line without its end may have been cut: `stop` of `stop-later`.
    auto cut = daemon.client();
    cut.send("count");
    cut.end_sending();
    CHECK(cut.until_end() == "64 the line has no newline at its end\n");
    CHECK(daemon.count() == 0);

    auto mute = daemon.client();
    mute.end_sending();
    CHECK(mute.until_end().empty());
    CHECK(mute.is_ended());
    half.hang_up(), cut.hang_up(), mute.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a line without end is refused at its limit", "[control_socket][unit]") {
    Daemon daemon({.path = {}, .longest_request = 100});
    auto endless = daemon.client();
    endless.try_send(std::string(1'000'000, 'x'));
    CHECK(endless.until_end() == "64 the line is longer than 100 bytes\n");
    CHECK(endless.is_ended());
    endless.hang_up();

    auto exact = daemon.client();
    exact.send("echo " + std::string(95, 'x') + "\necho " + std::string(96, 'y') + "\n");
    CHECK(exact.until_end() ==
          "0 " + std::string(95, 'x') + "\n64 the line is longer than 100 bytes\n");
    exact.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: bytes that are no request are refused line by line",
          "[control_socket][unit]") {
    Daemon daemon;
    std::string all;
    for (int byte = 255; byte >= 0; --byte)
        if (byte != '\n') all += static_cast<char>(byte);
    for (const std::string& line : {all, "count\0 x"s, "\0"s, "\xff\xfe"s, "count \x1b[2J"s}) {
        auto client = daemon.client();
        client.send(line + "\necho after\n");
        const std::string answer = client.lines(2);
        CHECK(answer.substr(0, 3) == "64 ");
        CHECK(answer.substr(answer.find('\n') + 1) == "0 after\n");
    }
    for (const std::string& text : {"%s%n%d"s, "$(reboot)"s, "';--"s, "../../etc/passwd"s}) {
        auto client = daemon.client();
        client.send("echo " + text + "\n");
        CHECK(client.lines(1) == "0 " + text + "\n");
    }
    CHECK(daemon.count() == 0);
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a client that drips byte by byte has no more time than others",
          "[control_socket][unit]") {
    Daemon daemon({.path = {}, .patience = 400ms});
    auto dripping = daemon.client();
    const auto begin = Clock::now();
    while (dripping.try_send("x") == 1 && Clock::now() - begin < 5s) {
        daemon.expect_good_client();
        std::this_thread::sleep_for(20ms);  // its way to be slow
    }
    CHECK(Clock::now() - begin < 3s);
    dripping.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a client that never reads is dropped when its time is over",
          "[control_socket][unit]") {
    Daemon daemon({.path = {}, .patience = 400ms});
    auto never = daemon.client();
    never.send("much 1000000\necho 2\n");
    daemon.expect_good_client();
    Daemon::expect_no_spinning();
    auto piper = daemon.client();
    while (piper.try_send("much 10000\n") > 0) continue;
    daemon.expect_good_client();
    const auto begin = Clock::now();
    CHECK(comes_to_hold([&] {
        pollfd set{never.fd(), 0, 0};
        return ::poll(&set, 1, 0) == 1 && (set.revents & POLLHUP) != 0;
    }));
    CHECK(Clock::now() - begin < 5s);
    // What it was sent before is not a whole answer.
    const std::string rest = never.until_end();
    CHECK(rest.size() < 1'000'000);
    never.hang_up(), piper.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a client that reads slowly, but in time, gets all of a long answer",
          "[control_socket][unit]") {
    Daemon daemon;
    auto slow = daemon.client();
    slow.send("much 1000000\necho 2\n");
    std::string answer;
    char bytes[7000];
    while (answer.size() < 1'000'007) {
        const ssize_t size = ::recv(slow.fd(), bytes, sizeof bytes, 0);
        REQUIRE(size > 0);
        answer.append(bytes, static_cast<std::size_t>(size));
    }
    CHECK(answer.substr(0, 3) == "0 m");
    CHECK(answer.substr(1'000'000) == "mm\n0 2\n");
    slow.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a client that is gone before the answer costs nothing",
          "[control_socket][unit]") {
    Daemon daemon;
    for (int i = 0; i < 100; ++i) {
        auto gone = daemon.client();
        gone.send(i % 2 == 0 ? "count\n" : "much 500000\ncount\n");
        gone.hang_up();
    }
    // What was sent whole was asked for, whether or not anyone waits for the answer.
    CHECK(comes_to_hold([&] { return daemon.count() >= 50; }));
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: descriptors that a client passes are closed", "[control_socket][unit]") {
    Daemon daemon;
    const int before = count_descriptors();
    auto passing = daemon.client();
    for (int i = 0; i < 4; ++i) CHECK(passing.pass(0, 200));
    passing.send("\necho \"still here\"\n");
    CHECK(passing.lines(2) == "64 unknown verb xxxx; help lists those there are\n0 still here\n");
    CHECK(count_descriptors() == before + 2);  // both ends of the connection

    auto unread = daemon.client();
    unread.try_send(std::string(5000, 'x'));
    for (int i = 0; i < 4; ++i) unread.pass(0, 200);  // nobody reads it any more, or it is closed
    CHECK(unread.until_end().substr(0, 3) == "64 ");
    passing.hang_up(), unread.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: a thousand good clients at once are all answered",
          "[control_socket][unit]") {
    // Clients and daemon are one process here, so both take of its descriptors; 1024 are usual, and too few.
    struct ::rlimit limit {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    constexpr rlim_t needed = 2000;
    if (limit.rlim_max < needed) return not_tested("no 2000 descriptors are allowed");
    if (limit.rlim_cur < needed) limit.rlim_cur = needed;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    Daemon daemon;
    constexpr int threads = 10;
    constexpr int each = 100;
    std::atomic<int> answered{0};
    std::vector<std::thread> askers;
    // All are connected, or on their way, before the first has its answer.
    for (int i = 0; i < threads; ++i) {
        askers.emplace_back([&] {
            std::vector<RawClient> clients;
            for (int k = 0; k < each; ++k) {
                clients.push_back(daemon.client());
                clients.back().send("echo " + std::to_string(k) + "\n");
            }
            for (int k = 0; k < each; ++k)
                if (clients[static_cast<std::size_t>(k)].lines(1) ==
                    "0 " + std::to_string(k) + "\n")
                    ++answered;
        });
    }
    for (auto& asker : askers) asker.join();
    CHECK(answered == threads * each);
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: requests that come at once are answered in their order",
          "[control_socket][unit]") {
    Daemon daemon;
    auto piper = daemon.client();
    std::string requests;
    std::string answers;
    for (int i = 0; i < 500; ++i) {
        requests += "echo " + std::to_string(i) + "\r\n";
        answers += "0 " + std::to_string(i) + '\n';
    }
    piper.send(requests);
    CHECK(piper.lines(500) == answers);
    piper.hang_up();
    daemon.expect_nothing_left();
}

TEST_CASE("ControlSocket: an answer beyond its limit is told to be too long",
          "[control_socket][unit]") {
    Daemon daemon({.path = {}, .longest_answer = 1000});
    CHECK(ask(daemon.path(), {"much", "900"}).text.size() == 900);
    const auto answer = ask(daemon.path(), {"much", "1000"});
    CHECK(answer.status == 70);
    CHECK(answer.text == "the answer is longer than 1000 bytes");
}

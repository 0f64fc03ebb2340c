// SPDX-License-Identifier: MIT
// ask, whoever sits at the socket: it comes back within its time, with an answer or with what is wrong.
#include <daemonkit/control_client.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "not_tested.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// Somebody who listens at a path, and does with one client what no ControlSocket would.
class Stranger {
public:
    Stranger(const std::string& path, std::function<void(int)> act, int backlog = 8)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd_, backlog) == 0);
        if (!act) return;
        thread_ = std::thread([this, act = std::move(act)] {
            const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) return;
            act(client);
            ::close(client);
        });
    }
    ~Stranger() {
        ::shutdown(fd_, SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
        ::close(fd_);
    }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;

private:
    int fd_;
    std::thread thread_;
};

void say(int fd, const std::string& text) {
    static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL));
}
void read_line(int fd) {
    for (char byte = 0; byte != '\n' && ::recv(fd, &byte, 1, 0) == 1;) continue;
}
// Until the client has gone.
void read_all(int fd) {
    for (char byte = 0; ::recv(fd, &byte, 1, 0) == 1;) continue;
}

std::optional<Error> error_of(const std::string& path,
                              const std::vector<std::string>& words = {"status"},
                              Timeout timeout = Timeout::milliseconds(300)) {
    try {
        ask(path, words, timeout, 10'000);
        return {};
    } catch (const Error& error) {
        return error;
    }
}

}  // namespace

TEST_CASE("ask: a daemon that does not run is told from one that is dead, and from no right to ask",
          "[control_client][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const auto absent = error_of(path);
    REQUIRE(absent);
    CHECK(std::string(absent->what()) == "ask_control_socket: " + path +
                                             ": the daemon is not running: there is no such socket "
                                             "(No such file or directory)");
    CHECK(absent->exit_status() == 69);
    CHECK(error_of(path + "/below")->code().value() == ENOENT);

    { const Stranger gone(path, {}); }
    const auto dead = error_of(path);
    REQUIRE(dead);
    CHECK(dead->code().value() == ECONNREFUSED);
    CHECK(dead->explanation() == "the daemon is not running: it has left the socket behind");
    CHECK(dead->exit_status() == 69);

    std::ofstream(folder / "file").flush();
    CHECK(error_of(folder / "file")->code().value() == ECONNREFUSED);
}

TEST_CASE("ask: words that no request can hold are refused before anybody is asked",
          "[control_client][unit]") {
    using namespace std::string_literals;
    const TempFolder folder;
    const std::string path = folder / "control";
    for (const auto& words : std::vector<std::vector<std::string>>{
             {}, {"a\0b"s}, {"say", "\x1b[2J"}, {"say", "\r"}, {"say", "\xff"}, {"caf\xe9"}}) {
        const auto error = error_of(path, words);
        REQUIRE(error);
        CHECK(error->code().value() == EINVAL);
        CHECK(error->exit_status() == 78);
    }
    for (const auto& bad : {""s, std::string(200, 'x'), "a\0b"s})
        CHECK(error_of(bad)->exit_status() == 78);
}

TEST_CASE("ask: whoever sits at the socket holds nobody up beyond the time",
          "[control_client][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const auto silent = [](int client) { read_all(client); };
    const auto dripping = [](int client) {
        for (int i = 0; i < 1000; ++i) {
            if (::send(client, "0", 1, MSG_NOSIGNAL) != 1) return;
            std::this_thread::sleep_for(10ms);  // its way to be slow
        }
    };
    const auto unfinished = [](int client) {
        say(client, "0-first\n0-second\n");
        read_all(client);
    };
    std::vector<std::function<void(int)>> all{silent, unfinished};
    // A status of many digits is found out: what drips has to begin as an answer does.
    all.emplace_back([&](int client) {
        say(client, "0 ");
        dripping(client);
    });
    for (const auto& act : all) {
        const Stranger stranger(path, act);
        const auto begin = Clock::now();
        const auto error = error_of(path);
        CHECK(Clock::now() - begin < 3s);
        REQUIRE(error);
        CHECK(error->code().value() == ETIMEDOUT);
        CHECK(error->explanation() == "the daemon has not answered in time");
        std::filesystem::remove(path);
    }
}

TEST_CASE("ask: where so many wait that nobody can connect, the time is over as well",
          "[control_client][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const Stranger busy(path, {}, 0);  // it never accepts
    std::vector<std::thread> waiting;
    for (int i = 0; i < 3; ++i)
        waiting.emplace_back([&] { static_cast<void>(error_of(path, {"status"}, 600ms)); });
    const auto begin = Clock::now();
    const auto error = error_of(path, {"status"}, 400ms);
    CHECK(Clock::now() - begin < 3s);
    for (auto& thread : waiting) thread.join();
    REQUIRE(error);
    CHECK(error->code().value() == ETIMEDOUT);
}

TEST_CASE("ask: what is no answer is called so, and an endless one is cut",
          "[control_client][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const struct {
        std::string bytes;
        int error;
    } cases[] = {{"HTTP/1.1 400 Bad Request\r\n\r\n", EPROTO},
                 {"\n", EPROTO},
                 {"\xff\xfe\n", EPROTO},
                 {"999 x\n", EPROTO},
                 {"", ECONNRESET},
                 {"0-cut\n", ECONNRESET},
                 {"0 cut", ECONNRESET},
                 {"0 " + std::string(20'000, 'x') + "\n", EMSGSIZE}};
    for (const auto& each : cases) {
        CAPTURE(each.bytes.substr(0, 20));
        const Stranger stranger(path, [&](int client) {
            read_line(client);
            say(client, each.bytes);
        });
        const auto error = error_of(path, {"status"}, Timeout::seconds(10));
        REQUIRE(error);
        CHECK(error->code().value() == each.error);
        CHECK(error->exit_status() == 69);
        std::filesystem::remove(path);
    }
}

TEST_CASE(
    "ask: a daemon that closes while it is asked ends nobody by SIGPIPE, and its word still counts",
    "[control_client][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    struct sigaction before {};
    struct sigaction deadly {};
    deadly.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &deadly, &before);
    const std::vector<std::string> long_request{"say", std::string(2'000'000, 'x')};
    {
        const Stranger rude(path, [](int) {});
        CHECK(error_of(path, long_request, Timeout::seconds(10))->code().value() == ECONNRESET);
    }
    std::filesystem::remove(path);
    {
        const Stranger curt(path, [](int client) { say(client, "64 too long\n"); });
        const ControlAnswer answer = ask(path, long_request);
        CHECK(answer.status == 64);
        CHECK(answer.text == "too long");
    }
    ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("ask: leaves no descriptor, whatever happened", "[control_client][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const int before = count_descriptors();
    for (int i = 0; i < 10; ++i) static_cast<void>(error_of(path));
    CHECK(count_descriptors() == before);
}

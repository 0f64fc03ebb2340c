// SPDX-License-Identifier: MIT
#include <daemonkit/control_client.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/control_thread.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "control_clients.hpp"
#include "temp_folder.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/timerfd.h>
#endif

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;

namespace {

/// All words of the request, one a line.
ControlAnswer repeat(const ControlRequest& request) {
    std::string text = request.verb;
    for (const auto& argument : request.arguments) text += '\n' + argument;
    return {0, text};
}

}  // namespace

TEST_CASE("ControlSocket: a request arrives as it was meant, and so does its answer",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("repeat", repeat);
    const ControlThread thread(socket);
    const auto answer =
        ask(socket.path(), {"repeat", "plain", "two words", "", "\"\\\n\t", "caf\u00e9"});
    CHECK(answer.status == 0);
    CHECK(answer.text == "repeat\nplain\ntwo words\n\n\"\\\n\t\ncaf\u00e9");
}

TEST_CASE("ControlSocket: help lists the verbs, and an unknown one is told so",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("log-level", repeat, "sets the lowest severity").on("x", repeat);
    const ControlThread thread(socket);
    CHECK(ask(socket.path(), {"help"}).text ==
          "help       lists the verbs\nlog-level  sets the lowest severity\nx");
    const auto unknown = ask(socket.path(), {"no such", "verb"});
    CHECK(unknown.status == 64);
    CHECK(unknown.text == "unknown verb \"no such\"; help lists those there are");
}

TEST_CASE("ControlSocket: a handler that throws answers with the reason",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("error", [](const ControlRequest&) -> ControlAnswer {
        throw Error(Step::lock_pid_file, "/run/x.pid", EWOULDBLOCK, "already running");
    });
    socket.on("exception", [](const ControlRequest&) -> ControlAnswer {
        throw std::runtime_error("bad config");
    });
    socket.on("other", [](const ControlRequest&) -> ControlAnswer { throw 7; });
    const ControlThread thread(socket);
    const auto error = ask(socket.path(), {"error"});
    CHECK(error.status == 75);
    CHECK(error.text.find("already running") != std::string::npos);
    CHECK(ask(socket.path(), {"exception"}).text == "bad config");
    CHECK(ask(socket.path(), {"exception"}).status == 70);
    CHECK(ask(socket.path(), {"other"}).status == 70);
}

TEST_CASE("ControlSocket: the socket has its mode whatever the umask, and is gone with the object",
          "[control_socket][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    {
        const ControlSocket socket({.path = path, .mode = 0620});
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK(S_ISSOCK(status.st_mode));
        CHECK((status.st_mode & 07777) == 0620);
    }
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("ControlSocket: a handler may answer later, and its client alone waits",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control", .patience = 200ms});
    std::atomic<bool> is_ready{false};
    std::atomic<int> asked{0};
    socket.on("wait-ready", [&](const ControlRequest&) -> std::optional<ControlAnswer> {
        ++asked;
        if (!is_ready) return {};
        return ControlAnswer{0, "ready"};
    });
    const ControlThread thread(socket);
    RawClient first(socket.path());
    RawClient second(socket.path());
    first.send("wait-ready\nhelp\n");
    second.send("wait-ready\n");
    second.end_sending();
    {
        RawClient leaves(socket.path());
        leaves.send("wait-ready\n");
        CHECK(comes_to_hold([&] { return asked == 3; }));
    }
    // Its time to wait is its own: a daemon that takes long to be ready has not lost its clients by then.
    ::poll(nullptr, 0, 400);
    socket.look_again();
    CHECK(comes_to_hold([&] { return asked == 5; }));  // not by the one that has left
    CHECK(ask(socket.path(), {"help"}).status == 0);
    is_ready = true;
    socket.look_again();
    CHECK(first.lines(3) == "0 ready\n0-help        lists the verbs\n0 wait-ready\n");
    CHECK(second.until_end() == "0 ready\n");
    CHECK(second.is_ended());
}

TEST_CASE("ControlSocket: in the caller's loop its descriptor tells when there is something to do",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control", .patience = 100ms});
    socket.on("repeat", repeat);
    const auto is_readable = [&](int wait_ms) {
        pollfd set{socket.native_handle(), POLLIN, 0};
        return ::poll(&set, 1, wait_ms) == 1;
    };
    CHECK_FALSE(is_readable(0));
    socket.serve();
    CHECK_FALSE(is_readable(0));

    RawClient client(socket.path());
    REQUIRE(is_readable(10'000));
    socket.serve();
    CHECK_FALSE(is_readable(0));
    client.send("repeat\n");
    REQUIRE(is_readable(10'000));
    socket.serve();
    CHECK(client.lines(1) == "0 repeat\n");

    // That its time is over makes it readable, too.
    REQUIRE(is_readable(10'000));
    while (is_readable(500)) socket.serve();
    CHECK(client.until_end().empty());
    CHECK(client.is_ended());
}

TEST_CASE(
    "ControlSocket: a socket that was removed can be made again, and who is connected stays so",
    "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control", .mode = 0600});
    socket.on("repeat", repeat);
    CHECK(socket.is_named());
    RawClient old(socket.path());
    socket.serve();
    const bool is_replaced = GENERATE(false, true);
    std::filesystem::remove(socket.path());
    if (is_replaced) {
        ControlSocket short_lived({.path = folder / "other"});
        std::filesystem::create_hard_link(folder / "other",
                                          socket.path());  // a dead one's, after this
    }
    CHECK_FALSE(socket.is_named());
    socket.renew();
    CHECK(socket.is_named());
    CHECK(std::filesystem::status(socket.path()).permissions() == std::filesystem::perms(0600));
    socket.renew();
    CHECK(socket.is_named());

    RawClient young(socket.path());
    const ControlThread thread(socket);
    old.send("repeat old\n");
    CHECK(old.lines(2) == "0-repeat\n0 old\n");
    young.send("repeat young\n");
    CHECK(young.lines(2) == "0-repeat\n0 young\n");
}

TEST_CASE("ControlSocket: a handler may set verbs, its own among them", "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    // Longer than what a std::function keeps in itself: a handler that was destroyed would answer with what is gone.
    const std::string before(100, 'b');
    const std::string after(100, 'a');
    socket.on("turn", [&socket, before, after](const ControlRequest&) {
        for (int number = 0; number < 50; ++number)
            socket.on("verb" + std::to_string(number), repeat);
        for (int times = 0; times < 2; ++times)
            socket.on("turn", [after](const ControlRequest&) { return ControlAnswer{0, after}; });
        return ControlAnswer{0, before};
    });
    const ControlThread thread(socket);
    CHECK(ask(socket.path(), {"turn"}).text == before);
    CHECK(ask(socket.path(), {"turn"}).text == after);
    CHECK(ask(socket.path(), {"verb49"}).text == "verb49");
    CHECK(ask(socket.path(), {"help"}).text.find("\nturn\nverb0\n") != std::string::npos);
}

TEST_CASE("ControlSocket: whoever serves a socket makes it again when it was removed",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("repeat", repeat);
    const ControlThread thread(socket);
    RawClient client(socket.path());
    std::filesystem::remove(socket.path());
    const auto begin = std::chrono::steady_clock::now();
    while (!std::filesystem::exists(socket.path()) &&
           std::chrono::steady_clock::now() - begin < 20s) {
        client.send("repeat\n");
        REQUIRE(client.lines(1) == "0 repeat\n");
        ::poll(nullptr, 0, 20);
    }
    CHECK(ask(socket.path(), {"repeat"}).text == "repeat");
}

#ifdef __linux__
TEST_CASE("ControlSocket: when nobody asks, its name is looked after once a minute",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    const auto seconds_left = [&] {
        itimerspec left{};
        REQUIRE(::timerfd_gettime(socket.descriptors().back(), &left) == 0);
        return left.it_value.tv_sec;
    };
    CHECK(seconds_left() > 30);
    CHECK(seconds_left() <= 60);
    socket.serve();
    CHECK(seconds_left() > 30);
    CHECK(seconds_left() <= 60);
}
#endif

TEST_CASE("ControlSocket: a name that is another's by now is left to it",
          "[control_socket][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    ControlSocket socket({.path = path});
    std::filesystem::remove(path);
    const auto error_of_renewal = [&] {
        try {
            socket.renew();
        } catch (const Error& error) {
            CHECK(error.step() == Step::open_control_socket);
            return error.code().value();
        }
        return 0;
    };
    {
        ControlSocket other({.path = path});
        CHECK(error_of_renewal() == EADDRINUSE);
        CHECK_NOTHROW(socket.serve());
        CHECK(other.is_named());
        CHECK_FALSE(socket.is_named());
    }
    std::ofstream(path) << "precious";
    CHECK(error_of_renewal() == EEXIST);
    CHECK(std::filesystem::file_size(path) == 8);
    std::filesystem::remove(path);
    CHECK(error_of_renewal() == 0);
    CHECK(socket.is_named());
}

TEST_CASE("ControlSocket: serving from within a handler does nothing", "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    int depth = 0;
    int deepest = 0;
    socket.on("serve", [&](const ControlRequest&) {
        deepest = std::max(deepest, ++depth);
        socket.serve();
        --depth;
        return ControlAnswer{};
    });
    RawClient first(socket.path());
    RawClient second(socket.path());
    first.send("serve\n");
    second.send("serve\n");
    for (int i = 0; i < 10; ++i) socket.serve();
    CHECK(first.lines(1) == "0 \n");
    CHECK(second.lines(1) == "0 \n");
    CHECK(deepest == 1);
}

TEST_CASE("ControlSocket: options and verbs that can never work are refused by name",
          "[control_socket][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const struct {
        std::string name;
        ControlSocketOptions options;
    } cases[] = {
        {"mode", {.path = path, .mode = 01777}},
        {"most_clients", {.path = path, .most_clients = 0}},
        {"longest_request", {.path = path, .longest_request = 0}},
        {"longest_answer", {.path = path, .longest_answer = 127}},
        {"patience", {.path = path, .patience = 0s}},
    };
    for (const auto& each : cases) {
        try {
            const ControlSocket socket(each.options);
            FAIL(each.name);
        } catch (const Error& error) {
            CHECK(error.step() == Step::open_control_socket);
            CHECK(error.subject() == each.name);
            CHECK(error.exit_status() == 78);
        }
    }
    CHECK_THROWS_AS(ControlSocket({.path = path, .group = "no-such-group-here"}), Error);
    CHECK_THROWS_AS(ControlSocket({.path = ""}), Error);
    ControlSocket socket({.path = path});
    for (const std::string verb : {"", "two words", "\"", "a\nb", "\xff", "\x1b"})
        CHECK_THROWS_AS(socket.on(verb, repeat), Error);
    CHECK_THROWS_AS(socket.on("empty", ControlSocket::Handler()), Error);
    CHECK(std::filesystem::is_socket(path));
}

TEST_CASE("ControlSocket: the highest limits there are limit nobody", "[control_socket][unit]") {
    const TempFolder folder;
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    ControlSocket socket({.path = folder / "control",
                          .most_clients = most,
                          .longest_request = most,
                          .longest_answer = most,
                          .patience = Timeout::nanoseconds(detail::forever)});
    socket.on("repeat", repeat);
    const ControlThread thread(socket);
    CHECK(ask(socket.path(), {"repeat", std::string(10'000, 'x')}).text.size() == 10'007);
}

TEST_CASE("ControlSocket: a policy decides by who asks, and one that throws refuses",
          "[control_socket][unit]") {
    const TempFolder folder;
    int asked = 0;
    ControlPeer seen;
    ControlSocket socket({.path = folder / "control", .allowed = [&](const ControlPeer& peer) {
                              seen = peer;
                              if (++asked == 3) throw std::runtime_error("no database");
                              return asked == 1;
                          }});
    {
        const ControlThread thread(socket);
        CHECK(ask(socket.path(), {"help"}).status == 0);
    }
    CHECK(seen.uid == ::geteuid());
    CHECK(seen.gid == ::getegid());
    CHECK(seen.pid == ::getpid());
    const ControlThread thread(socket);
    const auto refused = ask(socket.path(), {"help"});
    CHECK(refused.status == 77);
    CHECK(refused.text == "permission denied");
    CHECK_THROWS_AS(ask(socket.path(), {"help"}), Error);
    CHECK(ask(socket.path(), {"help"}).status == 77);
}

TEST_CASE("ControlSocket: a client that sends many requests at once takes its turn",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    int done = 0;
    socket.on("x", [&](const ControlRequest&) {
        ++done;
        return ControlAnswer{};
    });
    RawClient many(socket.path());
    RawClient one(socket.path());
    socket.serve();
    std::string requests;
    for (int i = 0; i < 50; ++i) requests += "x\n";
    many.send(requests);
    one.send("help\n");
    socket.serve();
    CHECK(one.lines(1) == "0-help  lists the verbs\n");
    CHECK(done == 1);
    while (done < 50) socket.serve();
    CHECK(many.lines(50).size() == 50 * std::string("0 \n").size());
}

TEST_CASE("ControlSocket: where handlers take long, the caller has its turn between two of them",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    int done = 0;
    socket.on("x", [&](const ControlRequest&) {
        ++done;
        ::poll(nullptr, 0, 510);
        return ControlAnswer{};
    });
    RawClient first(socket.path());
    RawClient second(socket.path());
    socket.serve();
    first.send("x\n");
    second.send("x\n");
    socket.serve();
    CHECK(done == 1);
    socket.serve();
    CHECK(done == 2);
    RawClient third(socket.path());
    RawClient fourth(socket.path());
    third.send("x\n");
    fourth.send("x\n");
    socket.serve();
    CHECK(done == 3);
    socket.serve();
    CHECK(done == 4);
    for (RawClient* const each : {&first, &second, &third, &fourth})
        CHECK(each->lines(1) == "0 \n");
}

TEST_CASE("ControlSocket: clients that ask without a pause do not keep out another one",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control", .most_clients = 2});
    socket.on("x", [](const ControlRequest&) { return ControlAnswer{}; });
    const RawClient busy[] = {RawClient(socket.path()), RawClient(socket.path())};
    socket.serve();
    RawClient other(socket.path());
    other.send("x\n");
    bool is_answered = false;
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!is_answered && std::chrono::steady_clock::now() < end) {
        for (const RawClient& each : busy) each.try_send("x\n");
        socket.serve();
        char answers[64];
        for (const RawClient& each : busy)
            static_cast<void>(::recv(each.fd(), answers, sizeof answers, MSG_DONTWAIT));
        ::pollfd set{other.fd(), POLLIN, 0};
        is_answered = ::poll(&set, 1, 0) == 1;
    }
    CHECK(is_answered);
    CHECK(other.lines(1) == "0 \n");
}

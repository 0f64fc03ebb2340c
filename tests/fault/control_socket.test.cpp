// SPDX-License-Identifier: MIT
// A control socket with every system call failing: it is made whole or not at all, and a call that fails while it is
// served is the end of one client at most.
#include <daemonkit/control_client.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/control_thread.hpp>

#include "catch.hpp"
#include "control_clients.hpp"
#include "fault/with_fault.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

namespace {

// A daemon's loop, turned by hand.
class Loop {
public:
    explicit Loop(const std::string& path) : socket_({.path = path, .patience = 500ms}) {
        socket_.on("echo", [](const ControlRequest& request) {
            return ControlAnswer{0, request.arguments.at(0)};
        });
    }
    ControlSocket& socket() { return socket_; }

    /// Serves for that long; how often there was something to do.
    int turn(std::chrono::milliseconds length) {
        int times = 0;
        for (const auto end = Clock::now() + length; Clock::now() < end;) {
            pollfd set{socket_.native_handle(), POLLIN, 0};
            if (::poll(&set, 1, 5) != 1) continue;
            ++times;
            try {
                socket_.serve();
            } catch (const Error& error) {
                last_error_ = error;
            }
        }
        return times;
    }
    const std::optional<Error>& last_error() const { return last_error_; }

    /// A client that asks now is answered within a second.
    bool answers() {
        const auto begin = Clock::now();
        RawClient client(socket_.path());
        client.send("echo good\n");
        for (std::string answer; Clock::now() - begin < 1s;) {
            turn(1ms);
            answer += client.until_end(1);
            if (answer == "0 good\n") return true;
        }
        return false;
    }

private:
    ControlSocket socket_;
    std::optional<Error> last_error_;
};

struct Case {
    const char* call;
    std::vector<int> errors;
};

// Rows 47 and 48 of the table of faults, and what else is called while the socket is served.
const std::vector<Case> cases{
    {"accept", {EMFILE, ENFILE, ENOMEM, ECONNABORTED, EPERM, EINTR}},
    {"recv", {ECONNRESET, EINTR, ENOMEM}},
    {"send", {EPIPE, ECONNRESET, EINTR, EAGAIN}},
    {"getsockopt", {ENOTCONN, ENOMEM}},
    {"epoll_ctl", {ENOMEM, ENOSPC}},
    {"epoll_wait", {EINTR, EINVAL}},
    {"timerfd_settime", {EINVAL}},
    {"read", {EAGAIN, EINTR}},
    {"shutdown", {ENOTCONN}},
    {"close", {EIO, EINTR}},
};

}  // namespace

TEST_CASE("ControlSocket: whichever call of the constructor fails, it is made whole or not at all",
          "[control_socket][fault][unit]") {
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const int error = GENERATE(EIO, EMFILE, EINTR);
    const TempFolder folder;
    const std::string path = folder / "control";
    const int before = open_descriptors();
    std::uint32_t failed = 0;
    for (std::uint32_t occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence, error, static_cast<int>(repeat));
        std::optional<ControlSocket> socket;
        const Outcome outcome = with_fault("any", occurrence, error, repeat, [&] {
            socket.emplace(ControlSocketOptions{.path = path});
        });
        if (outcome.hits == 0) break;
        CHECK(socket.has_value() != outcome.error.has_value());
        if (outcome.error) {
            ++failed;
            CHECK(outcome.error->step() == Step::open_control_socket);
            CHECK(outcome.error->code().value() == error);
            CHECK(open_descriptors() == before);
        } else {
            CHECK(fs::is_socket(path));
            CHECK((fs::status(path).permissions() & fs::perms::all) == fs::perms(0660));
        }
        socket.reset();
        CHECK(open_descriptors() == before);
        // What could not be removed then does not keep out the next one, which removes it.
        Loop next(path);
        REQUIRE(next.answers());
    }
    CHECK(failed > 10);
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("ControlSocket: whichever call fails while it is made again, it can be once more",
          "[control_socket][fault][unit]") {
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const int error = GENERATE(EIO, EMFILE, EINTR);
    const TempFolder folder;
    Loop loop(folder / "control");
    REQUIRE(loop.answers());
    loop.turn(3ms);
    const int before = open_descriptors();
    std::uint32_t failed = 0;
    for (std::uint32_t occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence, error, static_cast<int>(repeat));
        fs::remove(loop.socket().path());
        const Outcome outcome =
            with_fault("any", occurrence, error, repeat, [&] { loop.socket().renew(); });
        if (outcome.hits == 0) break;
        if (outcome.error) ++failed;
        if (!loop.socket().is_named()) loop.socket().renew();
        REQUIRE(loop.answers());
        loop.turn(3ms);
        CHECK(open_descriptors() == before);
    }
    CHECK(failed > 10);
}

TEST_CASE("ControlSocket: a path that cannot be bound is told as what it is",
          "[control_socket][fault][unit]") {
    const TempFolder folder;
    const struct {
        int error;
        int exit_status;
    } cases_of_bind[] = {
        {EADDRINUSE, 75}, {EACCES, 77}, {EROFS, 73}, {ENAMETOOLONG, 78}, {ENOMEM, 73}};
    for (const auto& each : cases_of_bind) {
        CAPTURE(each.error);
        const Outcome outcome = with_fault("bind", 1, each.error, Repeat::for_good, [&] {
            const ControlSocket socket({.path = folder / "control"});
        });
        REQUIRE(outcome.error);
        CHECK(outcome.error->subject() == folder / "control");
        CHECK(outcome.error->code().value() == each.error);
        CHECK(outcome.error->exit_status() == each.exit_status);
        CHECK(fs::is_empty(folder.path()));
    }
}

TEST_CASE("ControlSocket: whichever call fails while it is served, the next client is answered",
          "[control_socket][fault][unit]") {
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const std::uint32_t occurrence = GENERATE(1U, 2U);
    const TempFolder folder;
    Loop loop(folder / "control");
    REQUIRE(loop.answers());
    loop.turn(20ms);
    const int before = open_descriptors();
    for (const auto& each : cases) {
        for (const int error : each.errors) {
            CAPTURE(each.call, error, occurrence, static_cast<int>(repeat));
            {
                std::vector<RawClient> clients;
                clients.emplace_back(loop.socket().path());
                clients.emplace_back(loop.socket().path());
                const Fault fault(each.call, occurrence, error, repeat);
                clients[0].send("echo 1\necho 2\n");
                clients[1].send("echo 1\n");
                clients[1].end_sending();
                // A call that fails for good is no reason to spin; but for the wait, of which its caller is told, and a
                // socket that has room and takes nothing, which is none.
                const int times = loop.turn(15ms);
                if (std::string(each.call) != "epoll_wait" && error != EAGAIN) CHECK(times < 10);
            }
            REQUIRE(loop.answers());
            loop.turn(3ms);
            CHECK(open_descriptors() == before);
        }
    }
}

TEST_CASE("ControlSocket: a wait that no longer works is told to whoever serves",
          "[control_socket][fault][unit]") {
    const TempFolder folder;
    Loop loop(folder / "control");
    const RawClient client(loop.socket().path());
    const Fault fault("epoll_wait", 1, EBADF, Repeat::for_good);
    loop.turn(5ms);
    REQUIRE(loop.last_error());
    CHECK(loop.last_error()->step() == Step::open_control_socket);
    CHECK(loop.last_error()->code().value() == EBADF);
}

TEST_CASE(
    "ControlThread: without a thread it says so; calls that fail neither end it nor make it spin",
    "[control_socket][fault][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    {
        const Outcome outcome = with_fault("pthread_create", 1, EAGAIN, Repeat::once,
                                           [&] { const ControlThread thread(socket); });
        REQUIRE(outcome.error);
        CHECK(outcome.error->step() == Step::open_control_socket);
        CHECK(outcome.error->subject() == "thread");
    }
    const ControlThread thread(socket);
    for (const char* const call : {"poll", "epoll_wait"}) {
        {
            const Fault fault(call, 1, ENOMEM, Repeat::for_good);
            const RawClient client(socket.path());
            ::poll(nullptr, 0, 250);  // not for an event: how often it is tried meanwhile
            CHECK(fault.hits() < 20);
        }
        RawClient client(socket.path());
        client.send("help\n");
        CHECK(client.lines(1) == "0 help  lists the verbs\n");
    }
}

TEST_CASE("ask: whichever call fails, it answers or says why, and leaves nothing open",
          "[control_socket][fault][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    const ControlThread thread(socket);
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const struct {
        const char* call;
        std::vector<int> errors;
    } calls[] = {{"socket", {EMFILE, ENFILE, EACCES}},
                 {"connect", {ECONNREFUSED, ENOENT, EACCES, EPERM, EAGAIN, EPROTOTYPE}}};
    for (const auto& each : calls) {
        for (const int error : each.errors) {
            CAPTURE(each.call, error, static_cast<int>(repeat));
            const auto begin = Clock::now();
            const Outcome outcome = with_fault(each.call, 1, error, repeat,
                                               [&] { ask(socket.path(), {"help"}, 200ms); });
            CHECK(outcome.hits > 0);
            CHECK(Clock::now() - begin < 5s);
            if (error == EAGAIN && repeat == Repeat::once) {
                CHECK_FALSE(outcome.error);
                continue;
            }
            REQUIRE(outcome.error);
            CHECK(outcome.error->step() == Step::ask_control_socket);
            CHECK(outcome.error->code().value() == (error == EAGAIN ? ETIMEDOUT : error));
            CHECK(outcome.error->exit_status() == (error == EACCES || error == EPERM ? 77 : 69));
        }
    }
    CHECK(ask(socket.path(), {"help"}).status == 0);
}

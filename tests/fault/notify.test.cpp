// SPDX-License-Identifier: MIT
// What is told to a service manager or a supervisor is told within its time, whatever the kernel says.
#include <daemonkit/notify.hpp>

#include "catch.hpp"
#include "fault/fail_syscall.hpp"
#include "notify_receiver.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>

#include <sys/socket.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using Clock = std::chrono::steady_clock;

// A hang ends with the time limit of the test.

TEST_CASE("Notifier: a socket that has room and takes nothing holds up nobody beyond the bound",
          "[notify][unit][fault]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    const auto begin = Clock::now();
    {
        const Fault full("send", 1, EAGAIN, Repeat::for_good);
        CHECK_FALSE(notifier.ready());
        CHECK(full.hits() > 0);
    }
    CHECK(Clock::now() - begin < 5s);
    CHECK(notifier.ready());
    CHECK(manager.next().text == "READY=1");
}

TEST_CASE("write_before: what is called writable and takes nothing holds up nobody beyond the time",
          "[notify][unit][fault]") {
    int ends[2];
    const bool is_socket = GENERATE(true, false);
    REQUIRE((is_socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : ::pipe(ends)) == 0);
    const auto write = [&] {
        return detail::write_before(ends[1], "line", detail::monotonic_after(20'000'000));
    };
    const auto begin = Clock::now();
    {
        const Fault full(is_socket ? "send" : "write", 1, EAGAIN, Repeat::for_good);
        CHECK(write() == 0);
        CHECK(full.hits() > 0);
    }
    CHECK(Clock::now() - begin < 5s);
    CHECK(write() == 4);
    ::close(ends[0]);
    ::close(ends[1]);
}

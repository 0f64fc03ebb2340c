// SPDX-License-Identifier: MIT
#include <daemonkit/notify.hpp>

#include "catch.hpp"
#include "notify_receiver.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <time.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::chrono_literals;

namespace {

std::int64_t monotonic_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

TEST_CASE("Notifier: every message, byte for byte", "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    REQUIRE(notifier.is_open());

    CHECK(notifier.ready());
    CHECK(manager.next().text == "READY=1");
    CHECK(notifier.ready(4711));
    CHECK(manager.next().text == "MAINPID=4711\nREADY=1");
    CHECK(notifier.status("two\nlines, and \x01"));
    CHECK(manager.next().text == "STATUS=two\\nlines, and \\x01");
    CHECK(notifier.status(""));
    CHECK(manager.next().text == "STATUS=");
    CHECK(notifier.stopping());
    CHECK(manager.next().text == "STOPPING=1");
    CHECK(notifier.extend_timeout(1500ms));
    CHECK(manager.next().text == "EXTEND_TIMEOUT_USEC=1500000");
    CHECK(notifier.watchdog());
    CHECK(manager.next().text == "WATCHDOG=1");
    CHECK(notifier.failed(Error(Step::open_stream, "/var/log/a\nb", ENOENT)));
    CHECK(manager.next().text ==
          "STATUS=open_stream: /var/log/a\\nb: No such file or directory\nERRNO=2\nEXIT_STATUS=73");
    CHECK(notifier.send("FDSTORE=0\nX_OWN=1"));
    CHECK(manager.next().text == "FDSTORE=0\nX_OWN=1");
    CHECK(manager.next(0).text.empty());
}

TEST_CASE("Notifier: a reload is told in one message, with the time on the manager's clock",
          "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    const auto before = monotonic_us();
    CHECK(notifier.reloading());
    const auto after = monotonic_us();
    const std::string text = manager.next().text;
    const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
    REQUIRE(text.rfind(start, 0) == 0);
    const auto told = std::stoll(text.substr(start.size()));
    CHECK(before <= told);
    CHECK(told <= after);
}

TEST_CASE("Notifier: paths and abstract names up to the longest", "[notify][unit]") {
    const TempFolder folder;
    std::string name = GENERATE(as<std::string>{}, "path", "abstract");
    if (name == "path") name = folder.path().string() + "/";
    if (name == "abstract") name = "@" + folder.path().string();
    name.resize(name.front() == '/' ? 107 : 108, 'x');
    const NotifyReceiver manager(name);
    CHECK(Notifier(name.c_str()).ready());
    CHECK(manager.next().text == "READY=1");
}

TEST_CASE("Notifier: what is no address is nobody", "[notify][unit]") {
    const std::string address =
        GENERATE(as<std::string>{}, "", "@", "/", "relative", "vsock:2:1234", " /run/notify",
                 std::string(108, '/'), "@" + std::string(108, 'x'), std::string(4096, '/'));
    CAPTURE(address);
    const Notifier notifier(address.c_str());
    CHECK_FALSE(notifier.is_open());
    CHECK_FALSE(notifier.ready());
    CHECK_FALSE(Notifier(nullptr).ready());
    CHECK_FALSE(Notifier().status("nobody"));
}

TEST_CASE("Notifier: a manager that is not there, or is no socket, is not waited for",
          "[notify][unit]") {
    const TempFolder folder;
    const std::string file = folder / "file";
    REQUIRE(::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
    for (const std::string& address :
         {std::string(folder / "missing"), file, folder.path().string()}) {
        errno = 7;
        const auto begin = std::chrono::steady_clock::now();
        CHECK_FALSE(Notifier(address.c_str()).ready());
        CHECK(std::chrono::steady_clock::now() - begin < 5s);
        CHECK(errno == 7);
    }
}

TEST_CASE("Notifier: a manager that reads nothing is given up, and heard again when it reads",
          "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    int taken = 0;
    while (taken < 100'000 && notifier.watchdog()) ++taken;
    REQUIRE(taken < 100'000);
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(notifier.ready());
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    for (int i = 0; i < taken; ++i) CHECK(manager.next().text == "WATCHDOG=1");
    CHECK(notifier.ready());
    CHECK(manager.next().text == "READY=1");
}

TEST_CASE("Notifier: a manager that comes back under its name is spoken to again",
          "[notify][unit]") {
    const TempFolder folder;
    auto manager = std::make_unique<NotifyReceiver>(folder / "notify");
    const Notifier notifier(manager->address().c_str());
    CHECK(notifier.status("first"));
    CHECK(manager->next().text == "STATUS=first");
    manager.reset();
    CHECK_FALSE(notifier.status("into the void"));
    manager = std::make_unique<NotifyReceiver>(folder / "notify");
    CHECK(notifier.status("second"));
    CHECK(manager->next().text == "STATUS=second");
}

TEST_CASE("Notifier: its descriptor is close-on-exec and no standard stream", "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    Notifier notifier(manager.address().c_str());
    CHECK(notifier.native_handle() > 2);
    CHECK((::fcntl(notifier.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    const Notifier moved = std::move(notifier);
    CHECK(moved.ready());
    CHECK(manager.next().text == "READY=1");
}

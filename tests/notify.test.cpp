// SPDX-License-Identifier: MIT
#include <daemonkit/notify.hpp>

#include <daemonkit/reload_notifier.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "notify_receiver.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

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

TEST_CASE(
    "ReloadNotifier: every reload is over for the manager, with its status in the same message",
    "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    const auto begins = [&] {
        return manager.next().text.rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0;
    };
    ReloadNotifier listener;
    Reloadable config(
        [loaded = false]() mutable {
            if (std::exchange(loaded, true)) throw std::runtime_error("line 3:\nno number");
            return 1;
        },
        listener);
    listener.tell(notifier);
    CHECK(config.reload() == "line 3:\nno number");
    CHECK(begins());
    CHECK(manager.next().text == "STATUS=line 3:\\nno number\nREADY=1");
    {
        const ReloadGuard forgotten(listener);
        CHECK(begins());
    }
    CHECK(manager.next().text == "STATUS=it was not brought to its end\nREADY=1");
    ReloadNotifier telling(notifier, "serves");
    {
        ReloadGuard whole(telling);
        whole.succeed();
    }
    CHECK(begins());
    CHECK(manager.next().text == "STATUS=serves\nREADY=1");
    CHECK(manager.next(0).text.empty());
}

TEST_CASE("Notifier: a failure is told with what is known of it", "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    CHECK(notifier.failed(std::runtime_error("the roof is missing\n")));
    CHECK(manager.next().text == "STATUS=the roof is missing\\n\nEXIT_STATUS=70");
    CHECK(notifier.failed(Error(Step::lock_pid_file, "/run/x.pid", EWOULDBLOCK, "held")));
    CHECK(manager.next().text ==
          "STATUS=lock_pid_file: /run/x.pid: held (Resource temporarily unavailable)\n"
          "ERRNO=11\nEXIT_STATUS=75");
    CHECK(notifier.watchdog_trigger());
    CHECK(manager.next().text == "WATCHDOG=trigger");
}

TEST_CASE("Notifier: a descriptor is stored by its name and taken out again", "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    CHECK(notifier.store("state", ends[1]));
    CHECK(notifier.store("file", ends[1], StoredUntil::removed));
    ::close(ends[1]);
    for (const char* const text : {"FDSTORE=1\nFDNAME=state", "FDSTORE=1\nFDNAME=file\nFDPOLL=0"}) {
        Notification stored = manager.next();
        CHECK(stored.text == text);
        REQUIRE(stored.fds.size() == 1);
        CHECK(::write(stored.fds[0], "x", 1) == 1);  // the very pipe, although ours is closed
        char byte = 0;
        CHECK(::read(ends[0], &byte, 1) == 1);
        NotifyReceiver::close_all(stored);
    }
    ::close(ends[0]);
    CHECK(notifier.remove_stored("state"));
    CHECK(manager.next().text == "FDSTOREREMOVE=1\nFDNAME=state");
}

TEST_CASE("Notifier: what is no name of the store is not sent", "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    for (const std::string& name :
         {std::string(), std::string("a:b"), std::string("a\nREADY=1"), std::string("\x7f"),
          std::string("\xc3\xa4"), std::string(256, 'x'), std::string("a\0", 2)}) {
        CAPTURE(name);
        CHECK_FALSE(notifier.store(name, 0));
        CHECK_FALSE(notifier.remove_stored(name));
    }
    CHECK_FALSE(notifier.store("fine", -1));
    CHECK(manager.next(0).text.empty());
    CHECK(notifier.remove_stored(std::string(255, 'x')));
}

TEST_CASE("Notifier: the main process is named by its pid and by a descriptor", "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    CHECK(notifier.main_process(::getpid()));
    Notification told = manager.next();
    CHECK(told.text == "MAINPID=" + std::to_string(::getpid()) + "\nMAINPIDFD=1");
    REQUIRE(told.fds.size() == 1);
    CHECK(read_file("/proc/self/fdinfo/" + std::to_string(told.fds[0]))
              .find("Pid:\t" + std::to_string(::getpid()) + "\n") != std::string::npos);
    NotifyReceiver::close_all(told);
    CHECK(notifier.main_process(2'000'000'000));  // nobody: the manager says so
    CHECK(manager.next().text == "MAINPID=2000000000");
    CHECK_FALSE(notifier.main_process(0));
    CHECK_FALSE(notifier.main_process(-1));
    CHECK(manager.next(0).text.empty());
}

TEST_CASE("Notifier: a barrier holds until the manager has read all, and no longer than it may",
          "[notify][unit]") {
    const TempFolder folder;
    const NotifyReceiver manager(folder / "notify");
    const Notifier notifier(manager.address().c_str());
    CHECK(notifier.status("before"));
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(notifier.barrier(20ms));
    CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
    CHECK(manager.next().text == "STATUS=before");
    Notification missed = manager.next();
    CHECK(missed.text == "BARRIER=1");
    NotifyReceiver::close_all(missed);

    std::jthread reader([&] {
        Notification reached = manager.next();
        NotifyReceiver::close_all(reached);
    });
    CHECK(notifier.barrier(30s));
    CHECK_FALSE(Notifier().barrier(30s));
}

TEST_CASE("Notifier: by a socket of connections each message is one", "[notify][unit]") {
    // A virtual machine speaks so to its host; here a path stands for the host.
    const int type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
    const TempFolder folder;
    detail::NotifyAddress address = detail::NotifyAddress::parse(folder / "host");
    address.type = type;
    const detail::NotifySocket line(address);
    const auto soon = [] { return detail::monotonic_after(20'000'000); };
    CHECK(line.is_open());
    CHECK_FALSE(line.send("nobody listens", -1, soon()));

    const int host = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(host, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0);
    REQUIRE(::listen(host, 4) == 0);
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(line.send("nobody reads", -1, soon()));
    CHECK(std::chrono::steady_clock::now() - begin < 5s);

    std::vector<std::string> heard;
    std::jthread reader([&] {
        for (int i = 0; i < 3; ++i) {
            const int client = ::accept(host, nullptr, nullptr);
            std::string text;
            char bytes[100];
            for (ssize_t got = 0; (got = ::read(client, bytes, sizeof bytes)) > 0;)
                text.append(bytes, static_cast<std::size_t>(got));
            heard.push_back(text);
            ::close(client);
        }
    });
    CHECK(line.send("READY=1", -1, detail::monotonic_after(30'000'000'000)));
    CHECK(line.send("STATUS=a\nX=b", -1, detail::monotonic_after(30'000'000'000)));
    reader.join();
    CHECK(heard == std::vector<std::string>{"nobody reads", "READY=1", "STATUS=a\nX=b"});
    CHECK_FALSE(line.passes_descriptors());
    CHECK_FALSE(line.send("FDSTORE=1", 0, detail::monotonic_after(30'000'000'000)));
    ::close(host);
}

TEST_CASE("Notifier: the address of a host is one of a virtual machine's sockets",
          "[notify][unit]") {
    const std::string text =
        GENERATE("vsock:2:1234", "vsock-seqpacket:2:1234", "vsock-stream:2:1234");
    const auto address = detail::NotifyAddress::parse(text);
    CHECK(address.storage.ss_family == AF_VSOCK);
    ::sockaddr_vm host{};
    REQUIRE(address.size == sizeof host);
    std::memcpy(&host, &address.storage, sizeof host);
    CHECK(host.svm_cid == 2);
    CHECK(host.svm_port == 1234);
    CHECK(address.type == (text == "vsock-stream:2:1234" ? SOCK_STREAM : SOCK_SEQPACKET));
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
        GENERATE(as<std::string>{}, "", "@", "/", "relative", " /run/notify", "vsock:", "vsock:2",
                 "vsock:2:", "vsock::1234", "vsock:2:12x", "vsock:2:4294967296", "vsock:-1:1",
                 "vsock:4294967295:1", "vsock-dgram:2:1", "vsock 2:1", std::string(108, '/'),
                 "@" + std::string(108, 'x'), std::string(4096, '/'));
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

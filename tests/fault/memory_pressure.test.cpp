// SPDX-License-Identifier: MIT
#include <daemonkit/memory_pressure.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using daemonkit::fault::Repeat;
namespace fs = std::filesystem;

namespace {

// "some 200000 2000000" and a NUL, as systemd has it.
constexpr const char* usual = "c29tZSAyMDAwMDAgMjAwMDAwMAA=";

// What the manager has set, for the length of a scope.
struct Told {
    explicit Told(const std::string& watch, const std::string& write = "") {
        ::setenv("MEMORY_PRESSURE_WATCH", watch.c_str(), 1);
        if (!write.empty()) ::setenv("MEMORY_PRESSURE_WRITE", write.c_str(), 1);
    }
    ~Told() {
        ::unsetenv("MEMORY_PRESSURE_WATCH");
        ::unsetenv("MEMORY_PRESSURE_WRITE");
    }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;
};

// What poll(2) returns within the limit, in milliseconds.
short wait(const MemoryPressure& pressure, int limit) {
    ::pollfd one{pressure.native_handle(), pressure.events(), 0};
    return ::poll(&one, 1, limit) == 1 ? one.revents : short{0};
}

std::optional<Error> refusal_of(const std::string& watch, const std::string& write = "") {
    const Told told(watch, write);
    const int descriptors = open_descriptors();
    const Outcome outcome = with_fault("no call", 1, EIO, Repeat::once,
                                       [] { static_cast<void>(watch_memory_pressure()); });
    CHECK(open_descriptors() == descriptors);
    CHECK(std::getenv("MEMORY_PRESSURE_WATCH") == nullptr);
    CHECK(std::getenv("MEMORY_PRESSURE_WRITE") == nullptr);
    if (outcome.error) CHECK(outcome.error->step() == Step::watch_memory);
    return outcome.error;
}

// A stream socket of the manager's, and who has connected to it.
class Manager {
public:
    explicit Manager(const std::string& path) {
        ::sockaddr_un local{};
        local.sun_family = AF_UNIX;
        path.copy(local.sun_path, sizeof local.sun_path - 1);
        REQUIRE(::bind(listening_, reinterpret_cast<::sockaddr*>(&local), sizeof local) == 0);
        REQUIRE(::listen(listening_, 1) == 0);
    }
    ~Manager() {
        hang_up();
        ::close(listening_);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    // Whoever has connected, if anybody has.
    void accept() { connection_ = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC); }
    std::string heard() const {
        char text[100];
        const auto size = ::recv(connection_, text, sizeof text, 0);
        return {text, static_cast<std::size_t>(size)};
    }
    void tell() const { REQUIRE(::send(connection_, "x", 1, MSG_NOSIGNAL) == 1); }
    void hang_up() {
        if (connection_ != -1) ::close(connection_);
        connection_ = -1;
    }

private:
    int listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int connection_ = -1;
};

}  // namespace

TEST_CASE("MemoryPressure: where no manager asks for it, nothing is watched",
          "[memory_pressure][unit]") {
    CHECK_FALSE(watch_memory_pressure());
    const std::string value = GENERATE("", "/dev/null");
    const Told told(value, "not base64");
    CHECK_FALSE(watch_memory_pressure());
    CHECK(std::getenv("MEMORY_PRESSURE_WATCH") == nullptr);
    CHECK(std::getenv("MEMORY_PRESSURE_WRITE") == nullptr);
}

TEST_CASE("MemoryPressure: a FIFO tells as often as somebody writes, and never ends",
          "[memory_pressure][unit]") {
    const TempFolder folder;
    const std::string path = folder / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const Told told(path);
    auto pressure = watch_memory_pressure();
    REQUIRE(pressure);
    CHECK(pressure->events() == POLLIN);
    CHECK((::fcntl(pressure->native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_FALSE(watch_memory_pressure());  // once

    CHECK(wait(*pressure, 0) == 0);
    CHECK(pressure->consume(POLLIN) == PressureNews::none);
    for (int i = 0; i < 3; ++i) {
        std::ofstream(path) << std::string(10'000, 'x');  // and the last writer is gone
        CHECK(pressure->consume(wait(*pressure, 10'000)) == PressureNews::pressure);
        CHECK(wait(*pressure, 0) == 0);
    }
}

TEST_CASE("MemoryPressure: a FIFO that is written to without an end does not hold up the loop",
          "[memory_pressure][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const Told told(path);
    auto pressure = watch_memory_pressure();
    REQUIRE(pressure);
    const int writer = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    std::atomic<bool> done{false};
    std::thread flood([&] {
        const std::string block(4096, 'x');
        while (!done) static_cast<void>(::write(writer, block.data(), block.size()));
    });
    CHECK(pressure->consume(wait(*pressure, 10'000)) == PressureNews::pressure);
    done = true;
    flood.join();
    ::close(writer);
}

TEST_CASE("MemoryPressure: a socket gets the setting, tells, and ends with the manager",
          "[memory_pressure][unit]") {
    const TempFolder folder;
    const std::string path = folder / "socket";
    Manager manager(path);
    const Told told(path, usual);
    auto pressure = watch_memory_pressure();
    REQUIRE(pressure);
    manager.accept();
    CHECK(manager.heard() == std::string("some 200000 2000000", 20));
    CHECK(pressure->events() == POLLIN);
    CHECK(wait(*pressure, 0) == 0);
    manager.tell();
    CHECK(pressure->consume(wait(*pressure, 10'000)) == PressureNews::pressure);
    CHECK(wait(*pressure, 0) == 0);
    manager.tell();
    manager.hang_up();
    CHECK(pressure->consume(wait(*pressure, 10'000)) == PressureNews::pressure);
    CHECK(pressure->consume(wait(*pressure, 10'000)) == PressureNews::ended);
}

TEST_CASE("MemoryPressure: the kernel tells of pressure, as often as there is some",
          "[memory_pressure][unit]") {
    // Of the processor, which a test can bring about as anybody: shortages of one microsecond in two seconds.
    const char* const every = "c29tZSAxIDIwMDAwMDAA";
    const Told told("/proc/pressure/cpu", every);
    std::optional<MemoryPressure> pressure;
    try {
        pressure = watch_memory_pressure();
    } catch (const Error& error) {
        return not_tested(error.what());
    }
    REQUIRE(pressure);
    CHECK(pressure->events() == POLLPRI);
    std::atomic<bool> done{false};
    std::vector<std::thread> busy;
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency() + 1; ++i)
        busy.emplace_back([&] {
            while (!done) {
            }
        });
    CHECK(pressure->consume(wait(*pressure, 30'000)) == PressureNews::pressure);
    done = true;
    for (std::thread& one : busy) one.join();
    CHECK(pressure->consume(0) == PressureNews::none);
}

TEST_CASE("MemoryPressure: the kernel's file of memory takes systemd's setting, and refuses others",
          "[memory_pressure][unit]") {
    const std::string path = "/proc/pressure/memory";
    if (const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC); fd == -1)
        return not_tested("the kernel measures no pressure, or this user may not watch it");
    else
        ::close(fd);
    {
        const Told told(path, usual);
        const auto pressure = watch_memory_pressure();
        REQUIRE(pressure);
        CHECK(pressure->events() == POLLPRI);
    }
    const auto error = refusal_of(path, "bm9uZSAxIDIA");  // "none 1 2"
    REQUIRE(error);
    CHECK(error->code().value() == EINVAL);
    CHECK(error->subject() == path);
}

TEST_CASE("MemoryPressure: a file of the kernel without a setting ends, and is no busy loop",
          "[memory_pressure][unit]") {
    const Told told("/proc/pressure/memory");
    std::optional<MemoryPressure> pressure;
    try {
        pressure = watch_memory_pressure();
    } catch (const Error& error) {
        return not_tested(error.what());
    }
    REQUIRE(pressure);
    CHECK(pressure->consume(wait(*pressure, 10'000)) == PressureNews::ended);
}

TEST_CASE("MemoryPressure: variables that make no sense are refused", "[memory_pressure][unit]") {
    const TempFolder folder;
    const std::string fifo = folder / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    for (const std::string& setting : {std::string("c29tZQ"), std::string("not base64"),
                                       std::string("c29tZQ==\n"), std::string(4100, 'A')}) {
        CAPTURE(setting);
        const auto error = refusal_of(fifo, setting);
        REQUIRE(error);
        CHECK(error->subject() == "MEMORY_PRESSURE_WRITE");
        CHECK(error->exit_status() == 78);
    }
    using Row = std::pair<std::string, int>;
    for (const auto& [watch, number] :
         {Row{"relative", EINVAL}, Row{folder / "missing", ENOENT}, Row{folder.path(), EINVAL},
          Row{"/dev/zero", EINVAL}, Row{"/dev/ptmx", EINVAL},
          Row{"/" + std::string(5000, 'x'), ENAMETOOLONG}}) {
        CAPTURE(watch);
        const auto error = refusal_of(watch, usual);
        REQUIRE(error);
        CHECK(error->code().value() == number);
    }
}

TEST_CASE("MemoryPressure: a file that somebody keeps something in is not written to",
          "[memory_pressure][unit]") {
    const TempFolder folder;
    const std::string path = folder / "file";
    std::ofstream(path) << "precious";
    const auto error = refusal_of(path, usual);
    REQUIRE(error);
    CHECK(std::string(error->what()).find("a file of the kernel, a FIFO or a socket") !=
          std::string::npos);
    CHECK(read_file(path) == "precious");
}

TEST_CASE("MemoryPressure: a socket where nobody listens is refused", "[memory_pressure][unit]") {
    const TempFolder folder;
    const std::string path = folder / "socket";
    { const Manager gone(path); }
    const auto error = refusal_of(path);
    REQUIRE(error);
    CHECK(error->code().value() == ECONNREFUSED);
}

TEST_CASE("MemoryPressure: whichever call fails, it is told, and no descriptor is left",
          "[memory_pressure][unit][fault]") {
    const TempFolder folder;
    const bool is_socket = GENERATE(true, false);
    const std::string path = folder / "x";
    std::optional<Manager> manager;
    if (is_socket) manager.emplace(path);
    if (!is_socket) REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    for (std::uint32_t occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence);
        const Told told(path, usual);
        const int descriptors = open_descriptors();
        const Outcome outcome = with_fault("any", occurrence, ENOMEM, Repeat::once,
                                           [&] { static_cast<void>(watch_memory_pressure()); });
        CHECK(open_descriptors() == descriptors);
        if (outcome.hits == 0) break;
        // The close at the end works whatever it says.
        if (outcome.error) {
            CHECK(outcome.error->step() == Step::watch_memory);
            CHECK(outcome.error->code().value() == ENOMEM);
        }
        REQUIRE(occurrence < 50);
        if (is_socket) manager->accept();
        if (is_socket) manager->hang_up();
    }
}

// SPDX-License-Identifier: MIT
// FdRedirect with every system call failing: the stream is what it was, and nothing stays open.
#include <daemonkit/fd_redirect.hpp>

#include "catch.hpp"
#include "fault/fail_syscall.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using daemonkit::testkit::read_file;
using daemonkit::testkit::TempFolder;

namespace {

// stdin is the stream of these tests: Catch2 does not read it.
constexpr Stream stream = Stream::in;

// Which open file each descriptor is: number, device, inode, flags.
std::vector<std::string> open_files() {
    std::vector<std::string> files;
    for (int fd = 0; fd < 256; ++fd) {
        struct ::stat status {};
        if (::fstat(fd, &status) != 0) continue;
        files.push_back(std::to_string(fd) + " " + std::to_string(status.st_dev) + " " +
                        std::to_string(status.st_ino) + " " + std::to_string(::fcntl(fd, F_GETFD)));
    }
    return files;
}

// What came of an action under a fault.
struct Outcome {
    std::optional<Error> error;
    std::uint32_t hits = 0;
};

template <class Action>
Outcome with_fault(const char* name, std::uint32_t occurrence, int error, Repeat repeat,
                   Action action) {
    const Fault fault(name, occurrence, error, repeat);
    Outcome outcome;
    try {
        action();
    } catch (const Error& thrown) {
        outcome.error = thrown;
    }
    outcome.hits = fault.hits();
    return outcome;
}

}  // namespace

TEST_CASE(
    "FdRedirect: whichever call of the constructor fails, once or for good, nothing has changed",
    "[fd_redirect][unit][fault]") {
    const TempFolder folder;
    testkit::write_file(folder / "input", "");
    const std::vector<StreamTarget> targets{NullDevice{}, ReadFrom{folder / "input"}, Duplicate{2}};
    const auto& target = targets[GENERATE(0u, 1u, 2u)];
    const auto repeat = GENERATE(Repeat::once, Repeat::for_good);
    const int error = GENERATE(EIO, EMFILE, EACCES);
    CAPTURE(target.index(), error);

    const auto before = open_files();
    std::uint32_t occurrence = 1;
    for (;; ++occurrence) {
        std::optional<FdRedirect> redirect;
        const Outcome outcome =
            with_fault("any", occurrence, error, repeat, [&] { redirect.emplace(stream, target); });
        CAPTURE(occurrence);
        if (outcome.hits == 0) break;  // the constructor makes no more calls than this
        if (outcome.error) {
            CHECK(outcome.error->code().value() == error);
            CHECK((outcome.error->step() == Step::open_stream ||
                   outcome.error->step() == Step::redirect_stream));
            CHECK_FALSE(redirect.has_value());
        }
        redirect.reset();
        CHECK(open_files() == before);
    }
    CHECK(occurrence > 4);  // open or duplicate, look, save, install, close
}

TEST_CASE("FdRedirect: an interrupted or busy call is made again", "[fd_redirect][unit][fault]") {
    const TempFolder folder;
    testkit::write_file(folder / "input", "");
    const auto before = open_files();
    const auto [name, error] = GENERATE(table<const char*, int>({{"open", EINTR},
                                                                 {"fcntl_getfl", EINTR},
                                                                 {"fcntl_setfl", EINTR},
                                                                 {"fstat", EINTR},
                                                                 {"fcntl_getfd", EINTR},
                                                                 {"fcntl_dupfd_cloexec", EINTR},
                                                                 {"dup2", EINTR},
                                                                 {"dup2", EBUSY}}));
    CAPTURE(name, error);
    const Outcome outcome = with_fault(name, 1, error, Repeat::once, [&] {
        const FdRedirect redirect(stream, ReadFrom{folder / "input"});
    });
    CHECK(outcome.hits == 1);
    CHECK_FALSE(outcome.error);
    CHECK(open_files() == before);
}

TEST_CASE("FdRedirect: a call that is interrupted or busy for good ends in an error, not in a hang",
          "[fd_redirect][unit][fault]") {
    const TempFolder folder;
    testkit::write_file(folder / "input", "");
    const auto before = open_files();
    const auto [name, error, step] = GENERATE(
        table<const char*, int, Step>({{"open", EINTR, Step::open_stream},
                                       {"fstat", EINTR, Step::open_stream},
                                       {"fcntl_dupfd_cloexec", EINTR, Step::redirect_stream},
                                       {"dup2", EINTR, Step::redirect_stream},
                                       {"dup2", EBUSY, Step::redirect_stream}}));
    CAPTURE(name, error);
    const Outcome outcome = with_fault(name, 1, error, Repeat::for_good, [&] {
        const FdRedirect redirect(stream, ReadFrom{folder / "input"});
    });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == step);
    CHECK(outcome.error->code().value() == error);
    CHECK(outcome.hits > 1);
    CHECK(outcome.hits <= 64);
    CHECK(open_files() == before);
}

TEST_CASE("FdRedirect: a reopen that fails at any call leaves the old file in place",
          "[fd_redirect][unit][fault]") {
    const TempFolder folder;
    testkit::write_file(folder / "input", "old");
    FdRedirect redirect(stream, ReadFrom{folder / "input"});
    REQUIRE(::rename((folder / "input").c_str(), (folder / "input.1").c_str()) == 0);
    testkit::write_file(folder / "input", "new");
    const auto before = open_files();

    std::uint32_t failures = 0;
    for (std::uint32_t occurrence = 1;; ++occurrence) {
        const Outcome outcome =
            with_fault("any", occurrence, EIO, Repeat::for_good, [&] { redirect.reopen(); });
        if (!outcome.error) break;
        ++failures;
        CAPTURE(occurrence);
        CHECK(outcome.error->code().value() == EIO);
        CHECK(open_files() == before);
    }
    CHECK(failures > 3);
    CHECK(open_files() != before);  // the last round reached the exchange
}

TEST_CASE("FdRedirect: a restore that fails can be tried again, and the destructor tries too",
          "[fd_redirect][unit][fault]") {
    const auto before = open_files();
    SECTION("restore again") {
        FdRedirect redirect(stream, NullDevice{});
        const Outcome outcome =
            with_fault("dup2", 1, EBUSY, Repeat::for_good, [&] { redirect.restore(); });
        REQUIRE(outcome.error);
        CHECK(outcome.error->step() == Step::redirect_stream);
        CHECK(outcome.error->subject() == "stdin");
        CHECK(open_files() != before);
        redirect.restore();
        CHECK(open_files() == before);
    }
    SECTION("the destructor") {
        {
            FdRedirect redirect(stream, NullDevice{});
            with_fault("dup2", 1, EBUSY, Repeat::for_good, [&] { redirect.restore(); });
        }
        CHECK(open_files() == before);
    }
    SECTION("a destructor that fails keeps errno and throws nothing") {
        const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
        int after = 0;
        {
            std::optional<FdRedirect> redirect(std::in_place, stream, NullDevice{});
            const Fault fault("dup2", 1, EBUSY, Repeat::for_good);
            errno = E2BIG;
            redirect.reset();
            after = errno;
        }
        CHECK(after == E2BIG);
        REQUIRE(::dup2(saved, 0) == 0);
        ::close(saved);
        CHECK(open_files() == before);
    }
}

TEST_CASE("open_target: above the standard streams or not at all", "[detail][unit][fault]") {
    const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
    REQUIRE(saved >= 0);
    ::close(0);
    const Outcome outcome = with_fault("fcntl_dupfd_cloexec", 1, EMFILE, Repeat::once,
                                       [] { detail::open_target(Stream::out, NullDevice{}); });
    const bool still_free = ::fcntl(0, F_GETFD) == -1;
    REQUIRE(::dup2(saved, 0) == 0);
    ::close(saved);
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == Step::open_stream);
    CHECK(outcome.error->code().value() == EMFILE);
    CHECK(still_free);
}

TEST_CASE("open_target: too little is known about a folder: a link in it is not followed",
          "[detail][unit][fault]") {
    const TempFolder folder;
    testkit::write_file(folder / "victim", "untouched");
    REQUIRE(::symlink((folder / "victim").c_str(), (folder / "log").c_str()) == 0);
    const Outcome outcome = with_fault("stat", 1, EACCES, Repeat::once, [&] {
        detail::open_target(Stream::out, AppendTo{folder / "log"});
    });
    REQUIRE(outcome.error);
    CHECK(outcome.error->code().value() == ELOOP);
    CHECK(read_file(folder / "victim") == "untouched");
}

TEST_CASE("absolute_path: an error of getcwd is told, ERANGE grows the buffer to a bound",
          "[detail][unit][fault]") {
    const auto with = [](int error, Repeat repeat) {
        return with_fault("getcwd", 1, error, repeat, [] { detail::absolute_path("log"); });
    };
    CHECK_FALSE(with(ERANGE, Repeat::once).error);
    CHECK_FALSE(with(EINTR, Repeat::once).error);
    for (const int error : {ERANGE, EACCES, ENOENT}) {
        const Outcome outcome = with(error, Repeat::for_good);
        REQUIRE(outcome.error);
        CHECK(outcome.error->step() == Step::resolve_path);
        CHECK(outcome.error->subject() == "log");
        CHECK(outcome.error->code().value() == error);
        CHECK(outcome.hits < 10);
    }
}

// SPDX-License-Identifier: MIT
// LogFile with every system call failing: the caller never sees it, and every message arrives or is counted.
#include <daemonkit/log_file.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "log_lines.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

using namespace daemonkit;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using daemonkit::testkit::all_texts;
using daemonkit::testkit::Outcome;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::with_fault;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

// Lines that the LogFile has of its own to tell.
bool is_own(const std::string& text) {
    return text.find("the log could not be ") == 0 || text.find(" messages dropped: ") < 21;
}

struct Count {
    std::uint64_t arrived = 0;
    std::uint64_t dropped = 0;
};

// The messages are numbers: each stands there once at most, in their order.
Count count(const std::string& path) {
    Count counted;
    int last = -1;
    for (const auto& text : all_texts(path)) {
        if (text.find(" messages dropped: ") < 21) counted.dropped += std::stoull(text);
        if (is_own(text)) continue;
        CHECK(std::stoi(text) > last);
        last = std::stoi(text);
        ++counted.arrived;
    }
    return counted;
}

struct Case {
    const char* call;
    std::vector<int> errors;
};

const std::vector<Case> cases{
    {"open", {EACCES, EMFILE, ENFILE, ENOSPC, EROFS, ELOOP, EINTR, ENOMEM, ENOENT}},
    {"write", {ENOSPC, EDQUOT, EIO, EFBIG, EBADF, EINTR, EAGAIN}},
    {"rename", {EACCES, EPERM, EROFS, ENOSPC, EIO, EBUSY, ENOENT}},
    {"fstat", {EBADF, EIO, EINTR}},
    {"stat", {EACCES, ENOENT, EIO, ELOOP}},
    {"lstat", {EACCES, EIO}},
    {"flock", {EWOULDBLOCK, ENOLCK, EINTR}},
    {"pread", {EIO}},
    {"fcntl_getfl", {EIO}},
    {"fcntl_setfl", {EIO}},
    {"fcntl_dupfd_cloexec", {EMFILE}},
    {"getrlimit", {EINVAL}},
    {"close", {EIO, ENOSPC, EINTR}},
    {"poll", {EINTR}},
};

}  // namespace

TEST_CASE("LogFile: whichever call fails, however it fails, every message arrives or is counted",
          "[log_file][fault][unit]") {
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const std::uint32_t occurrence = GENERATE(1U, 2U, 3U, 7U);
    for (const auto& each : cases) {
        for (const int error : each.errors) {
            CAPTURE(each.call, error, occurrence, static_cast<int>(repeat));
            const int before = testkit::open_descriptors();
            const TempFolder folder;
            const std::string path = folder / "log";
            std::uint64_t sent = 0;
            std::uint64_t dropped = 0;
            const auto write = [&](const LogFile& log, int messages) {
                for (int i = 0; i < messages; ++i) {
                    errno = EDOM;
                    log.write(Severity::info, std::to_string(sent++));
                    CHECK(errno == EDOM);
                }
            };
            {
                LogFile log(path, {.ident = "p", .rotate_at = 600, .keep = 100});
                write(log, 5);
                {
                    const Fault fault(each.call, occurrence, error, repeat);
                    write(log, 30);
                    log.rotate();
                    write(log, 5);
                    log.reopen();
                    write(log, 5);
                }
                write(log, 20);
                dropped = log.dropped();
            }
            const Count counted = count(path);
            CHECK(counted.dropped == dropped);
            CHECK(counted.arrived + counted.dropped == sent);
            // A descriptor that is said not to be there is not closed: by then its number may be another's.
            if (error != EBADF) CHECK(testkit::open_descriptors() == before);
        }
    }
}

TEST_CASE("LogFile: whichever call of the constructor fails, nothing stays open",
          "[log_file][fault][unit]") {
    const TempFolder folder;
    const Repeat repeat = GENERATE(Repeat::once, Repeat::for_good);
    const int error = GENERATE(EIO, EMFILE, EACCES, EINTR);
    const int before = testkit::open_descriptors();
    std::uint32_t failed = 0;
    for (std::uint32_t occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence, error);
        std::optional<LogFile> log;
        const Outcome outcome =
            with_fault("any", occurrence, error, repeat, [&] { log.emplace(folder / "log"); });
        if (outcome.hits == 0) break;
        CHECK(log.has_value() != outcome.error.has_value());
        if (outcome.error) {
            ++failed;
            CHECK(outcome.error->step() == Step::open_log_file);
            CHECK(outcome.error->code().value() == error);
            CHECK(testkit::open_descriptors() == before);
        }
    }
    CHECK((failed > 0 || (error == EINTR && repeat == Repeat::once) || error == EACCES));
    CHECK(testkit::open_descriptors() == before);
}

TEST_CASE("LogFile: a line is one write, and within a second nothing else is asked of the kernel",
          "[log_file][fault][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", {.ident = "p"});
    constexpr std::uint32_t lines = 1000;
    log.write(Severity::info, "the first looks around");
    const std::uint32_t writes = fault::calls("write");
    const std::uint32_t looks = fault::calls("fstat") + fault::calls("stat");
    for (std::uint32_t i = 0; i < lines; ++i) log.write(Severity::info, "x");
    CHECK(fault::calls("write") - writes == lines);
    CHECK(fault::calls("fstat") + fault::calls("stat") - looks < 40);  // seconds may pass
}

TEST_CASE("LogFile: a reopen that fails at any call leaves the old file in place",
          "[log_file][fault][unit]") {
    const TempFolder folder;
    LogFile log(folder / "log", {.ident = "p", .rotate_at = {}});
    log.write(Severity::info, "0");
    fs::rename(folder / "log", folder / "old");
    const int before = testkit::open_descriptors();
    int sent = 1;
    std::uint32_t failures = 0;
    for (std::uint32_t occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence);
        // Only what is opened: a failed write is a lost line, which is another test.
        const Fault fault("open", occurrence, EMFILE, Repeat::for_good);
        const auto failure = log.reopen();
        if (!failure) break;
        ++failures;
        CHECK(failure->step() == Step::open_log_file);
        CHECK(testkit::open_descriptors() == before);
        log.write(Severity::info, std::to_string(sent++));
        CHECK(testkit::texts(folder / "old").back() == std::to_string(sent - 1));
    }
    CHECK(failures == 1);
    CHECK(testkit::texts(folder / "log").empty());
}

TEST_CASE(
    "LogFile: a rotation that fails or is cut short at any call loses no line, and the next works",
    "[log_file][fault][unit]") {
    for (const char* const call : {"rename", "open", "lstat", "flock", "fstat", "stat"}) {
        for (std::uint32_t occurrence = 1; occurrence < 12; ++occurrence) {
            CAPTURE(call, occurrence);
            const TempFolder folder;
            LogFile log(folder / "log", {.ident = "p", .rotate_at = {}, .keep = 6});
            int sent = 0;
            for (; sent < 4; ++sent) {
                log.write(Severity::info, std::to_string(sent));
                log.rotate();
            }
            log.write(Severity::info, std::to_string(sent++));
            {
                const Fault fault(call, occurrence, EIO, Repeat::for_good);
                log.rotate();
                log.write(Severity::info, std::to_string(sent++));
            }
            log.rotate();
            log.write(Severity::info, std::to_string(sent++));
            CHECK(count(folder / "log").arrived == static_cast<std::uint64_t>(sent));
            CHECK(log.dropped() == 0);
        }
    }
}

TEST_CASE("LogFile: killed at any call of its work, it leaves every line, and the next one goes on",
          "[log_file][fault][process]") {
    const std::string probe = testkit::probe("probe_log_file_fault");
    int kills = 0;
    for (int occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence);
        const TempFolder folder;
        const std::string path = folder / "log";
        const std::string fault = "any:" + std::to_string(occurrence) + ":kill";
        const auto killed = testkit::run_program(
            {probe, "rotate-at:300:50", "open:" + path, "writes:14:1", "rotate", "writes:2:1"},
            {{"DAEMONKIT_FAULT", fault}});
        const std::size_t lines = all_texts(path).size();
        const auto next =
            testkit::run_program({probe, "rotate-at:300:50", "open:" + path, "write:last"});
        CHECK(next.exit_status == 0);
        const Words all = all_texts(path);
        REQUIRE_FALSE(all.empty());
        CHECK(all.back() == "last");
        CHECK(all.size() == lines + 1);
        int expected = 0;  // what was written stands there from its first line on, without a gap
        for (std::size_t i = 0; i + 1 < all.size(); ++i) {
            if (expected == 14) expected = 0;
            CHECK(std::stoi(all[i]) == expected++);
        }
        if (killed.signal == 0) break;
        ++kills;
    }
    CHECK(kills > 60);
}

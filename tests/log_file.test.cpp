// SPDX-License-Identifier: MIT
#include <daemonkit/log_file.hpp>

#include <daemonkit/log_sink.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "log_lines.hpp"
#include "not_tested.hpp"
#include "temp_folder.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::all_texts;
using daemonkit::testkit::FileLine;
using daemonkit::testkit::parse_line;
using daemonkit::testkit::read_file;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::texts;
using daemonkit::testkit::whole_lines;
using daemonkit::testkit::write_file;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

static_assert(LogSink<const LogFile>);
static_assert(!std::is_copy_constructible_v<LogFile> && !std::is_move_constructible_v<LogFile>);

namespace {

const LogFileOptions by_hand{.ident = "p", .rotate_at = {}};

mode_t mode_of(const std::string& path) {
    struct ::stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

// Writes now and then until that holds.
template <class Holds>
bool write_until(const LogFile& log, Holds holds) {
    for (const auto deadline = Clock::now() + 10s; Clock::now() < deadline;
         std::this_thread::sleep_for(20ms)) {
        log.write(Severity::info, "tick");
        if (holds()) return true;
    }
    return false;
}

Error refusal(const std::string& path, const LogFileOptions& options = by_hand) {
    try {
        const LogFile log(path, options);
    } catch (const Error& error) {
        return error;
    }
    FAIL("no error");
    return {Step::application, "", 0};
}

}  // namespace

TEST_CASE("LogFile: a line has time, ident, pid, severity and text", "[log_file][unit]") {
    const TempFolder folder;
    ::setenv("TZ", "XST-5:30", 1);
    const std::time_t before = std::time(nullptr);
    {
        const LogFile log(folder / "log", {.ident = "thermod"});
        for (int number = 0; number < 8; ++number)
            log.write(static_cast<Severity>(number), "number " + std::to_string(number));
    }
    ::unsetenv("TZ");
    ::tzset();
    const Words lines = whole_lines(folder / "log");
    REQUIRE(lines.size() == 8);
    for (unsigned number = 0; number < 8; ++number) {
        const FileLine line = parse_line(lines[number]);
        CHECK(line.ident == "thermod");
        CHECK(line.pid == std::to_string(::getpid()));
        CHECK(line.severity == to_string(static_cast<Severity>(number)));
        CHECK(line.text == "number " + std::to_string(number));
        CHECK(line.time.substr(23) == "+05:30");
        std::tm time{};
        REQUIRE(::strptime(line.time.c_str(), "%Y-%m-%dT%H:%M:%S", &time) != nullptr);
        const std::time_t written = ::timegm(&time) - 19'800;
        CHECK(written >= before);
        CHECK(written <= std::time(nullptr));
    }
}

TEST_CASE("LogFile: whatever a text holds, it is one line", "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", by_hand);
    log.write(Severity::info, std::string_view("a\nb\tc\0d\x7f\n\n", 10));
    log.write(Severity::info, "\xc3\xa9t\xc3\xa9 \xff %s%n");
    log.write(Severity::info, "");
    log.write(Severity::info, std::string(20'000, 'x'));
    const Words all = texts(folder / "log");
    REQUIRE(all.size() == 4);
    CHECK(all[0] == "a#012b#011c#000d#177");
    CHECK(all[1] == "\xc3\xa9t\xc3\xa9 \xff %s%n");
    CHECK(all[2].empty());
    CHECK(all[3] == std::string(7994, 'x') + " [cut]");
}

TEST_CASE("LogFile: the file is made with its mode, appended to and not inherited",
          "[log_file][unit]") {
    const TempFolder folder;
    const mode_t mask = ::umask(0);
    {
        const LogFile usual(folder / "usual");
        const LogFile open(folder / "open", {.mode = 0666});
        ::umask(077);
        const LogFile closed(folder / "closed");
        for (const auto* const log : {&usual, &open, &closed}) {
            CHECK((::fcntl(log->native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
            CHECK((::fcntl(log->native_handle(), F_GETFL) & O_APPEND) != 0);
        }
    }
    ::umask(mask);
    CHECK(mode_of(folder / "usual") == 0640);
    CHECK(mode_of(folder / "open") == 0666);
    CHECK(mode_of(folder / "closed") == 0600);

    write_file(folder / "there", "what stood there\n");
    ::chmod((folder / "there").c_str(), 0604);
    LogFile(folder / "there", by_hand).write(Severity::info, "more");
    CHECK(mode_of(folder / "there") == 0604);
    CHECK(read_file(folder / "there").find("what stood there\n2") == 0);
}

TEST_CASE("LogFile: the mask says which severities are written, and errno is kept",
          "[log_file][unit]") {
    const TempFolder folder;
    LogFile log(folder / "log", {.ident = "p", .mask = SeverityMask::up_to(Severity::warning)});
    CHECK(log.is_enabled(Severity::warning));
    CHECK_FALSE(log.is_enabled(Severity::notice));
    CHECK_FALSE(log.is_enabled(static_cast<Severity>(8)));
    errno = EDOM;
    log.write(Severity::warning, "in");
    log.write(Severity::notice, "out");
    CHECK(errno == EDOM);
    CHECK(log.set_mask(SeverityMask::only({Severity::debug})) ==
          SeverityMask::up_to(Severity::warning));
    CHECK(log.set_mask(SeverityMask(0)) == SeverityMask::only({Severity::debug}));
    log.write(Severity::debug, "in, too");
    log.write(Severity::warning, "out");
    CHECK(texts(folder / "log") == Words{"in", "in, too"});
    CHECK(log.dropped() == 0);
}

TEST_CASE("LogFile: without an ident the lines have the name of the program", "[log_file][unit]") {
    const TempFolder folder;
    LogFile(folder / "log").write(Severity::info, "x");
    CHECK(parse_line(whole_lines(folder / "log").at(0)).ident == "test_log_file");
}

TEST_CASE("LogFile: options that can never work are refused, and nothing is made",
          "[log_file][unit]") {
    const TempFolder folder;
    const std::vector<LogFileOptions> wrong{
        {.ident = "two words"}, {.ident = "line\n"}, {.ident = std::string(49, 'x')},
        {.mode = 01644},        {.rotate_at = 0},    {.keep = 0},
        {.keep = 1001}};
    for (const auto& options : wrong) {
        const Error error = refusal(folder / "log", options);
        CHECK(error.step() == Step::open_log_file);
        CHECK(error.code().value() == EINVAL);
        CHECK(error.exit_status() == 78);
    }
    CHECK(fs::is_empty(folder.path()));
    CHECK(refusal("").step() == Step::resolve_path);
}

TEST_CASE("LogFile: what is no plain file is refused at once and left as it is",
          "[log_file][unit]") {
    const TempFolder folder;
    fs::create_directory(folder / "folder");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    for (const std::string& path : {folder / "folder", folder / "pipe", std::string("/dev/null")}) {
        const Error error = refusal(path);
        CHECK(error.step() == Step::open_log_file);
        CHECK(error.subject() == path);
        CHECK(std::string(error.what()).find("plain file") != std::string::npos);
    }
    const Error error = refusal(folder / "missing/log");
    CHECK(std::string(error.what()).find("its folder does not exist") != std::string::npos);
    CHECK(error.exit_status() == 73);
}

TEST_CASE("LogFile: in a folder that others can change, links of either kind are refused",
          "[log_file][unit]") {
    const TempFolder folder;
    write_file(folder / "victim", "untouched\n");
    fs::create_directory(folder / "shared");
    fs::create_symlink(folder / "victim", folder / "shared/symbolic");
    fs::create_hard_link(folder / "victim", folder / "shared/hard");
    // In a folder of one's own both are what the owner wants.
    { const LogFile log(folder / "shared/symbolic", by_hand); }
    { const LogFile log(folder / "shared/hard", by_hand); }
    ::chmod((folder / "shared").c_str(), 0777);
    CHECK(refusal(folder / "shared/symbolic").code().value() == ELOOP);
    CHECK(refusal(folder / "shared/hard").code().value() == EMLINK);

    // Planted while the log is in use.
    LogFile log(folder / "shared/log", by_hand);
    log.write(Severity::info, "1");
    fs::rename(folder / "shared/log", folder / "shared/log.1");
    fs::create_symlink(folder / "victim", folder / "shared/log");
    const auto failure = log.reopen();
    REQUIRE(failure);
    CHECK(failure->step() == Step::open_log_file);
    log.write(Severity::info, "2");
    CHECK(read_file(folder / "victim") == "untouched\n");
    CHECK(texts(folder / "shared/log.1") ==
          Words{"1", std::string("the log could not be opened anew: ") + failure->what(), "2"});
}

TEST_CASE("LogFile: reopen follows the name, and where that fails the old file goes on",
          "[log_file][unit]") {
    const TempFolder folder;
    LogFile log(folder / "log", by_hand);
    log.write(Severity::info, "1");
    CHECK_FALSE(log.reopen());  // nothing has changed
    log.write(Severity::info, "2");
    fs::rename(folder / "log", folder / "old");
    log.write(Severity::info, "3");
    CHECK_FALSE(log.reopen());
    log.write(Severity::info, "4");
    CHECK(texts(folder / "old") == Words{"1", "2", "3"});
    CHECK(texts(folder / "log") == Words{"4"});

    fs::rename(folder / "log", folder / "older");
    fs::create_directory(folder / "log");
    const auto failure = log.reopen();
    REQUIRE(failure);
    CHECK(failure->subject() == folder / "log");
    log.write(Severity::info, "5");
    const Words all = texts(folder / "older");
    REQUIRE(all.size() == 3);
    CHECK(all[1].find("open_log_file: " + (folder / "log")) != std::string::npos);
    CHECK(all[2] == "5");
    fs::remove(folder / "log");
    CHECK_FALSE(log.reopen());
    log.write(Severity::info, "6");
    CHECK(texts(folder / "log") == Words{"6"});
}

TEST_CASE("LogFile: a file that somebody renames and makes anew is followed within a second",
          "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", by_hand);
    log.write(Severity::info, "1");
    fs::rename(folder / "log", folder / "log.1");
    write_file(folder / "log", "");
    const auto start = Clock::now();
    CHECK(write_until(log, [&] { return !read_file(folder / "log").empty(); }));
    CHECK(Clock::now() - start < 6s);
    CHECK(texts(folder / "log.1").at(0) == "1");
}

TEST_CASE("LogFile: a file that somebody renames or removes is made anew", "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", by_hand);
    log.write(Severity::info, "1");
    SECTION("renamed") { fs::rename(folder / "log", folder / "log.1"); }
    SECTION("removed") { fs::remove(folder / "log"); }
    const auto start = Clock::now();
    CHECK(write_until(log, [&] { return fs::exists(folder / "log"); }));
    // Not at once: another program may be between its two steps.
    CHECK(Clock::now() - start >= 1s);
    log.write(Severity::info, "last");
    CHECK(texts(folder / "log").back() == "last");
    CHECK(log.dropped() == 0);
}

TEST_CASE("LogFile: when its folder is gone it goes on, and comes back with the folder",
          "[log_file][unit]") {
    const TempFolder folder;
    fs::create_directory(folder / "logs");
    LogFile log(folder / "logs/log", by_hand);
    log.write(Severity::info, "1");
    fs::rename(folder / "logs", folder / "away");
    const auto failure = log.reopen();
    REQUIRE(failure);
    CHECK(failure->code().value() == ENOENT);
    log.write(Severity::info, "2");
    CHECK(texts(folder / "away/log").back() == "2");
    fs::create_directory(folder / "logs");
    CHECK(write_until(log, [&] { return fs::exists(folder / "logs/log"); }));
}

TEST_CASE("LogFile: a file that somebody truncates is written on from its beginning",
          "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", {.ident = "p", .rotate_at = 100'000});
    for (int i = 0; i < 100; ++i) log.write(Severity::info, std::string(500, 'x'));
    fs::copy_file(folder / "log", folder / "copy");
    fs::resize_file(folder / "log", 0);
    for (int i = 0; i < 100; ++i) log.write(Severity::info, std::string(500, 'y'));
    CHECK(texts(folder / "log") == Words(100, std::string(500, 'y')));  // no hole before it
    CHECK_FALSE(fs::exists(folder / "log.1"));  // its size is looked up before it is rotated
}

TEST_CASE("LogFile: rotated by size, no file is larger, and the oldest go", "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", {.ident = "p", .rotate_at = 2000, .keep = 3});
    for (int i = 0; i < 200; ++i) log.write(Severity::info, std::to_string(i));
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
        names.insert(entry.path().filename());
        CHECK(entry.file_size() <= 2000);
        CHECK(mode_of(entry.path()) == 0640);
    }
    CHECK(names == std::set<std::string>{"log", "log.1", "log.2", "log.3"});
    CHECK(fs::file_size(folder / "log.1") > 1700);
    const Words all = all_texts(folder / "log");
    int number = 200 - static_cast<int>(all.size());
    for (const auto& text : all) CHECK(text == std::to_string(number++));
    CHECK(log.dropped() == 0);
}

TEST_CASE("LogFile: a line that is larger than the size stands alone in its file",
          "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", {.ident = "p", .rotate_at = 1, .keep = 9});
    for (int i = 0; i < 4; ++i) log.write(Severity::info, std::to_string(i));
    CHECK(texts(folder / "log") == Words{"3"});
    CHECK(all_texts(folder / "log") == Words{"0", "1", "2", "3"});
}

TEST_CASE("LogFile: rotated by hand, an empty file is left alone", "[log_file][unit]") {
    const TempFolder folder;
    LogFile log(folder / "log", by_hand);
    CHECK_FALSE(log.rotate());
    CHECK_FALSE(fs::exists(folder / "log.1"));
    for (int i = 0; i < 8; ++i) {
        log.write(Severity::info, std::to_string(i));
        CHECK_FALSE(log.rotate());
        CHECK_FALSE(log.rotate());
    }
    CHECK(read_file(folder / "log").empty());
    CHECK(all_texts(folder / "log") == Words{"3", "4", "5", "6", "7"});
    fs::remove(folder / "log");
    CHECK_FALSE(log.rotate());
    log.write(Severity::info, "8");
    CHECK(all_texts(folder / "log") == Words{"3", "4", "5", "6", "7", "8"});
}

TEST_CASE("LogFile: a gap among the old files is filled before any of them goes",
          "[log_file][unit]") {
    const TempFolder folder;
    LogFile log(folder / "log", by_hand);
    for (int i = 0; i < 5; ++i) {
        log.write(Severity::info, std::to_string(i));
        log.rotate();
    }
    fs::remove(folder / "log.3");
    log.write(Severity::info, "5");
    log.rotate();
    CHECK(all_texts(folder / "log") == Words{"0", "1", "3", "4", "5"});
}

TEST_CASE("LogFile: what cannot be rotated grows, says so once, and is rotated when it can be",
          "[log_file][unit]") {
    const TempFolder folder;
    const LogFile log(folder / "log", {.ident = "p", .rotate_at = 1000, .keep = 1});
    fs::create_directories(folder / "log.1/in the way");
    for (int i = 0; i < 100; ++i) log.write(Severity::info, std::to_string(i));
    CHECK(write_until(log, [&] { return fs::file_size(folder / "log") > 8000; }));
    int told = 0;
    for (const auto& text : texts(folder / "log"))
        told += text.find("the log could not be rotated: rotate_log_file: ") == 0 ? 1 : 0;
    CHECK(told == 1);
    CHECK(log.dropped() == 0);
    fs::remove_all(folder / "log.1");
    CHECK(write_until(log, [&] { return fs::exists(folder / "log.1"); }));
    CHECK(fs::file_size(folder / "log") < 1000);
}

TEST_CASE("LogFile: a symbolic link is not rotated, only what it points to", "[log_file][unit]") {
    const TempFolder folder;
    fs::create_symlink(folder / "target", folder / "log");
    LogFile log(folder / "log", by_hand);
    log.write(Severity::info, "1");
    const auto failure = log.rotate();
    REQUIRE(failure);
    CHECK(failure->code().value() == ELOOP);
    CHECK(fs::is_symlink(folder / "log"));
    CHECK(texts(folder / "target").size() == 2);
}

TEST_CASE("LogFile: a file that a stranger keeps locked is not rotated, and holds nobody up",
          "[log_file][unit]") {
    const TempFolder folder;
    LogFile log(folder / "log", {.ident = "p", .rotate_at = 1000});
    const int stranger = ::open((folder / "log").c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::flock(stranger, LOCK_SH) == 0);
    const auto start = Clock::now();
    for (int i = 0; i < 100; ++i) log.write(Severity::info, std::to_string(i));
    CHECK(Clock::now() - start < 10s);
    CHECK_FALSE(fs::exists(folder / "log.1"));
    const auto failure = log.rotate();
    REQUIRE(failure);
    CHECK(failure->step() == Step::rotate_log_file);
    CHECK(failure->code().value() == EWOULDBLOCK);
    ::close(stranger);
    CHECK_FALSE(log.rotate());
    CHECK(fs::exists(folder / "log.1"));
}

TEST_CASE("LogFile: a part of a line that was left behind is marked as cut", "[log_file][unit]") {
    const TempFolder folder;
    write_file(folder / "log", "a whole line\nkilled in the mid");
    {
        const LogFile log(folder / "log", by_hand);
        log.write(Severity::info, "1");
        log.write(Severity::info, "2");
    }
    const Words lines = whole_lines(folder / "log");
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == "a whole line");
    CHECK(lines[1] == "killed in the mid [cut]");
    CHECK(parse_line(lines[2]).text == "1");
    CHECK(parse_line(lines[3]).text == "2");
}

TEST_CASE("LogFile: a file that may be written but not read is a log all the same",
          "[log_file][unit]") {
    if (::geteuid() == 0) return testkit::not_tested("root reads everything");
    const TempFolder folder;
    write_file(folder / "log", "");
    ::chmod((folder / "log").c_str(), 0200);
    LogFile(folder / "log", by_hand).write(Severity::info, "1");
    ::chmod((folder / "log").c_str(), 0600);
    CHECK(texts(folder / "log") == Words{"1"});
}

TEST_CASE("LogFile: eight threads tear no line and lose none, while the file is rotated",
          "[log_file][unit][threads]") {
    const TempFolder folder;
    constexpr int count = 2000;
    LogFile log(folder / "log", {.ident = "p", .rotate_at = 100'000, .keep = 1000});
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < count; ++i) {
                log.write(Severity::info, std::to_string(thread) + " " + std::to_string(i) + " " +
                                              std::string(static_cast<std::size_t>(i) % 300, 'x'));
                if (i % 500 == 0) log.reopen();
                if (i % 700 == 0) log.rotate();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    std::array<int, 8> next{};
    for (const auto& text : all_texts(folder / "log")) {
        const auto thread = static_cast<std::size_t>(text.at(0) - '0');
        REQUIRE(thread < next.size());
        const int i = std::stoi(text.substr(2));
        REQUIRE(i == next[thread]++);  // each thread's lines, in its order
        REQUIRE(text.substr(text.rfind(' ') + 1) ==
                std::string(static_cast<std::size_t>(i) % 300, 'x'));
    }
    for (const int lines : next) CHECK(lines == count);
    CHECK(fs::exists(folder / "log.20"));
    CHECK(log.dropped() == 0);
}

// SPDX-License-Identifier: MIT
#include <daemonkit/bootstrap_log.hpp>

#include <daemonkit/log_sink.hpp>

#include "catch.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using daemonkit::BootstrapLog;
using daemonkit::ReplayedTime;
using daemonkit::Severity;
using daemonkit::SeverityMask;
using daemonkit::testkit::eventually;
using daemonkit::testkit::read_file;
using daemonkit::testkit::TempFolder;
using Line = std::pair<Severity, std::string>;

static_assert(daemonkit::LogSink<BootstrapLog> && daemonkit::LogSink<const BootstrapLog>);
static_assert(!std::is_copy_constructible_v<BootstrapLog>);

namespace {

// stderr is a file for as long as this lives.
class StderrInFile {
public:
    StderrInFile() : before_(::fcntl(2, F_DUPFD_CLOEXEC, 3)) {
        const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        ::dup2(file, 2);
        ::close(file);
    }
    ~StderrInFile() { restore(); }
    StderrInFile(const StderrInFile&) = delete;
    StderrInFile& operator=(const StderrInFile&) = delete;

    std::string text() const { return read_file(path_); }
    void restore() {
        if (before_ < 0) return;
        ::dup2(before_, 2);
        ::close(std::exchange(before_, -1));
    }

private:
    TempFolder folder_;
    std::string path_ = folder_ / "stderr";
    int before_;
};

// One thread at a time, as the log itself has it while it replays.
struct Memory {
    bool is_enabled(Severity severity) const noexcept { return severity <= threshold; }
    void write(Severity severity, std::string_view text) noexcept {
        lines.emplace_back(severity, text);
    }
    Severity threshold = Severity::debug;
    std::vector<Line> lines = {};
};

bool has_time(const std::string& line) {
    static constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.dddZ ";
    if (line.size() < form.size()) return false;
    for (std::size_t at = 0; at < form.size(); ++at)
        if (form[at] == 'd' ? line[at] < '0' || line[at] > '9' : line[at] != form[at]) return false;
    return true;
}

// "PID SEVERITY TIME TEXT" of every line, without the time, which has to be there up to the replay.
struct Told {
    std::string pids;
    std::vector<std::string> lines;
};
Told told_in(const std::string& path) {
    Told told;
    std::istringstream file(read_file(path));
    std::string last;
    for (std::string line; std::getline(file, line);) {
        const auto first = line.find(' ');
        const auto second = line.find(' ', first + 1);
        if (line.substr(0, first) != last) told.pids += last = line.substr(0, first) + " ";
        last = line.substr(0, first);
        std::string text = line.substr(second + 1);
        if (has_time(text)) text = "(time) " + text.substr(25);
        told.lines.push_back(line.substr(first + 1, second - first) + text);
    }
    return told;
}

}  // namespace

TEST_CASE("BootstrapLog: messages go to stderr at once, and into the sink with their severities",
          "[bootstrap_log][unit]") {
    StderrInFile terminal;
    BootstrapLog log;
    Memory sink;
    errno = E2BIG;
    log.write(Severity::warning, "one");
    log.write(Severity::info, "two\nlines");
    log.write(Severity::error, "");
    CHECK(errno == E2BIG);
    const std::string at_once = terminal.text();
    log.replay_into(sink);
    log.write(Severity::debug, "straight");
    const std::string at_the_end = terminal.text();
    CHECK(errno == E2BIG);
    terminal.restore();
    CHECK(at_once == "one\ntwo\nlines\n\n");
    CHECK(at_the_end == at_once);
    REQUIRE(sink.lines.size() == 4);
    for (std::size_t at = 0; at < 3; ++at) {
        CHECK(has_time(sink.lines[at].second));
        sink.lines[at].second.erase(0, 25);
    }
    CHECK(sink.lines == std::vector<Line>{{Severity::warning, "one"},
                                          {Severity::info, "two\nlines"},
                                          {Severity::error, ""},
                                          {Severity::debug, "straight"}});
    CHECK(log.not_kept() == 0);
}

TEST_CASE("BootstrapLog: what has no room is on stderr, and its number is told",
          "[bootstrap_log][unit]") {
    StderrInFile terminal;
    BootstrapLog log({.bytes = 1000, .time = ReplayedTime::left_out});
    Memory sink;
    for (int i = 0; i < 100; ++i) log.write(Severity::info, std::to_string(100 + i));
    log.write(Severity::info, std::string(5000, 'x'));
    const std::string all = terminal.text();
    log.replay_into(sink);
    terminal.restore();
    CHECK(all.size() == 100 * 4 + 5001);
    const auto kept = sink.lines.size() - 1;
    CHECK(kept >= 1000 / 43);
    for (std::size_t at = 0; at < kept; ++at)
        CHECK(sink.lines[at] == Line(Severity::info, std::to_string(100 + at)));
    CHECK(log.not_kept() == 101 - kept);
    CHECK(sink.lines.back() ==
          Line(Severity::warning,
               std::to_string(101 - kept) + " messages before this one are only on stderr"));
}

TEST_CASE("BootstrapLog: no memory at all keeps nothing, and all is told on stderr",
          "[bootstrap_log][unit]") {
    StderrInFile terminal;
    BootstrapLog log({.bytes = 0});
    Memory sink;
    log.write(Severity::info, "one");
    log.replay_into(sink);
    const std::string all = terminal.text();
    terminal.restore();
    CHECK(all == "one\n");
    REQUIRE(sink.lines.size() == 1);
    CHECK(sink.lines[0].second == "1 messages before this one are only on stderr");
}

TEST_CASE("BootstrapLog: its mask is in force until the replay, the sink's from then on",
          "[bootstrap_log][unit]") {
    StderrInFile terminal;
    BootstrapLog log(
        {.time = ReplayedTime::left_out, .mask = SeverityMask::up_to(Severity::notice)});
    Memory sink{.threshold = Severity::debug};
    CHECK(log.is_enabled(Severity::notice));
    CHECK_FALSE(log.is_enabled(Severity::info));
    log.write(Severity::info, "1");
    log.write(Severity::notice, "2");
    log.replay_into(sink);
    CHECK(log.is_enabled(Severity::debug));
    log.write(Severity::debug, "3");
    sink.threshold = Severity::error;
    CHECK_FALSE(log.is_enabled(Severity::debug));
    Memory other;
    log.replay_into(other);  // works once
    log.write(Severity::error, "4");
    const std::string all = terminal.text();
    terminal.restore();
    CHECK(all == "2\n");
    CHECK(other.lines.empty());
    CHECK(sink.lines == std::vector<Line>{{Severity::notice, "2"},
                                          {Severity::debug, "3"},
                                          {Severity::error, "4"}});
}

TEST_CASE("BootstrapLog: with eight threads writing across the replay nothing is lost or twice",
          "[bootstrap_log][unit][threads]") {
    struct Shared {
        static bool is_enabled(Severity) noexcept { return true; }
        void write(Severity, std::string_view text) noexcept {
            while (busy.test_and_set()) std::this_thread::yield();
            lines.emplace_back(text);
            busy.clear();
        }
        std::atomic_flag busy = ATOMIC_FLAG_INIT;
        std::vector<std::string> lines = {};
    };
    StderrInFile terminal;
    BootstrapLog log({.bytes = 1U << 20U, .time = ReplayedTime::left_out});
    Shared sink;
    constexpr int count = 500;
    std::atomic<int> begun{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread) {
        threads.emplace_back([&, name = std::string(1, static_cast<char>('a' + thread))] {
            for (int i = 0; i < count; ++i) {
                log.write(Severity::info, name + std::to_string(i));
                if (i == count / 10) ++begun;
            }
        });
    }
    while (begun < 8) std::this_thread::yield();
    log.replay_into(sink);
    for (auto& thread : threads) thread.join();
    const std::string on_stderr = terminal.text();
    terminal.restore();
    CHECK(log.not_kept() == 0);
    CHECK_FALSE(on_stderr.empty());
    CHECK(sink.lines.size() == 8 * count);
    std::map<char, int> next;
    for (const auto& line : sink.lines) CHECK(std::stoi(line.substr(1)) == next[line[0]]++);
}

TEST_CASE("BootstrapLog: a message that waits for the end of the replay goes to the sink",
          "[bootstrap_log][unit][threads]") {
    // Its last message, the one about what had no room, is told while the log is locked.
    struct Holding {
        static bool is_enabled(Severity) noexcept { return true; }
        void write(Severity, std::string_view text) noexcept {
            lines.emplace_back(text);
            if (lines.size() > 1) return;
            late = std::thread([this] {
                is_at_it = true;
                log->write(Severity::info, "late");
            });
            while (!is_at_it) std::this_thread::yield();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        const BootstrapLog* log;
        std::atomic<bool> is_at_it{false};
        std::thread late = {};
        std::vector<std::string> lines = {};
    };
    StderrInFile terminal;
    BootstrapLog log({.bytes = 0});
    log.write(Severity::info, "no room");
    Holding sink{.log = &log};
    log.replay_into(sink);
    sink.late.join();
    terminal.restore();
    CHECK(sink.lines ==
          std::vector<std::string>{"1 messages before this one are only on stderr", "late"});
}

TEST_CASE("BootstrapLog: what the launcher said is told once, by the daemon",
          "[bootstrap_log][process]") {
    for (const char* const what : {"ready", "late"}) {
        CAPTURE(what);
        const TempFolder folder;
        const auto finished = daemonkit::testkit::run_program(
            {daemonkit::testkit::probe("probe_bootstrap"), folder / "log", what});
        CHECK(finished.exit_status == 0);
        CHECK(finished.err == "in the launcher\nin the daemon\n");
        REQUIRE(eventually(
            [&] { return read_file(folder / "log").find("debug end\n") != std::string::npos; }));
        const Told told = told_in(folder / "log");
        CHECK(told.lines == std::vector<std::string>{"notice (time) in the launcher",
                                                     "warning (time) in the daemon",
                                                     "info after the replay", "debug end"});
        CHECK(told.pids.find(' ') == told.pids.size() - 1);  // of one process
    }
}

TEST_CASE("BootstrapLog: a start that fails loses nothing, it was all on the launcher's terminal",
          "[bootstrap_log][process]") {
    for (const std::string what : {"before", "fail", "die"}) {
        CAPTURE(what);
        const TempFolder folder;
        const auto finished = daemonkit::testkit::run_program(
            {daemonkit::testkit::probe("probe_bootstrap"), folder / "log", what});
        CHECK(finished.exit_status == 70);
        const std::string lines =
            what == "before" ? "in the launcher\ntold: " : "in the launcher\nin the daemon\ntold: ";
        CHECK(finished.err.compare(0, lines.size(), lines) == 0);
        CHECK(read_file(folder / "log").empty());
    }
}

// SPDX-License-Identifier: MIT
// LogFile in processes that come from one another, on a full disk, and beside logrotate.
#include <daemonkit/log_file.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "log_lines.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "running_program.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::all_files;
using daemonkit::testkit::all_texts;
using daemonkit::testkit::FileLine;
using daemonkit::testkit::Finished;
using daemonkit::testkit::not_tested;
using daemonkit::testkit::parse_line;
using daemonkit::testkit::read_file;
using daemonkit::testkit::RunningProgram;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::texts;
using daemonkit::testkit::whole_lines;
using daemonkit::testkit::write_file;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

constexpr const char* rotates = "rotate-at:";

Words command(Words verbs) {
    verbs.insert(verbs.begin(), testkit::probe("probe_log_file"));
    return verbs;
}

// Nothing when this machine does not allow what the verbs need: then that is said, and the test ends.
std::optional<Finished> run(const Words& verbs) {
    Finished finished = testkit::run_program(command(verbs));
    if (finished["not_possible"] != "(no not_possible)") {
        not_tested(finished["not_possible"]);
        return {};
    }
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.exit_status == 0);
    return finished;
}

std::string open_verb(const TempFolder& folder) { return "open:" + (folder / "log"); }

// What the verb `show` has reported.
Words shown(const Finished& finished) {
    Words lines;
    std::istringstream out(finished.out);
    for (std::string line; std::getline(out, line);)
        if (line.compare(0, 5, "line=") == 0) lines.push_back(line.substr(5));
    return lines;
}

std::uint64_t dropped_in(const Words& all) {
    std::uint64_t dropped = 0;
    for (const auto& text : all)
        if (text.find(" messages dropped: ") != std::string::npos) dropped += std::stoull(text);
    return dropped;
}

}  // namespace

TEST_CASE("LogFile: each process writes under its own pid", "[log_file][process]") {
    const TempFolder folder;
    const auto finished = run({open_verb(folder), "write:1", "fork-write:2", "write:3", "report"});
    REQUIRE(finished);
    std::map<std::string, std::string> pids;
    for (const auto& line : whole_lines(folder / "log")) {
        const FileLine parsed = parse_line(line);
        pids[parsed.text] = parsed.pid;
    }
    CHECK(pids.size() == 3);
    CHECK(pids["1"] == (*finished)["pid"]);
    CHECK(pids["2"] == (*finished)["child"]);
    CHECK(pids["3"] == (*finished)["pid"]);
    CHECK((*finished)["cloexec"] == "1");
}

TEST_CASE("LogFile: a process forked while other threads write and rotate can write",
          "[log_file][process]") {
    const TempFolder folder;
    const auto finished =
        run({std::string(rotates) + "300000:1000", open_verb(folder), "fork-storm:100"});
    REQUIRE(finished);
    CHECK((*finished)["children"] == "100");
    int children = 0;
    for (const auto& text : all_texts(folder / "log")) {
        children += text == "child" ? 1 : 0;
        if (text != "child" && text != "storm") FAIL(text);
    }
    CHECK(children == 100);
}

TEST_CASE("LogFile: processes forked from one that has the file lose no line when it is rotated",
          "[log_file][process]") {
    const TempFolder folder;
    // Each child's first line finds the file full, and the descriptor is the one that all of them have in common: a lock
    // on that would let two rotate at once.
    constexpr int rounds = 100;
    Words verbs{std::string(rotates) + "500:1000", open_verb(folder)};
    for (int round = 0; round < rounds; ++round) {
        verbs.emplace_back("writes:1:350");
        verbs.emplace_back("family:4:1");
    }
    const auto finished = run(verbs);
    REQUIRE(finished);
    std::size_t lines = 0;
    for (const auto& file : all_files(folder / "log")) lines += whole_lines(file).size();
    CHECK(lines == rounds * 5);
}

TEST_CASE("LogFile: several processes lose no line, tear none and rotate each file once",
          "[log_file][process]") {
    const TempFolder folder;
    constexpr int count = 1000;
    {
        std::vector<std::unique_ptr<RunningProgram>> writers;
        for (int writer = 0; writer < 4; ++writer)
            writers.push_back(std::make_unique<RunningProgram>(
                command({std::string(rotates) + "60000:1000", open_verb(folder), "pause:go",
                         "storm:2:" + std::to_string(count)})));
        for (auto& writer : writers) writer->until("go");
        for (auto& writer : writers) writer->tell();
        for (auto& writer : writers) CHECK(writer->await_end() == 0);
    }
    std::set<std::string> all;
    const Words files = all_files(folder / "log");
    for (const auto& file : files) {
        for (const auto& line : whole_lines(file)) {
            const FileLine parsed = parse_line(line);
            CHECK(all.insert(parsed.pid + " " + parsed.text).second);  // no line stands there twice
        }
        // A file that two processes had rotated would have been cut short.
        if (file != files.back()) CHECK(fs::file_size(file) > 30'000);
    }
    CHECK(all.size() == 4 * 2 * count);
    CHECK(files.size() > 2);
}

TEST_CASE("LogFile: made before a DaemonContext, it serves the daemon, whatever that closes",
          "[log_file][process]") {
    const TempFolder folder;
    for (const char* const daemon : {"daemon:all", "daemon:not_close_on_exec"}) {
        fs::remove(folder / "log");
        const auto finished = run({open_verb(folder), "write:launcher", daemon, "write:daemon"});
        REQUIRE(finished);
        const Words lines = whole_lines(folder / "log");
        REQUIRE(lines.size() == 2);
        CHECK(parse_line(lines[1]).text == "daemon");
        CHECK(parse_line(lines[1]).pid == (*finished)["pid"]);
    }
}

TEST_CASE("LogFile: when every descriptor was closed, the file is opened anew",
          "[log_file][process]") {
    const TempFolder folder;
    const auto finished = run({open_verb(folder), "write:1", "vanish", "write:2", "report"});
    REQUIRE(finished);
    CHECK(texts(folder / "log") == Words{"1", "2"});
    CHECK((*finished)["dropped"] == "0");
    CHECK((*finished)["cloexec"] == "1");
}

TEST_CASE("LogFile: after a chroot the file of before is written on", "[log_file][process][root]") {
    const TempFolder folder;
    fs::create_directory(folder / "root");
    const auto finished = run({open_verb(folder), "write:1", "chroot:" + (folder / "root"),
                               "fork-write:2", "write:3", "reopen"});
    REQUIRE(finished);
    const Words all = texts(folder / "log");
    REQUIRE(all.size() == 4);
    CHECK(all[2] == "3");
    CHECK(all[3].find("the log could not be opened anew: ") == 0);  // it was asked for
    CHECK((*finished)["errno"] == std::to_string(ENOENT));
}

TEST_CASE("LogFile: where the folder belongs to root, an ordinary user goes on, and says so once",
          "[log_file][process][root]") {
    const TempFolder folder;
    ::chmod(folder.path().c_str(), 0755);
    const std::string log = folder / "log";
    write_file(log, "");
    const bool is_users = GENERATE(true, false);
    if (is_users) REQUIRE(::chown(log.c_str(), 65534, 65534) == 0);
    ::chmod(log.c_str(), 0640);
    const auto finished = run({std::string(rotates) + "3000:3", open_verb(folder), "user:65534",
                               "writes:200:50", "reopen", "rotate", "report"});
    REQUIRE(finished);
    CHECK((*finished)["error"] == (is_users ? "rotate_log_file" : "open_log_file"));
    CHECK((*finished)["errno"] == std::to_string(EACCES));
    CHECK((*finished)["dropped"] == "0");
    CHECK_FALSE(fs::exists(folder / "log.1"));
    int lines = 0;
    int told = 0;
    for (const auto& text : texts(log))
        ++(text.find("the log could not be rotated: ") == 0 ? told : lines);
    CHECK(lines == 200);
    CHECK(told == 2);  // once on the way, and once because it was asked for
}

TEST_CASE("LogFile: a full disk costs the lines that find no room, and their number is told",
          "[log_file][process]") {
    const TempFolder folder;
    fs::create_directory(folder / "disk");
    const std::string log = folder / "disk/log";
    // 60 bytes and the head: lines come to lie across the end of the last page there is.
    const auto finished =
        run({"small-disk:" + (folder / "disk") + ":64", "open:" + log, "writes:10:60",
             "fill:" + (folder / "disk/filler"), "writes:200:60", "report",
             "remove:" + (folder / "disk/filler"), "write:afterwards", "report", "show:" + log});
    if (!finished) return;
    Words all;
    int lines = 0;
    for (const auto& line : shown(*finished)) {
        all.push_back(parse_line(line).text);
        lines += all.back().size() == 60 ? 1 : 0;
    }
    const std::uint64_t dropped = dropped_in(all);
    CHECK(dropped > 100);
    CHECK(lines + static_cast<int>(dropped) == 210);
    CHECK((*finished)["dropped"] == std::to_string(dropped));
    REQUIRE(all.size() > 2);
    CHECK(all.back() == "afterwards");
    CHECK(all[all.size() - 2] ==
          std::to_string(dropped) + " messages dropped: No space left on device");
}

TEST_CASE("LogFile: a line that a full disk has cut goes whole into the next file",
          "[log_file][process]") {
    const TempFolder folder;
    fs::create_directory(folder / "disk");
    const std::string log = folder / "disk/log";
    const auto finished = run({"small-disk:" + (folder / "disk") + ":64", "open:" + log,
                               "write:first", "fill:" + (folder / "disk/filler"), "writes:1:5000",
                               "remove:" + (folder / "disk/filler"), "truncate:" + log + ":0",
                               "write:afterwards", "report", "show:" + log});
    if (!finished) return;
    const Words lines = shown(*finished);
    REQUIRE(lines.size() == 2);
    CHECK(parse_line(lines[0]).text.size() == 5000);
    CHECK(parse_line(lines[1]).text == "afterwards");
    CHECK((*finished)["dropped"] == "0");
}

TEST_CASE("LogFile: the limit on the size of files costs lines, not the process",
          "[log_file][process]") {
    const TempFolder folder;
    const auto finished =
        run({open_verb(folder), "limit:2000", "vanish", "writes:100:50", "report", "limit:100000",
             "truncate:" + (folder / "log") + ":0", "vanish", "write:afterwards"});
    REQUIRE(finished);
    const Words all = texts(folder / "log");
    REQUIRE(all.size() == 2);
    CHECK(all[0].find((*finished)["dropped"] + " messages dropped: ") == 0);
    CHECK(all[1] == "afterwards");
}

TEST_CASE("LogFile: a file that others bring to the limit on its size costs lines, not the process",
          "[log_file][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const auto finished = run({open_verb(folder), "limit:2000", "vanish", "write:1", "write:2",
                               "truncate:" + log + ":2000", "write:3", "report", "limit:100000",
                               "truncate:" + log + ":0", "vanish", "write:afterwards"});
    REQUIRE(finished);
    CHECK((*finished)["dropped"] == "1");
    const Words all = texts(log);
    REQUIRE(all.size() == 2);
    CHECK(all[0].find("1 messages dropped: ") == 0);
    CHECK(all[1] == "afterwards");
}

namespace {

// One forced run of the real logrotate.
void logrotate(const TempFolder& folder) {
    const std::string line = "logrotate -f -s '" + (folder / "state") + "' '" + (folder / "conf") +
                             "' >'" + (folder / "logrotate.out") + "' 2>&1";
    const int status = std::system(line.c_str());
    INFO(read_file(folder / "logrotate.out"));
    REQUIRE(status == 0);
}

bool has_logrotate() { return std::system("command -v logrotate >/dev/null 2>&1") == 0; }

void write_conf(const TempFolder& folder, const std::string& how) {
    write_file(folder / "conf",
               (folder / "logs/log") + " {\n  rotate 100\n  size 1\n  " + how + "\n}\n");
    ::chmod((folder / "conf").c_str(), 0644);
    fs::create_directory(folder / "logs");
    ::chmod((folder / "logs").c_str(), 0755);
}

}  // namespace

TEST_CASE("LogFile: logrotate renames and makes the file anew, and no line is lost",
          "[log_file][process]") {
    if (!has_logrotate()) return not_tested("logrotate is not installed");
    const TempFolder folder;
    write_conf(folder, "create 0600");
    const std::string path = folder / "logs/log";
    std::atomic<int> next{0};
    {
        LogFile log(path, {.ident = "p", .rotate_at = {}});
        std::atomic<bool> done{false};
        std::thread writer([&] {
            while (!done) {
                log.write(Severity::info, std::to_string(next++));
                std::this_thread::sleep_for(100us);
            }
        });
        for (int round = 0; round < 5; ++round) {
            const int before = next;
            logrotate(folder);
            // With SIGHUP from its postrotate, or without a word.
            if (round % 2 == 0) CHECK_FALSE(log.reopen());
            const auto deadline = std::chrono::steady_clock::now() + 10s;
            while ((read_file(path).empty() || next == before) &&
                   std::chrono::steady_clock::now() < deadline)
                std::this_thread::sleep_for(5ms);
            CHECK_FALSE(read_file(path).empty());
        }
        done = true;
        writer.join();
        CHECK(log.dropped() == 0);
    }
    CHECK(fs::exists(path + ".5"));
    int number = 0;
    for (const auto& text : all_texts(path)) REQUIRE(text == std::to_string(number++));
    CHECK(number == next);
}

TEST_CASE("LogFile: logrotate copies and truncates the file, which goes on with whole lines",
          "[log_file][process]") {
    if (!has_logrotate()) return not_tested("logrotate is not installed");
    const TempFolder folder;
    write_conf(folder, "copytruncate");
    const std::string path = folder / "logs/log";
    const LogFile log(path, {.ident = "p", .rotate_at = 10'000'000});
    int next = 0;
    for (int round = 0; round < 3; ++round) {
        std::atomic<bool> done{false};
        std::thread writer([&] {
            while (!done) log.write(Severity::info, std::to_string(next++));
        });
        std::this_thread::sleep_for(20ms);
        logrotate(folder);
        done = true;
        writer.join();
    }
    log.write(Severity::info, std::to_string(next++));
    // A copy may end within a line, and what came between it and the truncation is lost: nobody but logrotate could
    // tell. All else stands there, in its order.
    for (int old = 1; old <= 3; ++old) {
        const std::string copy = path + "." + std::to_string(old);
        fs::resize_file(copy, read_file(copy).rfind('\n') + 1);
    }
    int number = -1;
    for (const auto& text : all_texts(path)) {
        REQUIRE(std::stoi(text) > number);
        number = std::stoi(text);
    }
    CHECK(number == next - 1);
    CHECK(log.dropped() == 0);
}

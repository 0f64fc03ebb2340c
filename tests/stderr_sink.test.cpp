// SPDX-License-Identifier: MIT
#include <daemonkit/stderr_sink.hpp>

#include <daemonkit/log_sink.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

using daemonkit::StderrSink;
using daemonkit::testkit::Finished;
using daemonkit::testkit::TempFolder;

static_assert(daemonkit::LogSink<StderrSink> && daemonkit::LogSink<const StderrSink>);
static_assert(!std::is_copy_constructible_v<StderrSink>);

namespace {

Finished run(std::vector<std::string> verbs) {
    verbs.insert(verbs.begin(), daemonkit::testkit::probe("probe_stderr_sink"));
    Finished finished = daemonkit::testkit::run_program(verbs);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    REQUIRE(finished.exit_status == 0);
    CHECK(finished["errno"] == "(no errno)");
    return finished;
}

// What was written, by the last verb `read`.
std::string got(const Finished& finished) {
    const std::string hex = finished["got"];
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
    return bytes;
}

}  // namespace

TEST_CASE(
    "StderrSink: the severity stands before each line when stderr is the journal's, and only then",
    "[stderr_sink][process]") {
    for (const char* const kind : {"socket", "pipe"}) {
        INFO(kind);
        const auto finished = run({kind, "journal:right", "open:automatic", "write:3:one%ntwo%n",
                                   "write:6:three", "read"});
        CHECK(finished["prefix"] == "yes");
        CHECK(got(finished) == "<3>one\n<3>two\n<6>three\n");
    }
    for (const char* const wrong : {"1:1", "", "x", "1", ":", "1:", ":1", "-1:-1", "1:1x",
                                    "99999999999999999999:1", "1:99999999999999999999"}) {
        INFO(wrong);
        const auto finished = run({"socket", std::string("journal:") + wrong, "open:automatic",
                                   "write:3:one%ntwo", "read"});
        CHECK(finished["prefix"] == "no");
        CHECK(got(finished) == "one\ntwo\n");
    }
    CHECK(run({"socket", "open:automatic"})["prefix"] == "no");
    CHECK(run({"socket", "journal:right", "open:never"})["prefix"] == "no");
    CHECK(run({"pipe", "open:always"})["prefix"] == "yes");
}

TEST_CASE("StderrSink: no text begins a line with a severity of its own",
          "[stderr_sink][process]") {
    const auto finished = run({"socket", "open:always", "write:6:a%n<0>forged%n%n%0<0>b",
                               "write:6:", "write:6:%n%n", "read"});
    CHECK(got(finished) == "<6>a\n<6><0>forged\n<6>\n<6>#000<0>b\n<6>\n<6>\n");
}

TEST_CASE("StderrSink: what the mask keeps out is not written", "[stderr_sink][process]") {
    const auto finished = run({"pipe", "open:never", "mask:4", "write:5:notice", "write:4:warning",
                               "write:9:none", "read"});
    CHECK(got(finished) == "warning\n");
}

TEST_CASE("StderrSink: a file gets every byte, a long line is cut", "[stderr_sink][process]") {
    const TempFolder folder;
    run({"file:" + (folder / "log"), "open:never", "write-x:6:8000", "write-x:6:9000"});
    CHECK(daemonkit::testkit::read_file(folder / "log") ==
          std::string(8000, 'x') + "\n" + std::string(7994, 'x') + " [cut]\n");
}

TEST_CASE(
    "StderrSink: a reader that is frozen holds up all messages together for one bound, and each is "
    "counted",
    "[stderr_sink][process]") {
    for (const char* const kind : {"socket", "pipe", "terminal"}) {
        INFO(kind);
        std::vector<std::string> verbs{kind, "open:never"};
        for (int i = 0; i < 400; ++i) verbs.push_back("write-x:6:1000");
        verbs.insert(verbs.end(), {"dropped", "read", "write:6:again", "read"});
        const auto finished = run(verbs);
        const int dropped = std::stoi(finished["dropped"]);
        CHECK(dropped > 0);
        CHECK(std::stoi(finished["took_ms"]) >= 50);
        CHECK(std::stoi(finished["took_ms"]) <
              10'000);  // one bound for each would be 20 seconds or more
        std::string rest = got(finished);
        rest.erase(std::remove(rest.begin(), rest.end(), '\r'), rest.end());  // a terminal's
        if (rest.front() == '\n') rest.erase(0, 1);  // ends a line that was cut short
        CHECK(rest == std::to_string(dropped) + " messages dropped\nagain\n");
    }
}

TEST_CASE("StderrSink: a reader that is gone neither ends the program nor holds it up",
          "[stderr_sink][process]") {
    for (const char* const kind : {"socket", "pipe"}) {
        const auto finished =
            run({kind, "open:never", "hang-up", "write:6:1", "write:6:2", "dropped"});
        CHECK(finished["dropped"] == "2");
    }
}

TEST_CASE("StderrSink: a forked process does not tell what was dropped before it was there",
          "[stderr_sink][process]") {
    std::vector<std::string> verbs{"pipe", "open:never"};
    for (int i = 0; i < 100; ++i) verbs.push_back("write-x:6:1000");
    verbs.insert(verbs.end(), {"read", "fork-write:6:child", "read"});
    std::string rest = got(run(verbs));
    if (rest.front() == '\n') rest.erase(0, 1);  // ends a line that was cut short
    CHECK(rest == "child\n");
}

TEST_CASE("StderrSink: messages of eight threads are not torn", "[stderr_sink][process]") {
    const TempFolder folder;
    run({"file:" + (folder / "log"), "open:always", "storm:200"});
    std::istringstream log(daemonkit::testkit::read_file(folder / "log"));
    int pairs = 0;
    for (std::string first, second; std::getline(log, first) && std::getline(log, second);
         ++pairs) {
        CHECK(first == second);
        CHECK(first == "<6>" + std::string(100, first.back()));
    }
    CHECK(pairs == 8 * 200);
}

// SPDX-License-Identifier: MIT
// JournalSink in processes that come from one another. tests/examples/guide/log_to_journal.sh has the real journald.
#include <daemonkit/journal_sink.hpp>

#include "catch.hpp"
#include "journal_receiver.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::Finished;
using daemonkit::testkit::not_tested;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::TestJournal;
using Words = std::vector<std::string>;

namespace {

// Nothing when this machine does not allow what the verbs need: then that is said, and the test ends.
std::optional<Finished> run(Words verbs) {
    verbs.insert(verbs.begin(), testkit::probe("probe_journal_sink"));
    Finished finished = testkit::run_program(verbs);
    if (finished["not_possible"] != "(no not_possible)") {
        not_tested(finished["not_possible"]);
        return {};
    }
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.exit_status == 0);
    REQUIRE(finished["error"] == "(no error)");
    return finished;
}

}  // namespace

TEST_CASE("JournalSink: each process writes under its own pid", "[journal_sink][process]") {
    TestJournal journal;
    const auto finished =
        run({"open:" + journal.path, "write:before", "fork-write:child", "write:after"});
    REQUIRE(finished);
    std::map<std::string, std::string> pids;
    for (int i = 0; i < 3; ++i) {
        const auto entry = journal.receiver.next();
        pids[entry["MESSAGE"]] = std::to_string(entry.pid);
    }
    CHECK(pids["before"] == (*finished)["pid"]);
    CHECK(pids["child"] == (*finished)["child"]);
    CHECK(pids["after"] == (*finished)["pid"]);
}

TEST_CASE("JournalSink: a process forked while other threads write can write",
          "[journal_sink][process]") {
    TestJournal journal;
    std::atomic<bool> done{false};
    int children = 0;
    std::thread reader([&] {
        for (bool is_last = false; !is_last;) {
            is_last = done;
            while (const auto entry = journal.receiver.receive(is_last ? 100ms : 5ms))
                if ((*entry)["MESSAGE"] == "child") ++children;
        }
    });
    const auto finished = run({"open:" + journal.path, "fork-storm:100"});
    done = true;
    reader.join();
    REQUIRE(finished);
    CHECK((*finished)["children"] == "100");
    // One that finds the journal full for its whole bound drops its line, and knows it.
    CHECK(children + std::stoi((*finished)["dropped"]) == 100);
    CHECK(children > 0);
}

TEST_CASE("JournalSink: made before a DaemonContext, it serves the daemon, whatever that closes",
          "[journal_sink][process]") {
    TestJournal journal;
    for (const char* const daemon : {"daemon:all", "daemon:not_close_on_exec"}) {
        const auto finished =
            run({"open:" + journal.path, "write:launcher", daemon, "write:daemon"});
        REQUIRE(finished);
        CHECK(journal.receiver.next()["MESSAGE"] == "launcher");
        const auto entry = journal.receiver.next();
        CHECK(entry["MESSAGE"] == "daemon");
        CHECK(std::to_string(entry.pid) == (*finished)["pid"]);
    }
}

TEST_CASE("JournalSink: when every descriptor was closed, it connects anew",
          "[journal_sink][process]") {
    TestJournal journal;
    const auto finished = run({"open:" + journal.path, "write:1", "vanish", "write:2"});
    REQUIRE(finished);
    CHECK(journal.receiver.messages() == Words{"1", "2"});
}

TEST_CASE("JournalSink: its connection outlives a chroot", "[journal_sink][process]") {
    TestJournal journal;
    const TempFolder folder;
    Words verbs{"open:" + journal.path, "chroot:" + folder.path().string(), "write:inside",
                "write:" + std::string(1'000, 'x')};
    if (::geteuid() != 0) verbs.insert(verbs.begin(), "user-namespace");
    if (!run(verbs)) return;
    CHECK(journal.receiver.messages() == Words{"inside", std::string(1'000, 'x')});
}

TEST_CASE("JournalSink: the daemon that a DaemonContext locks into a folder still writes",
          "[journal_sink][process][root]") {
    TestJournal journal;
    const TempFolder folder;
    REQUIRE(run({"open:" + journal.path, "daemon:not_close_on_exec:" + folder.path().string(),
                 "write:inside"}));
    CHECK(journal.receiver.next()["MESSAGE"] == "inside");
}

TEST_CASE("journal_is_listening: JOURNAL_STREAM names what stderr is, or it says nothing",
          "[journal_sink][process]") {
    CHECK((*run({"stream:right"}))["listening"] == "yes");
    for (const char* const wrong : {"", "1:1", "x", ":", "1:"})
        CHECK((*run({std::string("stream:") + wrong}))["listening"] == "no");
}

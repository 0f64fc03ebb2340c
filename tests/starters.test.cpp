// SPDX-License-Identifier: MIT
// Several starters of one daemon: one wins, and nobody is ever told a wrong number.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"

#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

/// The pid that a refusal names; nothing when it says that the holder cannot be named.
std::optional<pid_t> named_holder(const std::string& message) {
    const std::string words = "already running as pid ";
    const auto at = message.find(words);
    if (at == std::string::npos) return {};
    return std::stoi(message.substr(at + words.size()));
}

/// Why the end of one starter is neither a refusal nor a win; `winner` is the daemon that is up.
std::string why_not_refused(DaemonStart& start, pid_t winner) {
    const Ended launcher = start.await();
    const std::string status =
        "status " + std::to_string(launcher.exit_status) + ": " + start.err();
    if (launcher.exit_status != 75) return status;
    if (const auto named = named_holder(start.err())) {
        return *named == winner ? "" : "names pid " + std::to_string(*named) + ": " + status;
    }
    return start.err().find("cannot be named") != std::string::npos ? "" : status;
}

}  // namespace

TEST_CASE("Starters: of fifty at once one wins, the others say so and never name a wrong process",
          "[starters][process]") {
    for (int volley = 0; volley < 4; ++volley) {
        const DaemonFiles files;
        std::vector<std::unique_ptr<DaemonStart>> starters;
        for (int i = 0; i < 50; ++i)
            starters.push_back(std::make_unique<DaemonStart>(files.start()));

        DaemonStart* winner = nullptr;
        int winners = 0;
        for (auto& starter : starters) {
            if (starter->await().exit_status != 0) continue;
            winner = starter.get();
            ++winners;
        }
        REQUIRE(winners == 1);
        CHECK(why_not_up(*winner, files) == "");
        const pid_t daemon = winner->daemon();
        for (auto& starter : starters) {
            if (starter.get() == winner) continue;
            CHECK(why_not_refused(*starter, daemon) == "");
            CHECK(starter->processes().empty());
        }
        CHECK(DaemonStart::end(daemon, SIGTERM).exit_status == 0);
        CHECK_FALSE(std::filesystem::exists(files.pid_file));
        CHECK_FALSE(std::filesystem::exists(files.witness + ".VIOLATION"));
    }
}

TEST_CASE("Starters: one that is stopped at any call of its start makes no second daemon",
          "[starters][process][fault]") {
    const std::string action = GENERATE("stop", "late_stop");
    const std::string meanwhile = GENERATE("the other stays", "the other ends");
    for (const Call& call : calls_of_start(Features::few)) {
        if (call.role == "session_leader") continue;
        CAPTURE(action, meanwhile, call.role, call.name, call.occurrence);
        const DaemonFiles files;
        DaemonStart first(files.start({}, seamed_daemon), {{call.plan(action)}, {}});
        const auto stopped =
            call.role == "daemon" ? first.await_stopped_daemon() : first.await_stopped_launcher();

        // The other one runs in between, and may have come and gone.
        DaemonStart other(files.start());
        const bool other_is_up = other.await().exit_status == 0;
        const bool other_ends = other_is_up && meanwhile == "the other ends";
        if (other_is_up) CHECK(why_not_up(other, files) == "");
        if (other_ends) CHECK(DaemonStart::end(other.daemon(), SIGTERM).exit_status == 0);

        if (stopped) ::kill(*stopped, SIGCONT);
        const bool first_is_up = first.await().exit_status == 0;
        CHECK(first_is_up == (!other_is_up || other_ends));
        DaemonStart& winner = first_is_up ? first : other;
        CHECK(why_not_up(winner, files) == "");
        if (!first_is_up) CHECK(why_not_refused(first, winner.daemon()) == "");
        if (!other_is_up) CHECK(why_not_refused(other, winner.daemon()) == "");
        CHECK(DaemonStart::end(winner.daemon(), SIGTERM).exit_status == 0);
        CHECK_FALSE(std::filesystem::exists(files.pid_file));
    }
}

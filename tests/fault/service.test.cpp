// SPDX-License-Identifier: MIT
// The verbs of a service while any one call fails, or kills: whatever a status says is true, and the next start comes up.
#include <daemonkit/pid_lock.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"
#include "file_text.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

struct SeamedService {
    Words command(const std::string& verb, const char* program = "probe_service_fault") const {
        return {probe(program), folder.path(),      "--reload", "good", "--ready-timeout",
                "1000",         "--answer-timeout", "1000",     "--",   verb};
    }
    Finished run(const std::string& verb, const std::string& fault) const {
        return run_program(command(verb), {{"DAEMONKIT_FAULT", fault}});
    }
    std::unique_ptr<DaemonStart> start(const Words& variables = {}) const {
        return std::make_unique<DaemonStart>(command("start"), Surroundings{variables});
    }
    bool is_up() const {
        const auto holder = PidLock::holder(folder / "pid");
        return holder && holder->pid;
    }
    std::size_t reloads() const {
        const std::string log = read_file(folder / "log");
        std::size_t count = 0;
        for (std::size_t at = 0; (at = log.find("reload\n", at)) != std::string::npos; ++at)
            ++count;
        return count;
    }

    // Each call that the verb makes, once; and each name of one, for good.
    std::vector<std::string> faults(const std::string& verb) const {
        const std::string record = folder / "calls";
        run_program(command(verb), {{"DAEMONKIT_FAULT_COUNT", record}});
        std::vector<std::string> all;
        std::set<std::string> names;
        for (const Call& call : read_all_calls(record)) {
            if (call.role != "launcher") continue;
            const std::string name = call.role + "/" + call.name + ":";
            all.push_back(name + std::to_string(call.occurrence) + ":" + std::to_string(EIO));
            if (names.insert(call.name).second)
                all.push_back(name + "1:" + std::to_string(EIO) + ":sticky");
        }
        return all;
    }

    TempFolder folder;
};

// The end of a verb: by itself, in time, and with a word about a failure.
void check_end(const Finished& verb) {
    CHECK_FALSE(verb.timed_out);
    CHECK(verb.signal == 0);
    CHECK((verb.exit_status == 0 || !(verb.out + verb.err).empty()));
}

}  // namespace

TEST_CASE("Service: whichever call of a verb fails, its status is true",
          "[service][fault][process]") {
    const SeamedService service;
    const std::string verb = GENERATE("status", "reload", "wait-ready", "log-level", "stop");
    auto daemon = service.start();
    REQUIRE(daemon->await().exit_status == 0);
    const auto faults = service.faults(verb);
    CHECK(faults.size() > 15);
    for (const std::string& fault : faults) {
        CAPTURE(verb, fault);
        if (!service.is_up()) {
            daemon = service.start();
            REQUIRE(daemon->await().exit_status == 0);
        }
        const std::size_t before = service.reloads();
        const Finished ended = service.run(verb, fault);
        CAPTURE(ended.exit_status, ended.out, ended.err);
        check_end(ended);
        if (verb == "status") CHECK((ended.exit_status == 0 || ended.exit_status == 4));
        if (verb == "reload" && ended.exit_status == 0) CHECK(service.reloads() > before);
        if (verb != "stop")
            CHECK(service.is_up());
        else if (ended.exit_status == 0)
            CHECK_FALSE(service.is_up());
        CHECK(ended.exit_status != 7);
    }
}

TEST_CASE("Service: whichever call of a verb fails, nothing runs that did not",
          "[service][fault][process]") {
    const SeamedService service;
    const std::string verb = GENERATE("status", "reload", "stop");
    for (const std::string& fault : service.faults(verb)) {
        CAPTURE(verb, fault);
        const Finished ended = service.run(verb, fault);
        CAPTURE(ended.exit_status, ended.out, ended.err);
        check_end(ended);
        if (verb == "status") CHECK((ended.exit_status == 3 || ended.exit_status == 4));
        if (verb == "reload") CHECK(ended.exit_status != 0);
    }
}

TEST_CASE("Service: whichever call of a start fails, it is up or has left nothing",
          "[service][fault][process]") {
    const SeamedService service;
    const std::string record = service.folder / "calls";
    {
        const auto start = service.start({"DAEMONKIT_FAULT_COUNT=" + record});
        REQUIRE(start->await().exit_status == 0);
        REQUIRE(service.run("stop", "none:1:5").exit_status == 0);
    }
    int failed = 0;
    for (const Call& call : read_calls(record)) {
        const std::string plan = call.plan(std::to_string(EIO));
        CAPTURE(plan);
        const auto start = service.start({plan});
        const int status = start->await().exit_status;
        CAPTURE(status, start->err());
        if (status == 0) {
            CHECK(service.is_up());
            // Ready is ready: its socket is there, and answers.
            CHECK(service.run("log-level", "none:1:5").exit_status == 0);
            CHECK(service.run("stop", "none:1:5").exit_status == 0);
        } else {
            ++failed;
            CHECK(status > 0);
            CHECK(status <= 7);
            CHECK_FALSE(start->err().empty());
        }
        CHECK(start->leaves_nothing());
        CHECK_FALSE(service.is_up());
    }
    CHECK(failed > 20);
}

TEST_CASE("Service: a daemon that is killed at any call keeps no other out",
          "[service][fault][process]") {
    const SeamedService service;
    int killed = 0;
    constexpr int step = 3;  // the start alone has been through all of them elsewhere
    for (int occurrence = 1;; occurrence += step) {
        const std::string plan =
            "DAEMONKIT_FAULT=daemon/any:" + std::to_string(occurrence) + ":kill";
        CAPTURE(plan);
        const auto start = service.start({plan});
        const bool was_up = start->await().exit_status == 0;
        if (was_up) {
            service.run("reload", "none:1:5");
            service.run("stop", "none:1:5");
        }
        CHECK(start->leaves_nothing());
        const int left = service.run("status", "none:1:5").exit_status;
        CHECK((left == 1 || left == 3));
        killed += left == 1 || !was_up;
        const auto next = service.start();
        CHECK(next->await().exit_status == 0);
        CHECK(service.run("stop", "none:1:5").exit_status == 0);
        if (was_up && left == 3) break;
    }
    CHECK(killed > 20);
}

TEST_CASE("Service: the lock goes last, after the control socket", "[service][fault][process]") {
    const SeamedService service;
    const std::string record = service.folder / "calls";
    {
        const auto start = service.start({"DAEMONKIT_FAULT_COUNT=" + record});
        REQUIRE(start->await().exit_status == 0);
        REQUIRE(service.run("stop", "none:1:5").exit_status == 0);
    }
    std::string last;
    for (const Call& call : read_all_calls(record))
        if (call.role == "daemon" && call.name == "unlink") last = call.plan("stop");

    const auto start = service.start({last});
    REQUIRE(start->await().exit_status == 0);
    const pid_t daemon = start->daemon();
    ::kill(daemon, SIGTERM);
    REQUIRE(start->await_stopped_daemon() == daemon);
    CHECK_FALSE(std::filesystem::exists(service.folder / "control"));
    CHECK(service.is_up());
    ::kill(daemon, SIGCONT);
    CHECK(start->leaves_nothing());
    CHECK_FALSE(std::filesystem::exists(service.folder / "pid"));
}

// SPDX-License-Identifier: MIT
// A daemon that is killed at any call of its control socket, or finds no memory there, keeps nobody out.
#include <daemonkit/control_client.hpp>

#include "catch.hpp"
#include "children.hpp"
#include "run_program.hpp"
#include "running_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// The answer, or nothing when none came.
std::optional<std::string> try_ask(const std::string& path, const std::vector<std::string>& words) {
    try {
        return ask(path, words, Timeout::seconds(5)).text;
    } catch (const Error&) {
        return {};
    }
}

// Runs a daemon with the fault from its start to its stop; its exit status, or 128 and the signal.
int run_with_fault(const std::string& program, const std::string& path, const std::string& fault) {
    RunningProgram daemon({probe(program), path}, {"DAEMONKIT_FAULT=" + fault});
    try {
        daemon.await("ready");
        static_cast<void>(try_ask(path, {"echo", "1"}));
        static_cast<void>(try_ask(path, {"no such verb"}));
        // Whatever has gone wrong once, the next one is answered, unless the daemon is dead.
        if (!try_ask(path, {"stop"}) && fault.find("kill") == std::string::npos)
            CHECK(try_ask(path, {"stop"}) == "stopping");
    } catch (const std::runtime_error&) {  // it has ended before it was ready
    }
    return daemon.await_end();
}

void expect_next_comes_up(const std::string& path) {
    RunningProgram daemon({probe("probe_control"), path});
    daemon.await("ready");
    CHECK(ask(path, {"echo", "good"}).text == "good");
    CHECK(ask(path, {"stop"}).text == "stopping");
    CHECK(daemon.await_end() == 0);
    CHECK(fs::is_empty(fs::path(path).parent_path()));
}

}  // namespace

TEST_CASE("ControlSocket: a daemon that is killed at any call keeps out nobody",
          "[control_socket][fault][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    const std::string action = GENERATE("kill", "late_kill");
    int killed = 0;
    for (int occurrence = 1;; ++occurrence) {
        CAPTURE(occurrence, action);
        const int status = run_with_fault("probe_control_fault", path,
                                          "any:" + std::to_string(occurrence) + ":" + action);
        killed += status == 128 + SIGKILL;
        expect_next_comes_up(path);
        if (status == 0) break;
    }
    CHECK(killed > 60);
}

TEST_CASE("ControlSocket: an allocation that fails costs one client at most",
          "[control_socket][fault][process]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    // All of its allocations are fewer than that; the first ones are the probe's own.
    int costs = 0;
    for (int occurrence = 1; occurrence <= 120; ++occurrence) {
        CAPTURE(occurrence);
        const int status =
            run_with_fault("probe_control_memory", path,
                           "new:" + std::to_string(occurrence) + ":" + std::to_string(ENOMEM));
        CHECK((status == 0 || status == 71 || status == 73));
        costs += status != 0;
    }
    CHECK(costs > 5);
    expect_next_comes_up(path);
}

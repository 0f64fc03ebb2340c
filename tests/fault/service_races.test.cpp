// SPDX-License-Identifier: MIT
// The daemon ends, or another takes its place, between two calls of a verb.
#include <daemonkit/service_control.hpp>

#include "catch.hpp"
#include "pid_lock_probe.hpp"
#include "running_program.hpp"
#include "temp_folder.hpp"

#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using daemonkit::fault::Meddler;

namespace {

ServiceControl control_of(const std::string& pid_file) {
    ServiceOptions options{.name = "probe"};
    options.daemon.pid_file = pid_file;
    options.control.reset();
    options.stop = {.steps = {{SIGKILL, Timeout::seconds(20)}}};
    return ServiceControl(options);
}

}  // namespace

TEST_CASE(
    "Service: of a daemon that ends while it is looked at, a status tells nothing but its end",
    "[service][fault][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    for (int last_call = 1;; ++last_call) {
        RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "pause:up"}));
        daemon.until("up");
        int calls = 0;
        std::optional<ServiceStatus> status;
        {
            const Meddler meddler([&](std::string_view) {
                if (++calls != last_call) return;
                daemon.signal(SIGKILL);
                daemon.await_end();
            });
            status = control_of(path).status();
        }
        CAPTURE(last_call, to_text(*status));
        CHECK((status->state == ServiceState::running || status->state == ServiceState::crashed));
        CHECK(status->pid.has_value() == (status->state == ServiceState::running));
        if (status->state == ServiceState::crashed) CHECK_FALSE(status->process);
        if (calls < last_call) break;
    }
}

TEST_CASE("Service: a schedule without steps is a fault of the options, and stops nothing",
          "[service][fault][process]") {
    const TempFolder folder;
    RunningProgram daemon(pid_lock_probe({"lock:" + folder / "pid", "write", "pause:up"}));
    daemon.until("up");
    ServiceOptions options = control_of(folder / "pid").options();
    options.stop.steps.clear();
    const ServiceResult stop = ServiceControl(options).stop();
    CHECK(stop.exit_status == 6);
    CHECK(stop.text == "validate_options: stop schedule: it has no steps (Invalid argument)");
    daemon.tell();
    CHECK(daemon.await_end() == 0);
}

TEST_CASE("Service: a start that takes the place of a stopped daemon is none of its children",
          "[service][fault][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "pause:up"}));
    daemon.until("up");
    std::optional<RunningProgram> launcher;
    ServiceResult stop;
    {
        const Meddler meddler([&](std::string_view call) {
            if (launcher || call != "pidfd_send_signal") return;
            daemon.await_end();
            launcher.emplace(pid_lock_probe({"lock:" + path, "pause:starting"}));
            launcher->until("starting");
        });
        stop = control_of(path).stop();
    }
    REQUIRE(launcher);
    CHECK(stop.text == "pid " + std::to_string(daemon.pid()) + " was killed");
    CHECK(stop.exit_status == 0);
}

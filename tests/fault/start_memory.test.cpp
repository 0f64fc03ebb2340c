// SPDX-License-Identifier: MIT
// Every allocation of a start fails, once and for good: either the daemon is up, or the start has failed in one line,
// nothing is left, and the launcher is what it was.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "fault/start_calls.hpp"

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

constexpr const char* probe_with_memory_faults = "probe_daemon_memory";

// The allocations of the launcher from its first call of the library on, and of the daemon. Of a long run without any
// call in between, the probe's own work, every tenth is enough.
std::vector<Call> allocations(const Words& command, const std::string& record) {
    DaemonStart start(command, {{"DAEMONKIT_FAULT_COUNT=" + record}, {}});
    start.await();
    std::vector<Call> chosen;
    bool has_begun = false;
    int run = 0;
    for (const Call& call : read_calls(record)) {
        const bool is_allocation = call.name == "new";
        has_begun = has_begun || !is_allocation;
        run = is_allocation ? run + 1 : 0;
        constexpr int short_run = 8;
        constexpr int step = 10;
        if (is_allocation && has_begun && (run <= short_run || run % step == 0))
            chosen.push_back(call);
    }
    return chosen;
}

enum class Repeat { once, for_good };

// Why a promise is broken when an allocation fails; empty when all are kept.
std::string why_broken(Features features, const Call& call, Repeat repeat) {
    SeamedStart seamed(features);
    const std::string state = seamed.files.folder / "state";
    Words command = seamed.files.start(seamed.options, probe_with_memory_faults);
    // Without memory for good, the probe cannot look at itself.
    if (repeat == Repeat::once) command = command + Words{"--state", state};
    const std::string action = std::to_string(ENOMEM) + (repeat == Repeat::once ? "" : ":sticky");
    DaemonStart start(command, {{call.plan(action)}, {}});
    const Ended launcher = start.await();
    if (launcher.exit_status == 0) {
        const bool has_run = read_file(seamed.files.log).find(": running") != std::string::npos;
        const std::string why = why_not_up(start, seamed.files);
        if (!why.empty() && !(repeat == Repeat::for_good && has_run)) return why;
        for (const pid_t process : start.processes()) DaemonStart::end(process, SIGKILL);
    } else {
        if (launcher.signal != 0) return "signal " + std::to_string(launcher.signal) + start.err();
        if (std::string why = why_not_failed(start, seamed.files); !why.empty()) return why;
        if (repeat == Repeat::once)
            if (std::string why = why_changed(state); !why.empty()) return why;
    }
    return why_no_clean_life(seamed.files, seamed.files.start(seamed.options));
}

void try_all(Features features, Repeat repeat) {
    const SeamedStart recorded(features);
    const auto calls =
        allocations(recorded.files.start(recorded.options, probe_with_memory_faults) +
                        Words{"--state", recorded.files.folder / "state"},
                    recorded.files.folder / "record");
    int tried = 0;
    for (const Call& call : calls) {
        CAPTURE(call.role, call.occurrence);
        CHECK(why_broken(features, call, repeat) == "");
        ++tried;
    }
    std::cout << to_string(features) << (repeat == Repeat::once ? ", once" : ", for good")
              << ": allocations in a start: " << tried << std::endl;
    CHECK(tried > 20);
}

}  // namespace

TEST_CASE("start with few features: every allocation fails", "[fault][context][process]") {
    try_all(Features::few, GENERATE(Repeat::once, Repeat::for_good));
}

TEST_CASE("start with all features: every allocation fails", "[fault][context][process]") {
    try_all(Features::all, GENERATE(Repeat::once, Repeat::for_good));
}

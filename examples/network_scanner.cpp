// SPDX-License-Identifier: MIT
// A service that runs a port scanner on each target of a file, and logs what it prints, line by line.
//
//   network_scanner [--foreground] TARGETS   until SIGTERM or SIGINT, at once; SIGHUP reads TARGETS again
//   network_scanner --scan ADDRESS PORTS     the scanner that is run where nothing else is said, and no nmap installed
//
//   interval = 1h                       # from one round to the next
//   timeout = 300s                      # for one target; then its scanner is ended, with all that it has started
//   log = /var/log/network_scanner.log
//   pid_file = /run/network_scanner.pid
//   command = /usr/bin/nmap -n -Pn -p {ports} {address}    # no shell: words, as they stand
//   [router]
//   address = 127.0.0.1
//   ports = 1-1024, 8080
//
// SCANNER_TIMEOUT, SCANNER_ROUTER_PORTS and so on, in the environment, take the place of what stands in TARGETS.
#include <daemonkit/child_process.hpp>
#include <daemonkit/context.hpp>
#include <daemonkit/log_file.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/timeout.hpp>

#include "port_scan.hpp"
#include "scan_rounds.hpp"
#include "settings.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using daemonkit::Severity;

struct Target {
    std::string name;
    std::vector<std::string> command;
};

struct Config {
    std::chrono::milliseconds interval;
    std::chrono::milliseconds timeout;
    std::string log;
    std::string pid_file;
    std::vector<Target> targets;
};

bool is_installed(const char* program) {
    const char* const path = std::getenv("PATH");
    const auto folders = settings::split(path != nullptr ? path : "", ":");
    return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
        return ::access((folder + "/" + program).c_str(), X_OK) == 0;
    });
}

/// Ports and ranges in one word, as scanners take them.
std::string port_list(std::string_view text) {
    std::string list;
    port_scan::ports(text);
    for (const auto& part : settings::split(text, ", \t")) list += (list.empty() ? "" : ",") + part;
    return list;
}

/// Words of which the first is a program, and that say what is to be scanned.
std::vector<std::string> command(std::string_view text) {
    auto words = settings::split(text, " \t");
    settings::path(words.front());
    if (std::find(words.begin(), words.end(), "{address}") == words.end())
        throw settings::Invalid("it has no word {address}");
    return words;
}

/// The configuration, whole and checked; what it throws names every line that is wrong, and the reason.
Config read_config(const std::string& path, const std::string& own_program) {
    using Words = std::vector<std::string>;
    settings::Source in("SCANNER", path);
    Config config{
        .interval = in.get("interval", settings::duration(100ms, 24h * 7), 1h),
        .timeout = in.get("timeout", settings::duration(100ms, 1h), 300s),
        .log = in.get("log", settings::path),
        .pid_file = in.get("pid_file", settings::path),
        .targets = {},
    };
    const auto words =
        in.get("command", command,
               is_installed("nmap") ? Words{"nmap", "-n", "-Pn", "-p", "{ports}", "{address}"}
                                    : Words{own_program, "--scan", "{address}", "{ports}"});
    for (const std::string& name : in.sections()) {
        Target target{name, words};
        const auto address = in.get(name + ".address", port_scan::address).text();
        const auto ports = in.get(name + ".ports", port_list);
        for (std::string& word : target.command)
            word = word == "{address}" ? address : word == "{ports}" ? ports : word;
        config.targets.push_back(std::move(target));
    }
    if (config.targets.empty()) in.refuse("a target", "missing: a section such as [router]");
    return in.checked(std::move(config));
}

/// Runs the scanner on the target and logs its lines as they come; false when a signal waits.
bool scan(const Target& target, daemonkit::Timeout timeout, int stop_fd,
          const daemonkit::LogFile& log) {
    const auto to_log = [&](Severity severity) {
        return [&log, &target, severity](std::string_view line) {
            log.write(severity, target.name + ": " + std::string(line));
        };
    };
    // [run]
    // Whatever ends the scanner ends everything that it has started.
    const daemonkit::ChildOptions options{
        .out = to_log(Severity::info),
        .err = to_log(Severity::warning),
        .timeout = timeout,
        .grace = 500ms,
        .end_when_readable = stop_fd,
    };
    const auto result = daemonkit::run_child(target.command, options);
    if (result.ended_by == daemonkit::EndedBy::request) return false;
    // [run]
    log.write(result.success() ? Severity::info : Severity::error,
              target.name + ": the scan " + to_string(result));
    return true;
}

/// The scanner: a program of its own, which the daemon can end at any time.
int scan_ports(const char* address, const char* ports) {
    const port_scan::Pace pace{.timeout = 2s, .at_once = 64};
    const auto tell = [](port_scan::Port port, port_scan::State state) {
        if (state != port_scan::State::closed) std::printf("%d/tcp %s\n", port, to_string(state));
        std::fflush(stdout);
    };
    port_scan::scan(port_scan::Address(address), port_scan::ports(ports), pace, {}, tell);
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (argc == 4 && first == "--scan") return scan_ports(argv[2], argv[3]);
    const bool in_foreground = first == "--foreground";
    if (argc != (in_foreground ? 3 : 2)) {
        std::fprintf(stderr, "usage: %s [--foreground] TARGETS | --scan ADDRESS PORTS\n", argv[0]);
        return 64;
    }
    const std::string path = std::filesystem::absolute(argv[argc - 1]);
    // A name without a slash is looked up in PATH, by the daemon as it was by the shell.
    std::string own_program = argv[0];
    if (own_program.find('/') != std::string::npos)
        own_program = std::filesystem::absolute(own_program);
    daemonkit::Reloadable config([&] { return read_config(path, own_program); });
    daemonkit::SignalSet signals({SIGTERM, SIGINT, SIGHUP});
    const daemonkit::LogFile log(config.get()->log);
    const daemonkit::DaemonContext daemon({
        .detach = in_foreground ? daemonkit::Detach::never : daemonkit::Detach::automatic,
        .pid_file = config.get()->pid_file,
    });
    log.write(Severity::notice, "started");
    const auto scan_target = [&](const Config& now, const Target& target) {
        return scan(target, now.timeout, signals.native_handle(), log);
    };
    scan_rounds::run(config, signals, log, scan_target, [] {});
    log.write(Severity::notice, "stopped");
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return dynamic_cast<const settings::Invalid*>(&failure) != nullptr ? 78 : 71;
}

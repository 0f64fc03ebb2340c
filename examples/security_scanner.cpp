// SPDX-License-Identifier: MIT
// A service that finds ports that are open and should not be, and those that should be and are not.
//
//   security_scanner [--foreground] CONFIG   until SIGTERM or SIGINT, at once; SIGHUP reads CONFIG again
//
//   interval = 10min                # from one scan to the next
//   log = /var/log/scanner/log      # without this line, it logs to syslog
//   pid_file = /run/scanner.pid
//   user = scanner                  # started by root, it runs as this user; the log and CONFIG are its to use
//   [web]                           # a target; there can be any number
//   address = 127.0.0.1
//   ports = 1-1024, 8080            # that are looked at
//   open = 22, 443                  # and these of them should be open
//
// SCANNER_INTERVAL, SCANNER_WEB_PORTS and so on, in the environment, take the place of what stands in CONFIG.
#include <daemonkit/bootstrap_log.hpp>
#include <daemonkit/log_file.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/syslog_client.hpp>

#include "port_scan.hpp"
#include "scan_rounds.hpp"
#include "settings.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using daemonkit::Severity;

struct Target {
    std::string name;
    port_scan::Address address;
    std::vector<port_scan::Port> ports;
    std::vector<port_scan::Port> open;
};

/// What a running daemon cannot change.
struct AtStart {
    std::optional<std::string> log;
    std::string syslog;
    std::string pid_file;
    std::optional<std::string> user;
    bool operator==(const AtStart&) const = default;
};

struct Config {
    std::chrono::milliseconds interval;
    port_scan::Pace pace;
    AtStart at_start;
    std::vector<Target> targets;
};

/// The configuration, whole and checked; what it throws names every line that is wrong, and the reason.
Config read_config(const std::string& path) {
    settings::Source in("SCANNER", path);
    Config config{
        .interval = in.get("interval", settings::duration(100ms, 24h * 7), 10min),
        .pace = {.timeout = in.get("timeout", settings::duration(10ms, 1min), 2s),
                 .at_once = in.get("at_once", settings::number<std::size_t>(1, 512), 64)},
        .at_start = {.log = in.get("log", settings::optional(settings::path), std::nullopt),
                     .syslog = in.get("syslog", settings::path, "/dev/log"),
                     .pid_file = in.get("pid_file", settings::path),
                     .user = in.get("user", settings::optional(settings::text), std::nullopt)},
        .targets = {},
    };
    for (const std::string& name : in.sections()) {
        Target target{name, in.get(name + ".address", port_scan::address),
                      in.get(name + ".ports", port_scan::ports),
                      in.get(name + ".open", port_scan::ports, {})};
        if (!std::includes(target.ports.begin(), target.ports.end(), target.open.begin(),
                           target.open.end()))
            in.refuse(name + ".open", "has a port that is not among " + name + ".ports");
        config.targets.push_back(target);
    }
    if (config.targets.empty()) in.refuse("a target", "missing: a section such as [web]");
    if (::geteuid() == 0 && !config.at_start.user)
        in.refuse("user", "missing: a scan needs none of the rights of root");
    return in.checked(config);
}

/// Looks at every port of the target, and logs those that are not as they should be; false when a signal waits.
bool scan(const Target& target, const port_scan::Pace& pace, int stop_fd,
          const daemonkit::BootstrapLog& log) {
    std::size_t wrong = 0;
    const auto look = [&](port_scan::Port port, port_scan::State state) {
        const bool should = std::binary_search(target.open.begin(), target.open.end(), port);
        if ((state == port_scan::State::open) == should) return;
        ++wrong;
        log.write(Severity::warning, target.name + ": port " + std::to_string(port) + " is " +
                                         to_string(state) + ", and should " +
                                         (should ? "be open" : "not be"));
    };
    // It waits for a signal beside every connection: a scan holds up neither the end nor a reload.
    if (!port_scan::scan(target.address, target.ports, pace, stop_fd, look)) return false;
    log.write(Severity::info, target.name + ": " + std::to_string(target.ports.size()) +
                                  " ports, " + std::to_string(wrong) + " not as they should be");
    return true;
}

int work(daemonkit::DaemonContext& daemon, daemonkit::Reloadable<Config>& config,
         daemonkit::SignalSet& signals, daemonkit::BootstrapLog& log) {
    // Opened by the user that writes to it. When that fails, so does the start, and the terminal hears of it.
    std::optional<daemonkit::SyslogClient> syslog;
    std::optional<daemonkit::LogFile> file;
    const AtStart at_start = config.get()->at_start;
    if (at_start.log)
        log.replay_into(file.emplace(*at_start.log));
    else
        log.replay_into(syslog.emplace(
            daemonkit::SyslogClientOptions{.to = daemonkit::LocalLog{at_start.syslog}}));
    daemon.notify_ready();
    log.write(Severity::notice,
              "started, " + std::to_string(config.get()->targets.size()) + " targets");

    const auto scan_target = [&](const Config& now, const Target& target) {
        return scan(target, now.pace, signals.native_handle(), log);
    };
    scan_rounds::run(config, signals, log, scan_target, [&] {
        if (config.get()->at_start != at_start)
            log.write(Severity::warning,
                      "the logs, pid_file and user stay what they were at the start");
    });
    log.write(Severity::notice, "stopped");
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    const bool in_foreground = argc > 1 && std::string_view(argv[1]) == "--foreground";
    if (argc != (in_foreground ? 3 : 2)) {
        std::fprintf(stderr, "usage: %s [--foreground] CONFIG\n", argv[0]);
        return 64;
    }
    const std::string path = std::filesystem::absolute(argv[argc - 1]);
    daemonkit::BootstrapLog log;
    daemonkit::Reloadable config([&] { return read_config(path); });
    const AtStart at_start = config.get()->at_start;
    daemonkit::SignalSet signals({SIGTERM, SIGINT, SIGHUP});
    daemonkit::DaemonOptions options{
        .detach = in_foreground ? daemonkit::Detach::never : daemonkit::Detach::automatic,
        .pid_file = at_start.pid_file,
        .privileges = {.new_privileges = daemonkit::NewPrivileges::forbidden},
        .ready_when = daemonkit::ReadyWhen::notified,
    };
    if (::geteuid() == 0) options.privileges.user = at_start.user;
    return daemonkit::run(argv[0], options, [&](daemonkit::DaemonContext& daemon) {
        return work(daemon, config, signals, log);
    });
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return dynamic_cast<const settings::Invalid*>(&failure) != nullptr ? 78 : 71;
}

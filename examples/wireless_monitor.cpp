// SPDX-License-Identifier: MIT
// A service that writes down how the wireless interfaces do: a line for each, at an interval, to syslog and to a file.
//
//   wireless_monitor [--foreground]   until SIGTERM or SIGINT; SIGHUP opens the file anew
//
// Its settings are in the environment:
//   WIRELESS_INTERVAL   60s                               WIRELESS_LEVEL      info, the least that is logged
//   WIRELESS_LOG        /var/log/wireless_monitor.log     WIRELESS_TABLE      /proc/net/wireless
//   WIRELESS_PID_FILE   /run/wireless_monitor.pid         WIRELESS_SYSLOG     /dev/log
#include <daemonkit/context.hpp>
#include <daemonkit/log_file.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/syslog_client.hpp>

#include "settings.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using daemonkit::Severity;

struct Config {
    std::chrono::milliseconds interval;
    std::string log;
    std::string pid_file;
    Severity level;
    std::string table;
    std::string syslog;
};

/// The configuration, whole and checked; what it throws names every variable that is wrong, and the reason.
Config read_environment() {
    settings::Source in("WIRELESS");
    const auto level = settings::one_of<Severity>({{"warning", Severity::warning},
                                                   {"notice", Severity::notice},
                                                   {"info", Severity::info},
                                                   {"debug", Severity::debug}});
    return in.checked(Config{
        .interval = in.get("interval", settings::duration(10ms, 24h), 60s),
        .log = in.get("log", settings::path, "/var/log/wireless_monitor.log"),
        .pid_file = in.get("pid_file", settings::path, "/run/wireless_monitor.pid"),
        .level = in.get("level", level, Severity::info),
        .table = in.get("table", settings::path, "/proc/net/wireless"),
        .syslog = in.get("syslog", settings::path, "/dev/log"),
    });
}

/// What the kernel knows about an interface.
struct Sample {
    std::string interface;
    int link = 0;
    int level = 0;
    int noise = 0;
    long long discarded = 0;
    long long missed_beacons = 0;
};

/// A line of the kernel's table: ` wlan0: 0000   54.  -56.  -256        0      0      0      0     62        0`.
Sample parse_sample(const std::string& line) {
    auto words = settings::split(line, " ");
    if (words.size() != 11 || words[0].size() < 2 || words[0].back() != ':')
        throw settings::Invalid(settings::quoted(line) + " is not an interface and ten numbers");
    words[0].pop_back();
    if (words[1].size() != 4 || words[1].find_first_not_of("0123456789abcdef") != std::string::npos)
        throw settings::Invalid(settings::quoted(words[1]) + " is not a status");
    const auto quality = [&](std::size_t index) {
        std::string& word = words[index];
        if (word.back() == '.') word.pop_back();  // it is new since the last look
        return settings::number(-1000, 1000)(word);
    };
    const auto count = [&](std::size_t index) {  // the kernel writes it as if it had a sign
        const auto written = settings::number(-2'147'483'648LL, 4'294'967'295LL)(words[index]);
        return written < 0 ? written + 4'294'967'296LL : written;
    };
    return {words[0],
            quality(2),
            quality(3),
            quality(4),
            count(5) + count(6) + count(7) + count(8) + count(9),
            count(10)};
}

/// The whole table; what it throws names the line of it that the kernel would not write.
std::vector<Sample> read_table(const std::string& path) {
    std::vector<Sample> samples;
    std::size_t number = 0;
    for (const std::string& line : settings::lines_of(settings::read_text(path))) {
        constexpr std::string_view heading[] = {"Inter-| sta-|", " face | tus |"};
        try {
            if (++number > std::size(heading)) {
                samples.push_back(parse_sample(line));
            } else if (line.find(heading[number - 1]) != 0) {
                throw settings::Invalid("not the heading of a table of wireless interfaces");
            }
        } catch (const settings::Invalid& invalid) {
            throw settings::Invalid(path + ":" + std::to_string(number) + ": " + invalid.what());
        }
    }
    if (number < 2) throw settings::Invalid(path + ": the heading is missing");
    return samples;
}

}  // namespace

int main(int argc, char** argv) try {
    const bool in_foreground = argc == 2 && std::string_view(argv[1]) == "--foreground";
    if (argc != (in_foreground ? 2 : 1)) {
        std::fprintf(stderr, "usage: %s [--foreground]\n", argv[0]);
        return 64;
    }
    const Config config = read_environment();
    const auto mask = daemonkit::SeverityMask::up_to(config.level);
    const daemonkit::SyslogClient syslog({.to = daemonkit::LocalLog{config.syslog},
                                          .mask = mask,
                                          .repeats = daemonkit::Repeats::folded});
    daemonkit::LogFile file(config.log, {.mask = mask});
    const auto log = [&](Severity severity, const std::string& text) {
        syslog.write(severity, text);
        file.write(severity, text);
    };
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    signals.on(SIGHUP, [&] { file.reopen(); });
    const daemonkit::DaemonContext daemon({
        .detach = in_foreground ? daemonkit::Detach::never : daemonkit::Detach::automatic,
        .pid_file = config.pid_file,  // a second one is refused
    });
    log(Severity::notice, "started");
    using Clock = std::chrono::steady_clock;
    for (auto next = Clock::now();;) {
        const auto signal = signals.wait_until(next);
        if (signal && !signals.dispatch(*signal)) break;
        if (signal) continue;
        next =
            std::max(next + config.interval, Clock::now());  // what was missed is not made up for
        // A table that is not there, or not as it should be, may be another one next time.
        try {
            const auto samples = read_table(config.table);
            if (samples.empty()) log(Severity::info, "there is no wireless interface");
            for (const Sample& sample : samples)
                log(Severity::info, sample.interface + ": link " + std::to_string(sample.link) +
                                        ", level " + std::to_string(sample.level) + ", noise " +
                                        std::to_string(sample.noise) + ", " +
                                        std::to_string(sample.discarded) + " packets discarded, " +
                                        std::to_string(sample.missed_beacons) + " beacons missed");
        } catch (const settings::Invalid& invalid) {
            log(Severity::warning, invalid.what());
        }
    }
    log(Severity::notice, "stopped");
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return dynamic_cast<const settings::Invalid*>(&failure) != nullptr ? 78 : 71;
}

// SPDX-License-Identifier: MIT
// A whole service: verbs, a user and a group, a configuration that is reloaded, a rotating log beside the system's, and
// verbs of its own on the control socket.
//
//   service [--user USER] [--group GROUP] CONFIG VERB [WORD]...
//
// The configuration, each key of which THERMOD_KEY in the environment takes the place of:
//
//   interval = 5s          # between two measurements
//   degrees  = 21          # what the sensor reads
//   level    = info        # or debug, notice, warning, error
//   log      = /var/log/thermod/thermod.log
//   syslog   = /dev/log
//
// A reload heeds the first two; the others are those of the start, and `log-level` changes the level at once.
#include <daemonkit/log_file.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/service_main.hpp>
#include <daemonkit/syslog_client.hpp>

#include "settings.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace {

using namespace std::chrono_literals;
using daemonkit::Severity;
using daemonkit::SeverityMask;

struct Config {
    std::chrono::milliseconds interval{};
    int degrees = 0;
    Severity level{};
    std::string log;
    std::string syslog;
};

/// The configuration, whole and checked; what it throws has a line for each mistake.
Config read_config(const std::string& path) {
    settings::Source source("THERMOD", path);
    Config config;
    config.interval = source.get("interval", settings::duration(1ms, 24h), 5s);
    config.degrees = source.get("degrees", settings::number(-50, 150), 21);
    config.level = source.get("level",
                              settings::one_of<Severity>({{"debug", Severity::debug},
                                                          {"info", Severity::info},
                                                          {"notice", Severity::notice},
                                                          {"warning", Severity::warning},
                                                          {"error", Severity::error}}),
                              Severity::info);
    config.log = source.get("log", settings::path, "/var/log/thermod/thermod.log");
    config.syslog = source.get("syslog", settings::path, "/dev/log");
    return source.checked(config);
}

/// A log of its own, 10 MiB and 5 old files, and the system's.
class Log {
public:
    explicit Log(const Config& config)
        : file_(config.log, {.ident = "thermod"}),
          syslog_({.ident = "thermod", .to = daemonkit::LocalLog{.path = config.syslog}}) {}

    void write(Severity severity, const std::string& text) const {
        file_.write(severity, text);
        syslog_.write(severity, text);
    }
    void set_level(Severity level) {
        file_.set_mask(SeverityMask::up_to(level));
        syslog_.set_mask(SeverityMask::up_to(level));
    }

private:
    daemonkit::LogFile file_;
    daemonkit::SyslogClient syslog_;
};

/// The path by which a service manager starts this program: a name without a slash was found in PATH.
std::string path_of(const std::string& program) {
    std::error_code unknown;
    if (program.find('/') == std::string::npos) {
        const auto found = std::filesystem::read_symlink("/proc/self/exe", unknown);
        if (!unknown) return found;
    }
    return std::filesystem::absolute(program);
}

// [body]
void serve(daemonkit::RunningService& service, const std::string& config_path) {
    // What fails from here to the first wait fails the start, and is told where `start` was typed.
    daemonkit::Reloadable config([&] { return read_config(config_path); });
    Log log(*config.get());
    service.on_log_level(config.get()->level, [&](Severity level) { log.set_level(level); });
    const auto tell_status = [&] {
        service.notify_status("measures every " + settings::to_string(config.get()->interval));
    };
    service.on_reload([&] {
        const auto failure = config.reload();
        if (!failure) tell_status();
        log.write(Severity::notice, failure ? "the old one stays: " + *failure : "reloaded");
        return failure;
    });
    std::uint64_t measured = 0;
    service.on(
        "measured",
        [&](const daemonkit::ControlRequest&) {
            return daemonkit::ControlAnswer{0, std::to_string(measured)};
        },
        "how often it has measured");

    tell_status();
    log.write(Severity::notice, "started");
    auto next = std::chrono::steady_clock::now();
    do {
        ++measured;
        log.write(Severity::info, std::to_string(config.get()->degrees) + " degrees");
    } while (!service.wait_until(next += config.get()->interval));
    log.write(Severity::notice, "stopped");
}
// [body]

}  // namespace

int main(int argc, char** argv) try {
    const char* const program = argv[0];
    daemonkit::Privileges privileges;
    std::vector<std::string> arguments;  // those before the verb, for service managers
    for (; argc > 2 && std::strncmp(argv[1], "--", 2) == 0; argc -= 2, argv += 2) {
        arguments.insert(arguments.end(), {argv[1], argv[2]});
        if (std::strcmp(argv[1], "--user") == 0) privileges.user = argv[2];
        if (std::strcmp(argv[1], "--group") == 0) privileges.group = argv[2];
    }
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s [--user USER] [--group GROUP] CONFIG VERB\n", program);
        return 2;
    }
    // [main]
    const std::string config = std::filesystem::absolute(argv[1]);
    arguments.push_back(config);
    const daemonkit::Service service(
        {
            .name = "thermod",
            .daemon = {.privileges = privileges},
            .check = [&] { static_cast<void>(read_config(config)); },  // before a restart stops it
            .definition = {{.description = "Thermometer",
                            .program = path_of(program),
                            .arguments = arguments,
                            .writable = {"/var/log/thermod"}}},
        },
        [&](daemonkit::RunningService& running) { serve(running, config); });
    return daemonkit::service_main(service, argc - 1, argv + 1);
    // [main]
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 1;
}

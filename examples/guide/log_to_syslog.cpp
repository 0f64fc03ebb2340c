// SPDX-License-Identifier: MIT
// One program, three logs: the one of this machine, a log host, and stderr.
//
//   guide_log_to_syslog LOG_SOCKET HOST PORT USER
#include <daemonkit/error.hpp>
#include <daemonkit/log_sink.hpp>
#include <daemonkit/stderr_sink.hpp>
#include <daemonkit/syslog_client.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

// [any_sink]
template <daemonkit::LogSink Sink>
void report_temperature(const Sink& log, double degrees) {
    const auto severity = degrees > 90 ? daemonkit::Severity::error : daemonkit::Severity::debug;
    if (!log.is_enabled(severity)) return;  // a few instructions, where debug is not wanted
    char text[64];
    std::snprintf(text, sizeof text, "sensor 2 is at %.1f degrees", degrees);
    log.write(severity, text);
}
// [any_sink]

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s LOG_SOCKET HOST PORT USER\n", argv[0]);
        return 64;
    }
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[3]));
    // [clients]
    const daemonkit::SyslogClient log({
        .ident = "thermod",
        .to = daemonkit::LocalLog{.path = argv[1]},  // /dev/log, where nothing is said
        .mask = daemonkit::SeverityMask::up_to(daemonkit::Severity::info),
        .repeats = daemonkit::Repeats::folded,
        .lost = daemonkit::LostLines::to_stderr,
    });
    const daemonkit::SyslogClient audit({
        .ident = "thermod-audit",
        .facility = daemonkit::Facility::auth_private,
        .to = daemonkit::UdpHost{.host = argv[2], .port = port},  // RFC 5424, port 514
    });
    log.write(daemonkit::Severity::notice, "started with 3 sensors");
    audit.write(daemonkit::Severity::info, "login",
                {.msgid = "LOGIN", .structured_data = {{"user@32473", {{"name", argv[4]}}}}});
    // [clients]
    const daemonkit::StderrSink terminal;
    for (const double degrees : {20.5, 95.0, 95.0, 95.0}) {
        report_temperature(log, degrees);
        report_temperature(terminal, degrees);
    }
    return log.dropped() == 0 ? 0 : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

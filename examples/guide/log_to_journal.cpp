// SPDX-License-Identifier: MIT
// Messages with fields where the journal listens, plain lines on stderr elsewhere.
//
//   guide_log_to_journal SENSOR
#include <daemonkit/error.hpp>
#include <daemonkit/journal_sink.hpp>
#include <daemonkit/log_sink.hpp>
#include <daemonkit/stderr_sink.hpp>

#include <cstdio>
#include <string>

namespace {

template <daemonkit::LogSink Sink>
void serve(const Sink& log) {
    log.write(daemonkit::Severity::notice, "started with 1 sensor");
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s SENSOR\n", argv[0]);
        return 64;
    }
    const std::string sensor = argv[1];
    // [journal]
    // Asked before a DaemonContext, which gives stderr another target.
    if (!daemonkit::journal_is_listening()) {
        serve(daemonkit::StderrSink());
        return 0;
    }
    const daemonkit::JournalSink log({.ident = "thermod", .fields = {{"ROOM", "boiler"}}});
    log.write(daemonkit::Severity::warning, "too hot:\n95.0 degrees, 90.0 at most",
              {{"SENSOR", sensor}, {"DEGREES", "95.0"}});
    serve(log);
    // [journal]
    log.write(daemonkit::Severity::info, std::string(1'000'000, 'x'));
    return log.dropped() == 0 ? 0 : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

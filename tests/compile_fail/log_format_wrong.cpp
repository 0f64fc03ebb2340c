// SPDX-License-Identifier: MIT
// A format that does not fit its arguments would be told only when the message is needed.
// refused: on_error|throw_format_error|report_error

#define DAEMONKIT_WITH_FMT  // asks the single header for it
#include <daemonkit/fmt.hpp>
#include <daemonkit/stderr_sink.hpp>

void log_degrees(const daemonkit::StderrSink& sink, const char* degrees);
void log_degrees(const daemonkit::StderrSink& sink, const char* degrees) {
#ifdef MISUSE
    log(sink, daemonkit::Severity::info, "{:.1f} degrees", degrees);
#else
    log(sink, daemonkit::Severity::info, "{} degrees", degrees);
#endif
}

// SPDX-License-Identifier: MIT
// Formatted messages: the compiler checks the formats, and what is not wanted is not formatted.
#include <daemonkit/fmt.hpp>
#include <daemonkit/stderr_sink.hpp>

#include <string>
#include <vector>

int main() {
    const daemonkit::StderrSink sink(
        {.mask = daemonkit::SeverityMask::up_to(daemonkit::Severity::info)});
    const std::vector<double> readings{20.5, 95.25};
    // [fmt]
    int number = 0;
    for (const double degrees : readings) {
        // Below the mask: not formatted.
        log(sink, daemonkit::Severity::debug, "read {:a}", degrees);
        const auto severity = degrees > 90 ? daemonkit::Severity::error : daemonkit::Severity::info;
        log(sink, severity, "sensor {} is at {:.1f} degrees", ++number, degrees);
    }
    // [fmt]
}

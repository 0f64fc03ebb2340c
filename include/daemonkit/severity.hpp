// SPDX-License-Identifier: MIT
#pragma once
// Severity: how much a message matters, the same for every sink. Floor 0.

#include <cstdint>

namespace daemonkit {

/// The eight severities, with the numbers of syslog: the smaller, the more it matters.
///
/// Source:   RFC 5424, 6.2.1; LOG_EMERG to LOG_DEBUG in syslog.h have the same numbers.
enum class Severity : std::uint8_t {
    emergency = 0,  ///< the system is unusable
    alert = 1,      ///< somebody must act at once
    critical = 2,   ///< a part that everything needs has failed
    error = 3,      ///< something was not done that should have been
    warning = 4,    ///< something will fail if nothing is done
    notice = 5,     ///< normal, and worth knowing: started, reloaded, stopped
    info = 6,       ///< what the program does
    debug = 7,      ///< for whoever repairs the program
};

/// The word for a severity.
constexpr const char* to_string(Severity severity) noexcept {
    switch (severity) {
        case Severity::emergency: return "emergency";
        case Severity::alert: return "alert";
        case Severity::critical: return "critical";
        case Severity::error: return "error";
        case Severity::warning: return "warning";
        case Severity::notice: return "notice";
        case Severity::info: return "info";
        case Severity::debug: return "debug";
    }
    return "severity";
}

}  // namespace daemonkit

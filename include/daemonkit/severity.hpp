// SPDX-License-Identifier: MIT
#pragma once
// Severity: how much a message matters, the same for every sink. Floor 0.

#include <cstdint>
#include <iterator>  // std::size
#include <optional>
#include <string_view>

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

/// The severity of that word, or of the shorter one that syslog.conf(5) has for it; nothing for any other text.
constexpr std::optional<Severity> severity_named(std::string_view word) noexcept {
    constexpr std::string_view shorter[] = {"emerg", "alert", "crit", "err", "warn"};
    for (unsigned number = 0; number <= static_cast<unsigned>(Severity::debug); ++number) {
        const auto severity = static_cast<Severity>(number);
        const bool is_short = number < std::size(shorter) && word == shorter[number];
        if (is_short || word == to_string(severity)) return severity;
    }
    return std::nullopt;
}

}  // namespace daemonkit

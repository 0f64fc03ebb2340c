// SPDX-License-Identifier: MIT
#pragma once
// What a daemon answers to the verb `status`: lines of `name: value`, for a person and for Service. Floor 6.

#include <daemonkit/error.hpp>
#include <daemonkit/service_status.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// The report as text; a line for what is known.
inline std::string report_text(const ServiceReport& report) {
    std::string text = "reloads: " + std::to_string(report.reloads.succeeded) +
                       "\nfailed reloads: " + std::to_string(report.reloads.failed);
    const auto add = [&](const char* name, const std::string& value) {
        text += std::string("\n") + name + ": " + one_line(value);
    };
    if (report.descriptors) add("descriptors", std::to_string(*report.descriptors));
    if (report.reloads.last_error) add("last error", *report.reloads.last_error);
    if (report.doing) add("doing", *report.doing);
    return text;
}

/// A number in digits alone, which fits.
inline std::optional<std::uint64_t> whole_number(std::string_view digits) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (digits.empty()) return {};
    std::uint64_t number = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return {};
        const auto value = static_cast<std::uint64_t>(digit - '0');
        if (number > (most - value) / 10) return {};
        number = number * 10 + value;
    }
    return number;
}

/// The report that a text tells; nothing where it lacks the lines that every report has. A name that is not known is
/// passed over: it may be a newer daemon's.
inline std::optional<ServiceReport> parse_report(std::string_view text) {
    ServiceReport report;
    std::optional<std::uint64_t> succeeded;
    std::optional<std::uint64_t> failed;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = line.substr(colon + 2);
        if (name == "reloads") succeeded = whole_number(value);
        if (name == "failed reloads") failed = whole_number(value);
        if (name == "descriptors") report.descriptors = whole_number(value);
        if (name == "last error") report.reloads.last_error = std::string(value);
        if (name == "doing") report.doing = std::string(value);
    }
    if (!succeeded || !failed) return {};
    report.reloads.succeeded = *succeeded;
    report.reloads.failed = *failed;
    return report;
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// SeverityMask: which severities a sink takes, as setlogmask(3) has it for the whole process. Floor 0.

#include <daemonkit/severity.hpp>

#include <cstdint>
#include <initializer_list>

namespace daemonkit {

/// A set of severities, with the bits of setlogmask(3).
///
/// Source:   setlogmask(3): LOG_MASK, LOG_UPTO.
class SeverityMask {
public:
    /// All of them.
    constexpr SeverityMask() noexcept = default;

    /// Those that matter at least as much as `threshold`; all of them for what is no severity.
    static constexpr SeverityMask up_to(Severity threshold) noexcept {
        return SeverityMask(
            threshold < Severity::debug ? (2U << static_cast<unsigned>(threshold)) - 1 : all);
    }

    /// Those that are named.
    static constexpr SeverityMask only(std::initializer_list<Severity> severities) noexcept {
        unsigned bits = 0;
        for (const Severity each : severities)
            if (each <= Severity::debug) bits |= 1U << static_cast<unsigned>(each);
        return SeverityMask(bits);
    }

    /// The mask of these bits: bit 0 is `emergency`, bit 7 `debug`.
    explicit constexpr SeverityMask(unsigned bits) noexcept
        : bits_(static_cast<std::uint8_t>(bits)) {}

    /// True for a severity that is in the set.
    constexpr bool holds(Severity severity) const noexcept {
        return severity <= Severity::debug && (bits_ >> static_cast<unsigned>(severity) & 1U) != 0;
    }

    /// As setlogmask(3) takes it: bit n is the severity n.
    constexpr unsigned bits() const noexcept { return bits_; }

    /// Both take the same severities.
    friend constexpr bool operator==(SeverityMask, SeverityMask) noexcept = default;

private:
    static constexpr unsigned all = 0xff;

    std::uint8_t bits_ = all;
};

}  // namespace daemonkit

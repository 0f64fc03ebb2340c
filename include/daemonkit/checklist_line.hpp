// SPDX-License-Identifier: MIT
#pragma once
// ChecklistLine: one thing that a daemon ought to be, and whether it is. Floor 0.

#include <cstdint>
#include <string>
#include <utility>  // std::move

namespace daemonkit {

/// What became of a check.
enum class Mark : std::uint8_t {
    ok,       ///< as it ought to be
    warning,  ///< worth a look: the reason says what can go wrong
    unknown,  ///< the facts that it takes are not known
};

/// A line of the checklist.
struct ChecklistLine {
    Mark mark = Mark::unknown;  ///< the answer
    std::string what;           ///< what was checked: `standard output`
    std::string
        reason;  ///< the fact behind the mark, and what follows from it; one line, fit for a terminal
};

/// The mark as a word: `ok`, `warning`, `not known`.
constexpr const char* to_string(Mark mark) noexcept {
    switch (mark) {
        case Mark::ok: return "ok";
        case Mark::warning: return "warning";
        case Mark::unknown: break;
    }
    return "not known";
}

namespace detail {

inline ChecklistLine is_well(std::string what, std::string reason) {
    return {Mark::ok, std::move(what), std::move(reason)};
}
inline ChecklistLine is_doubtful(std::string what, std::string reason) {
    return {Mark::warning, std::move(what), std::move(reason)};
}
inline ChecklistLine is_unknown(std::string what, std::string reason) {
    return {Mark::unknown, std::move(what), std::move(reason)};
}

}  // namespace detail
}  // namespace daemonkit

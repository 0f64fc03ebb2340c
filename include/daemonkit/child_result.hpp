// SPDX-License-Identifier: MIT
#pragma once
// ChildResult: how a helper program ended, and why. Floor 2.

#include <daemonkit/exit_status.hpp>

#include <cstdint>
#include <string>

namespace daemonkit {

/// Why a program ended.
enum class EndedBy : std::uint8_t {
    itself,   ///< of its own accord, or by somebody else's doing
    timeout,  ///< ChildOptions::timeout was over
    request,  ///< `ChildProcess::stop`, or ChildOptions::end_when_readable
};

/// How a program ended, and why.
struct ChildResult {
    ExitStatus status = ExitStatus::exited(0);  ///< how it ended
    EndedBy ended_by = EndedBy::itself;         ///< who ended it

    /// True when the program ended of its own accord, with 0.
    bool success() const noexcept { return ended_by == EndedBy::itself && status.success(); }
};

/// In words: `ended with status 3`, `timed out, killed by SIGTERM`.
inline std::string to_string(const ChildResult& result) {
    switch (result.ended_by) {
        case EndedBy::itself: break;
        case EndedBy::timeout: return "timed out, " + to_string(result.status);
        case EndedBy::request: return "stopped, " + to_string(result.status);
    }
    return to_string(result.status);
}

}  // namespace daemonkit

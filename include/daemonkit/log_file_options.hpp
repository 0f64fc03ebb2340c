// SPDX-License-Identifier: MIT
#pragma once
// LogFileOptions: what stands in a LogFile, and how much of it stays. Floor 1.

#include <daemonkit/severity_mask.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>  // mode_t

namespace daemonkit {

/// How a LogFile is written. Every field has a default.
struct LogFileOptions {
    /// The name before every message: one word of at most 48 bytes. Empty: the name of the program.
    std::string ident = {};
    /// The mode of a file that is made, 0000-0777, less what the umask takes away.
    mode_t mode = 0640;
    /// Which severities are written: `SeverityMask::up_to` for a threshold.
    SeverityMask mask = {};
    /// The most bytes of the file: it is rotated before a message would make it larger. Nothing: it is rotated by hand,
    /// or by another program.
    std::optional<std::uint64_t> rotate_at = 10 * 1024 * 1024;
    /// How many old files stay, 1-1000: FILE.1, the youngest, to FILE.5.
    unsigned keep = 5;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// Facility and SyslogPid: who speaks in the system's log, the same for every way there. Floor 0.

#include <cstdint>

namespace daemonkit {

/// Which part of the system a message comes from; the log daemon sorts by it.
///
/// Source:   RFC 5424, 6.2.1, with its numbers; `kernel` is the kernel's own.
enum class Facility : std::uint8_t {
    user = 1,
    mail = 2,
    daemon = 3,
    auth = 4,
    syslog = 5,  ///< the log daemon itself
    printer = 6,
    news = 7,
    uucp = 8,
    cron = 9,
    auth_private = 10,  ///< security messages that not everybody may read
    ftp = 11,
    local0 = 16,
    local1 = 17,
    local2 = 18,
    local3 = 19,
    local4 = 20,
    local5 = 21,
    local6 = 22,
    local7 = 23,
};

/// What stands behind the ident of every line.
enum class SyslogPid {
    logged,  ///< `ident[71]:`, the pid of the process that writes
    left_out,
};

}  // namespace daemonkit

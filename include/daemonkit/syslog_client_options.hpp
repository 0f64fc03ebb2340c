// SPDX-License-Identifier: MIT
#pragma once
// SyslogClientOptions: where a SyslogClient sends, in which form, and what it does when it cannot. Floor 1.

#include <daemonkit/facility.hpp>
#include <daemonkit/severity_mask.hpp>
#include <daemonkit/timeout.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <syslog.h>  // _PATH_LOG

namespace daemonkit {

/// A name and a value of structured data.
struct SdParameter {
    std::string name =
        {};  ///< at most 32 bytes of printable ASCII without `=`, `]`, `"` and spaces
    std::string value = {};  ///< any text; what has a meaning in the form is escaped
};

/// One element of structured data.
///
/// Source:   RFC 5424, 6.3: a name of one's own has an `@` and a private enterprise number, as in `origin@32473`.
struct SdElement {
    std::string id = {};                       ///< written like the name of a parameter
    std::vector<SdParameter> parameters = {};  ///< its names and values
};

/// The form of RFC 5424, `<28>1 2026-11-21T13:31:39.120034+00:00 host ident 71 - - text`, with what a message can
/// have besides its text. Host and ident are ASCII there: any other byte of theirs becomes `_`.
struct Rfc5424 {
    std::string msgid =
        {};  ///< what kind of message it is, one word of at most 32 bytes; empty: none
    std::vector<SdElement> structured_data = {};  ///< what programs are to read
};

/// The older form, `<28>Nov 21 13:31:39 host ident[71]: text`, in local time.
struct Rfc3164 {};

/// What is sent over a network.
using HostForm = std::variant<Rfc5424, Rfc3164>;

/// The log daemon of this machine, in the form that all of them read there: RFC 3164 without a host.
///
/// RFC 5424 is no choice: on this socket rsyslog and syslog-ng take its version for the ident.
struct LocalLog {
    std::string path =
        _PATH_LOG;  ///< a socket of datagrams or of streams; which of the two is found out
};

/// A log host, one datagram for each message. What gets lost on the way is not told.
struct UdpHost {
    std::string host = {};      ///< a name or an address; looked up once, when the client is made
    std::uint16_t port = 514;   ///< 1-65535
    HostForm form = Rfc5424{};  ///< how a message is written
    std::string hostname =
        {};  ///< of this machine, as it stands in the messages; empty: what the system says
};

/// Where a message ends on a connection.
///
/// Source:   RFC 6587, 3.4.1 and 3.4.2.
enum class TcpFraming : std::uint8_t {
    octet_counting,  ///< its length stands before it: rsyslog, and syslog-ng's source `syslog`
    newline,  ///< a newline stands behind it: syslog-ng's source `network`, and older log hosts
};

/// A log host, over one connection.
struct TcpHost {
    std::string host = {};      ///< a name or an address; looked up once, when the client is made
    std::uint16_t port = 514;   ///< 1-65535
    HostForm form = Rfc5424{};  ///< how a message is written
    std::string hostname =
        {};  ///< of this machine, as it stands in the messages; empty: what the system says
    TcpFraming framing = TcpFraming::octet_counting;  ///< where a message ends
};

/// Where messages go; exactly one of the alternatives.
using SyslogTarget = std::variant<LocalLog, UdpHost, TcpHost>;

/// What becomes of a message like the one before.
enum class Repeats : std::uint8_t {
    sent,
    folded,  ///< counted, and told as `last message repeated N times` before the next other one, or once a minute
};

/// Where a message goes that the log does not take. It is counted all the same, and the count is told in the log.
enum class LostLines : std::uint8_t {
    counted,     ///< nowhere
    to_stderr,   ///< to stderr, as long as somebody reads it
    to_console,  ///< to the system's console
};

/// How a SyslogClient speaks, and to whom. Every field has a default.
struct SyslogClientOptions {
    /// The name before every message: one word of at most 48 bytes. Empty: the name of the program.
    std::string ident = {};
    Facility facility = Facility::daemon;  ///< who speaks
    SyslogPid pid = SyslogPid::logged;     ///< whether the pid follows the name
    SyslogTarget to = LocalLog{};          ///< where the messages go
    /// Which severities are sent: `SeverityMask::up_to` for a threshold.
    SeverityMask mask = {};
    /// How long a message may hold up its caller when the log is not read; and a log that reads nothing at all holds
    /// up all of them together no longer than that.
    Timeout bound = Timeout::milliseconds(100);
    Repeats repeats = Repeats::sent;      ///< what becomes of a message that comes again and again
    LostLines lost = LostLines::counted;  ///< who hears of messages that were dropped
};

}  // namespace daemonkit

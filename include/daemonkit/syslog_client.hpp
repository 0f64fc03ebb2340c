// SPDX-License-Identifier: MIT
#pragma once
// SyslogClient: messages to the log daemon or to a log host, without libc and without waiting for ever. Floor 5.

#include <daemonkit/detail/syslog_channel.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/severity_mask.hpp>
#include <daemonkit/syslog_client_options.hpp>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace daemonkit {

/// A way of its own to the log of this machine, or of another one.
///
/// Beside SyslogSink, which goes through libc: any number can live at once, each with its own ident, facility and
/// mask. The caller is never held up beyond the bound. What is lost is counted, and the count is told in the log:
/// `N messages dropped` stands before the next message that gets through. Those of one thread arrive in their order.
///
/// A log that is not there is no error. It is tried again as messages come, at growing intervals: of 0.1 s at most, for
/// a host 5 s. The connection outlives a chroot, as long as the log daemon goes on; the time zone is remembered.
/// A descriptor that somebody closed is opened anew within a second, in a new process at once.
///
/// Process:  any; after a fork both processes may write, each under its own pid, whatever other threads were doing.
/// Undo:     the destructor tells what is still to be told, waiting no longer than the bound, and disconnects.
/// Threads:  all from any thread; not from a signal handler.
/// Source:   RFC 3164; RFC 5424; RFC 5426 (UDP); RFC 6587 (TCP).
class SyslogClient {
public:
    /// Messages go out from here on; the connection is made, or being made.
    ///
    /// The name of a host is looked up here, for as long as that takes: no message waits for a name service.
    ///
    /// Errors:   Step::open_syslog: EINVAL for what can never be sent, EHOSTUNREACH for a host that is not known.
    explicit SyslogClient(const SyslogClientOptions& options = {})
        : mask_(static_cast<std::uint8_t>(options.mask.bits())),
          channel_(options, detail::syslog_setup(options)) {}

    SyslogClient(const SyslogClient&) = delete;
    SyslogClient& operator=(const SyslogClient&) = delete;

    /// The message is on its way or counted as dropped, unless the mask keeps it out.
    ///
    /// The text is data, never a format. It becomes one line whatever it holds: newlines at the end are taken off, and
    /// any other control character stands as `#` and three octal digits, as rsyslog shows it (`#012` is a newline,
    /// `#000` a NUL byte). Bytes from 0x80 pass as they are, be it valid UTF-8 or not. A text of more than 8000 bytes, or
    /// a line of more than the network carries, is cut and ends in ` [cut]`.
    ///
    /// Errors:   none; see `dropped`. errno is kept.
    void write(Severity severity, std::string_view text) const noexcept {
        if (is_enabled(severity)) channel_.send({severity, text});
    }

    /// The same with a msgid and structured data in place of those in the options, where the form is RFC 5424.
    ///
    /// What cannot stand in a name becomes `_`. An element that does not fit into 4000 bytes is left out.
    void write(Severity severity, std::string_view text, const Rfc5424& details) const noexcept {
        if (is_enabled(severity)) channel_.send({severity, text, &details});
    }

    /// True when a message of that severity is sent: worth asking before an expensive text is made.
    bool is_enabled(Severity severity) const noexcept {
        return SeverityMask(mask_.load(std::memory_order_relaxed)).holds(severity);
    }

    /// These severities are sent from now on, and no others; returns the mask of before. An empty mask changes nothing.
    ///
    /// Source:   setlogmask(3), which does this for a whole process.
    SeverityMask set_mask(SeverityMask mask) noexcept {
        const auto bits = static_cast<std::uint8_t>(mask.bits());
        return SeverityMask(bits != 0 ? mask_.exchange(bits) : mask_.load());
    }

    /// How many messages the log did not get from this process, as far as anybody can know.
    std::uint64_t dropped() const noexcept { return channel_.dropped(); }

    /// The descriptor of the connection at this moment, or -1: for `keep_open` in the options of a DaemonContext.
    int native_handle() const noexcept { return channel_.native_handle(); }

private:
    std::atomic<std::uint8_t> mask_;
    mutable detail::SyslogChannel channel_;
};

}  // namespace daemonkit

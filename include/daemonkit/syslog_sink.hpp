// SPDX-License-Identifier: MIT
#pragma once
// SyslogSink: messages to the system's log through libc, closed and put back on scope exit. Floor 5.

#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/syslog_name.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/facility.hpp>
#include <daemonkit/severity.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include <syslog.h>  // openlog, syslog, setlogmask, closelog

namespace daemonkit {

/// When the connection to the log daemon is made.
enum class SyslogConnect {
    at_once,  ///< before a chroot or a limit on descriptors stands in the way
    at_first_line,
};

/// Where else a line goes.
enum class SyslogCopy {
    none,
    to_console_if_lost,  ///< to the system's console, when the log daemon does not take it
    to_stderr,           ///< to stderr too, always: for a program in the foreground
};

/// How a SyslogSink opens the system's log.
struct SyslogOptions {
    /// The name before every line: one word of at most 48 bytes. Empty: the name of the program.
    std::string ident;
    Facility facility = Facility::daemon;            ///< who speaks
    SyslogPid pid = SyslogPid::logged;               ///< whether the pid follows the name
    SyslogConnect connect = SyslogConnect::at_once;  ///< when libc connects
    SyslogCopy copy = SyslogCopy::none;              ///< where else the lines go
    /// The least that matters enough: what matters less is dropped.
    Severity threshold = Severity::debug;
};

/// The system's log, through libc's openlog, syslog, setlogmask and closelog.
///
/// libc keeps one connection, one ident and one mask per process, so one SyslogSink lives at a time, and calls
/// of syslog(3) elsewhere in the process use its ident, facility and mask while it lives. Make it inside the
/// DaemonContext's block: CloseInherited::all closes a connection made before. With a new root directory make it before:
/// the log daemon cannot be found from there.
/// Neither copyable nor movable: libc keeps the address of the ident.
///
/// Process:  any; after a fork both processes may write, each under its own pid.
/// Undo:     the destructor closes the connection, restores the mask found, and leaves libc's facility and
///           options at their first values; what they were cannot be asked for.
/// Threads:  `write`, `threshold`, `is_enabled` and `set_threshold` from any thread. libc's lock is held in a
///           write, which waits while the log daemon does not read: as long as that takes.
/// Source:   syslog(3).
class SyslogSink {
public:
    /// The log is open under the ident; lines go out from here on.
    ///
    /// A log daemon that is not there is no error: libc tries again with every line.
    ///
    /// Errors:   Step::open_syslog: EINVAL for an ident or facility that no log daemon can read, EBUSY when
    ///           another SyslogSink lives.
    explicit SyslogSink(const SyslogOptions& options = {})
        : ident_(options.ident),
          priority_(priority_of(options.facility)),
          threshold_(bounded(options.threshold)) {
        detail::refuse_unreadable(ident_, options.facility);
        if (in_use.exchange(true))
            throw Error(Step::open_syslog, ident_, EBUSY,
                        "libc has one log connection per process, and another SyslogSink lives");
        const detail::ErrnoGuard keep_errno;
        mask_found_ = ::setlogmask(mask_of(threshold()));
        // libc keeps the pointer: ident_ lives as long as the connection, and never moves.
        ::openlog(ident_.empty() ? nullptr : ident_.c_str(), flags_of(options), priority_);
    }

    ~SyslogSink() {
        const detail::ErrnoGuard keep_errno;
        ::closelog();
        ::openlog(nullptr, 0, LOG_USER);  // without LOG_NDELAY this connects to nothing
        ::closelog();
        static_cast<void>(::setlogmask(mask_found_));
        in_use.store(false);
    }

    SyslogSink(const SyslogSink&) = delete;
    SyslogSink& operator=(const SyslogSink&) = delete;

    /// One line is with libc, unless the severity is below the threshold.
    ///
    /// The text is data, never a format. It becomes one line whatever it holds: newlines at the end are taken
    /// off, and any other control character stands as `#` and three octal digits, as rsyslog shows it (`#012`
    /// is a newline, `#000` a NUL byte); so no text can begin a line of its own. Bytes from 0x80 pass as they
    /// are. What is longer than 8000 bytes is cut and ends in ` [cut]`: a log daemon's buffer holds 8 KiB.
    ///
    /// Errors:   none: libc does not say whether the line arrived. errno is kept.
    void write(Severity severity, std::string_view text) const noexcept {
        if (is_enabled(severity)) send(severity, text);
    }

    /// Lines that matter less than this are dropped from now on, those of syslog(3) elsewhere too.
    void set_threshold(Severity threshold) noexcept {
        threshold_.store(bounded(threshold), std::memory_order_relaxed);
        static_cast<void>(::setlogmask(mask_of(this->threshold())));
    }

    /// The least severity that is written.
    Severity threshold() const noexcept { return threshold_.load(std::memory_order_relaxed); }

    /// True when a line of that severity is written: worth asking before an expensive text is made.
    bool is_enabled(Severity severity) const noexcept { return severity <= threshold(); }

private:
    static int priority_of(Facility facility) noexcept { return static_cast<int>(facility) << 3; }

    static int mask_of(Severity threshold) noexcept {
        return LOG_UPTO(static_cast<int>(threshold));
    }

    static Severity bounded(Severity threshold) noexcept {
        return threshold < Severity::debug ? threshold : Severity::debug;
    }

    static int flags_of(const SyslogOptions& options) noexcept {
        int flags = options.connect == SyslogConnect::at_once ? LOG_NDELAY : LOG_ODELAY;
        if (options.pid == SyslogPid::logged) flags |= LOG_PID;
        if (options.copy == SyslogCopy::to_console_if_lost) flags |= LOG_CONS;
        if (options.copy == SyslogCopy::to_stderr) flags |= LOG_PERROR;
        return flags;
    }

    void send(Severity severity, std::string_view text) const noexcept {
        const detail::ErrnoGuard keep_errno;
        const detail::LogText line(text);
        ::syslog(priority_ | static_cast<int>(severity), "%.*s",
                 static_cast<int>(line.view().size()), line.view().data());
    }

    inline static std::atomic<bool> in_use{false};

    std::string ident_;
    int priority_;
    std::atomic<Severity> threshold_;
    int mask_found_ = 0;
};

}  // namespace daemonkit

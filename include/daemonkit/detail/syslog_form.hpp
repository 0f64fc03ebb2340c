// SPDX-License-Identifier: MIT
#pragma once
// SyslogForm: a message as a line of one of the forms that log daemons read. Floor 4.

#include <daemonkit/detail/civil_time.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/structured_data.hpp>
#include <daemonkit/detail/zone_offsets.hpp>
#include <daemonkit/facility.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/syslog_client_options.hpp>

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>  // pid_t
#include <time.h>       // timespec

namespace daemonkit::detail {

/// One message, on its way into a line.
struct LogMessage {
    Severity severity;
    std::string_view text;
    const Rfc5424* details = nullptr;  ///< in place of those of the form
};

/// Writes lines. What stands before the text seldom changes from one to the next, and is kept.
///
/// Threads:  one at a time.
class SyslogForm {
public:
    enum class Kind : std::uint8_t { local, rfc3164, rfc5424 };

    struct Names {
        std::string ident;
        std::string hostname = {};
        Facility facility = Facility::daemon;
        SyslogPid pid = SyslogPid::logged;
    };

    SyslogForm(Kind kind, Names names, const Rfc5424& details)
        : kind_(kind), names_(std::move(names)) {
        append_details(details_, details);
    }

    /// True when lines tell more of the time than the second.
    bool has_fraction() const noexcept { return kind_ == Kind::rfc5424; }

    /// True when the head is not that of this second and this process: time to look at other things too.
    bool is_outdated(const struct ::timespec& now, pid_t pid) const noexcept {
        return now.tv_sec != second_ || pid != pid_;
    }

    /// The message as a line of at most `longest` bytes; a text that is cut ends in ` [cut]`.
    void write(LineBuffer& line, const LogMessage& message, const struct ::timespec& now, pid_t pid,
               std::size_t longest) noexcept {
        const bool is_new = is_outdated(now, pid);
        if (is_new) renew_head(now.tv_sec, pid);
        if (is_new || message.severity != severity_) renew_priority(message.severity);
        if (kind_ == Kind::rfc5424) {
            append_rfc5424_head(line, message, now.tv_nsec);
        } else {
            line.append(head_.view());
        }
        append_cut(line, message.text, longest);
    }

private:
    using Head = BoundedText<400>;  // a host's name has at most 255 bytes, an ident 48

    void append_rfc5424_head(LineBuffer& line, const LogMessage& message,
                             long nanoseconds) noexcept {
        const std::string_view head = head_.view();
        line.append(head.substr(0, fraction_at_));
        line.append_number(static_cast<unsigned long>(nanoseconds) / 1000, 6);
        line.append(head.substr(fraction_at_));
        if (message.details == nullptr) return line.append(details_.view());
        DetailsBuffer details;
        append_details(details, *message.details);
        line.append(details.view());
    }

    static void append_cut(LineBuffer& line, std::string_view text, std::size_t longest) noexcept {
        const std::size_t room = longest > line.size() ? longest - line.size() : 0;
        if (text.size() <= room) return line.append(text);
        constexpr std::string_view mark = LogText::cut_mark;
        std::size_t at = room > mark.size() ? room - mark.size() : 0;
        const std::size_t earliest = at > 3 ? at - 3 : 0;
        std::size_t whole = at;  // between two characters of UTF-8, where it is that
        while (whole > earliest && (static_cast<unsigned char>(text[whole]) & 0xc0U) == 0x80)
            --whole;
        if ((static_cast<unsigned char>(text[whole]) & 0xc0U) != 0x80) at = whole;
        line.append(text.substr(0, at));
        line.append(mark);
    }

    void renew_priority(Severity severity) noexcept {
        head_.shrink(0);
        head_.append('<');
        head_.append_number(static_cast<unsigned>(names_.facility) * 8 +
                            static_cast<unsigned>(severity));
        head_.append('>');
        fraction_at_ = head_.size() + fraction_at_rest_;
        head_.append(rest_.view());
        severity_ = severity;
    }

    void renew_head(std::int64_t second, pid_t pid) noexcept {
        const int offset = zone_.at(second);
        const CivilTime local = civil_time(second + offset);
        rest_.shrink(0);
        if (kind_ == Kind::rfc5424) {
            append_iso_time(local, offset);
            append_word(names_.hostname);
            append_word(names_.ident);
            if (names_.pid == SyslogPid::logged)
                rest_.append_number(static_cast<unsigned long>(pid));
            else
                rest_.append('-');
            rest_.append(' ');
        } else {
            append_old_time(local);
            if (kind_ == Kind::rfc3164) append_word(names_.hostname);
            rest_.append(names_.ident);
            if (names_.pid == SyslogPid::logged) {
                rest_.append('[');
                rest_.append_number(static_cast<unsigned long>(pid));
                rest_.append(']');
            }
            rest_.append(": ");
        }
        second_ = second;
        pid_ = pid;
    }

    void append_word(std::string_view word) noexcept {
        rest_.append(word);
        rest_.append(' ');
    }

    /// `1 2026-11-21T13:31:39.+00:00 `: each line brings its own fraction.
    void append_iso_time(const CivilTime& time, int offset) noexcept {
        rest_.append("1 ");
        rest_.append_number(static_cast<unsigned long>(time.year), 4);
        append_number('-', time.month);
        append_number('-', time.day);
        append_number('T', time.hour);
        append_number(':', time.minute);
        append_number(':', time.second);
        const auto minutes = static_cast<unsigned>(offset < 0 ? -offset : offset) / 60;
        rest_.append('.');
        fraction_at_rest_ = rest_.size();
        append_number(offset < 0 ? '-' : '+', minutes / 60);
        append_number(':', minutes % 60);
        rest_.append(' ');
    }

    /// `Nov  1 13:31:39 `
    void append_old_time(const CivilTime& time) noexcept {
        constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
        rest_.append(months.substr(std::size_t{3} * (time.month - 1), 3));
        rest_.append(' ');
        rest_.append_number(time.day, 2, ' ');
        append_number(' ', time.hour);
        append_number(':', time.minute);
        append_number(':', time.second);
        rest_.append(' ');
    }

    void append_number(char before, unsigned number) noexcept {
        rest_.append(before);
        rest_.append_number(number, 2);
    }

    Kind kind_;
    Names names_;
    ZoneOffsets zone_;
    std::int64_t second_ = -1;
    pid_t pid_ = 0;
    Severity severity_ = Severity::debug;
    std::size_t fraction_at_ = 0;       // in the head: where each line puts its part of the second
    std::size_t fraction_at_rest_ = 0;  // in the rest
    Head rest_;                         // of the head, behind the priority
    Head head_;
    DetailsBuffer details_;
};

}  // namespace daemonkit::detail

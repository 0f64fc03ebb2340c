// SPDX-License-Identifier: MIT
#pragma once
// LogFileForm: a message as a line of a log file. Floor 3.

#include <daemonkit/detail/civil_time.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/zone_offsets.hpp>
#include <daemonkit/severity.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <sys/types.h>  // pid_t
#include <time.h>       // timespec

namespace daemonkit::detail {

/// The most bytes that stand before a text: time, ident, pid, severity.
inline constexpr std::size_t longest_log_file_head = 128;

/// Room for the longest line, its newline, and the mark of a line before it that was cut.
using LogFileLine = BoundedText<LogText::longest + longest_log_file_head + 16>;

/// Writes lines: `2026-11-21T10:10:10.123+01:00 ident[71] warning: text`, in local time. What stands before the text
/// seldom changes from one to the next, and is kept.
///
/// Threads:  one at a time.
class LogFileForm {
public:
    explicit LogFileForm(std::string ident) : ident_(std::move(ident)) {}

    void write(LogFileLine& line, Severity severity, std::string_view text,
               const struct ::timespec& now, pid_t pid) noexcept {
        if (now.tv_sec != second_ || pid != pid_) renew_head(now.tv_sec, pid);
        line.append(time_.view());
        line.append_number(static_cast<unsigned long>(now.tv_nsec) / 1'000'000, 3);
        line.append(name_.view());
        line.append(to_string(severity));
        line.append(": ");
        line.append(text);
        line.append('\n');
    }

private:
    void renew_head(std::int64_t second, pid_t pid) noexcept {
        const int offset = zone_.at(second);
        const CivilTime local = civil_time(second + offset);
        time_.shrink(0);
        time_.append_number(static_cast<unsigned long>(local.year), 4);
        append_number(time_, '-', local.month);
        append_number(time_, '-', local.day);
        append_number(time_, 'T', local.hour);
        append_number(time_, ':', local.minute);
        append_number(time_, ':', local.second);
        time_.append('.');

        const auto minutes = static_cast<unsigned>(offset < 0 ? -offset : offset) / 60;
        name_.shrink(0);
        append_number(name_, offset < 0 ? '-' : '+', minutes / 60);
        append_number(name_, ':', minutes % 60);
        name_.append(' ');
        name_.append(ident_);
        name_.append('[');
        name_.append_number(static_cast<unsigned long>(pid));
        name_.append("] ");
        second_ = second;
        pid_ = pid;
    }

    using Part = BoundedText<80>;  // an ident has at most 48 bytes

    static void append_number(Part& part, char before, unsigned number) noexcept {
        part.append(before);
        part.append_number(number, 2);
    }

    std::string ident_;
    ZoneOffsets zone_;
    std::int64_t second_ = -1;
    pid_t pid_ = 0;
    Part time_;  // to the point before the milliseconds
    Part name_;  // what follows them, to the severity
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// The text of a pid file: digits and one newline, written and read by the same rule. Floor 0.

#include <cstddef>  // std::size_t
#include <optional>
#include <string_view>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// The largest number that is a pid on any supported system.
///
/// Source:   Linux: PID_MAX_LIMIT, 2^22 (proc(5), pid_max); the BSDs: 99999.
inline constexpr pid_t largest_pid = 4'194'304;

/// A pid as it stands in a pid file: `71\n`.
class PidText {
public:
    explicit PidText(pid_t pid) noexcept {
        *--begin_ = '\n';
        for (pid_t rest = pid; rest > 0 && begin_ > buffer_; rest /= 10) {
            *--begin_ = static_cast<char>('0' + rest % 10);
        }
    }
    PidText(const PidText&) = delete;
    PidText& operator=(const PidText&) = delete;

    /// The text with its newline, valid as long as this object.
    std::string_view view() const noexcept {
        return {begin_, static_cast<std::size_t>(buffer_ + sizeof buffer_ - begin_)};
    }

private:
    char buffer_[16] = {};
    char* begin_ = buffer_ + sizeof buffer_;
};

/// The pid that a pid file's whole content names; nothing for any other content.
///
/// No blanks, no sign, no leading zero, no second line, no missing newline, no number that wraps: each of them
/// has made some other program signal a stranger.
///
/// Shape:    1–4194304, then one newline.
constexpr std::optional<pid_t> parse_pid_text(std::string_view text) noexcept {
    constexpr std::size_t most_digits = 7;
    if (text.size() < 2 || text.size() > most_digits + 1 || text.back() != '\n') return {};
    text.remove_suffix(1);
    if (text.front() == '0') return {};
    pid_t pid = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return {};
        pid = pid * 10 + (c - '0');
    }
    if (pid > largest_pid) return {};
    return pid;
}

}  // namespace daemonkit::detail

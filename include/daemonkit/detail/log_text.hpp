// SPDX-License-Identifier: MIT
#pragma once
// LogText: any bytes as one bounded line without control characters. Floor 0.

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <cstring>  // memcpy
#include <string_view>

namespace daemonkit::detail {

/// A text as a log line: the text itself when it is fit to be one, or else a rewritten copy of bounded size.
///
/// Newlines at the end are taken off. A control character becomes `#` and three octal digits, rsyslog's own
/// form: a log daemon that splits at newlines would take the rest for a line with a priority of its own. A line
/// longer than `longest` is cut between characters and ends in the mark ` [cut]`. Bytes from 0x80 pass.
///
/// Threads:  allocates nothing; refers to the text it was made from.
class LogText {
public:
    /// The most bytes of a line: with the header, it fits into the 8 KiB that log daemons read.
    static constexpr std::size_t longest = 8000;
    static constexpr std::string_view cut_mark = " [cut]";

    explicit LogText(std::string_view text) noexcept {
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
        line_ = is_fit(text) ? text : rewrite(text);
    }
    LogText(const LogText&) = delete;  // the line may refer to the object itself
    LogText& operator=(const LogText&) = delete;

    /// The line.
    std::string_view view() const noexcept { return line_; }

private:
    static bool is_control(char byte) noexcept {
        const auto value = static_cast<unsigned char>(byte);
        return value < 0x20 || value == 0x7f;
    }

    static bool is_fit(std::string_view text) noexcept {
        if (text.size() > longest) return false;
        constexpr std::size_t word = sizeof(std::uint64_t);
        std::uint64_t found = 0;
        if (text.size() < word) {
            for (const char byte : text) found |= is_control(byte) ? 1U : 0U;
            return found == 0;
        }
        for (std::size_t at = 0; at + word < text.size(); at += word)
            found |= controls_at(&text[at]);
        return (found | controls_at(&text[text.size() - word])) == 0;
    }

    /// Not 0 when there is a control character among eight bytes, which are looked at in one go: a loop over bytes
    /// would be the most expensive part of a line.
    static std::uint64_t controls_at(const char* bytes) noexcept {
        constexpr std::uint64_t each = 0x0101'0101'0101'0101U;
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, sizeof word);
        const std::uint64_t below_space = (word - each * 0x20U) & ~word;
        const std::uint64_t without_delete = word ^ each * 0x7fU;
        const std::uint64_t is_delete = (without_delete - each) & ~without_delete;
        return (below_space | is_delete) & each * 0x80U;
    }

    std::string_view rewrite(std::string_view text) noexcept {
        std::size_t size = 0;
        std::size_t cut_at = 0;  // the last place where the mark fits and no character is split
        int continuation = 0;
        for (const char byte : text) {
            const auto value = static_cast<unsigned char>(byte);
            continuation = (value & 0xc0) == 0x80 ? continuation + 1 : 0;
            // UTF-8 has at most three bytes after the first of a character; more are no text, and may be split.
            const bool may_split = continuation == 0 || continuation > 3;
            if (may_split && size <= longest - cut_mark.size()) cut_at = size;
            const bool escaped = is_control(byte);
            if (size + (escaped ? 4 : 1) > longest) {
                size = cut_at + cut_mark.copy(&copy_[cut_at], cut_mark.size());
                break;
            }
            if (escaped) {
                copy_[size++] = '#';
                copy_[size++] = static_cast<char>('0' + (value >> 6));
                copy_[size++] = static_cast<char>('0' + (value >> 3 & 7));
                copy_[size++] = static_cast<char>('0' + (value & 7));
            } else {
                copy_[size++] = byte;
            }
        }
        return {copy_.data(), size};
    }

    std::string_view line_;
    std::array<char, longest> copy_;  // written only by rewrite
};

}  // namespace daemonkit::detail

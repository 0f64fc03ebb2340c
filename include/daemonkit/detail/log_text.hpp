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
        if (text.size() < sizeof(Bytes)) {
            for (const char byte : text)
                if (is_control(byte)) return false;
            return true;
        }
        const char* const last = text.data() + text.size() - sizeof(Bytes);
        Truths found{};
        add_controls_at(last, found);
        for (const char* at = text.data(); at < last; at += sizeof(Bytes))
            add_controls_at(at, found);
        std::uint64_t halves[2];
        static_assert(sizeof halves == sizeof found);
        std::memcpy(halves, &found, sizeof halves);
        return (halves[0] | halves[1]) == 0;
    }

    // GCC and Clang have these on every processor.
    using Bytes = std::uint8_t __attribute__((vector_size(16)));
    using Truths = decltype(Bytes() < Bytes());

    /// Adds to `found` which of sixteen bytes are control characters. They are looked at in one go: a loop over bytes would
    /// be the most expensive part of a line. By reference, because what has no register for sixteen bytes returns them in
    /// another way than what has, and compilers warn of that.
    static void add_controls_at(const char* bytes, Truths& found) noexcept {
        Bytes all;
        std::memcpy(&all, bytes, sizeof all);
        found |= (all < std::uint8_t{0x20}) | (all == std::uint8_t{0x7f});
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

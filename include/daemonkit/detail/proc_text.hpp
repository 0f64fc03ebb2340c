// SPDX-License-Identifier: MIT
#pragma once
// Reading the texts of /proc: labelled lines, numbers, sets. Floor 1. Whatever the bytes are, the answer is right or none.

#include <daemonkit/known.hpp>

#include <cerrno>
#include <charconv>  // std::from_chars
#include <cstddef>   // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>  // std::errc
#include <vector>

namespace daemonkit::detail {

/// Takes what stands before the separator off the front of `text`, and the separator too.
inline std::string_view take_until(std::string_view& text, char separator) noexcept {
    const auto end = text.find(separator);
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return taken;
}

/// Takes the next word off the front of `text`; empty when there is none.
inline std::string_view take_word(std::string_view& text) noexcept {
    constexpr std::string_view blanks = " \t";
    const auto begin = text.find_first_not_of(blanks);
    text.remove_prefix(begin == std::string_view::npos ? text.size() : begin);
    const std::string_view word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

/// The number that the whole text is; nothing when it is something else, or does not fit.
template <class Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) noexcept {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, base);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return {};
    return number;
}

/// What follows the label at the beginning of a line, up to the line's end; a line without an end is half a line.
inline std::optional<std::string_view> labelled(std::string_view text,
                                                std::string_view label) noexcept {
    while (text.find('\n') != std::string_view::npos) {
        std::string_view line = take_until(text, '\n');
        if (line.substr(0, label.size()) == label) return line.substr(label.size());
    }
    return {};
}

/// What the text tells, or why there is no text.
template <class Parse>
auto parsed(const Known<std::string>& text, Parse parse) {
    using Answer = decltype(parse(std::string_view()));
    return text ? parse(std::string_view(*text)) : Answer::unknown(text.error());
}

/// None of these parts is known, for that reason.
template <class... Parts>
void forget(int error, Parts&... parts) {
    ((parts = Parts::unknown(error)), ...);
}

/// The first word behind the label, as a number.
template <class Number>
Known<Number> labelled_number(std::string_view text, std::string_view label, int base = 10) {
    auto line = labelled(text, label);
    if (!line) return Known<Number>::unknown(ENOTSUP);
    const auto number = whole_number<Number>(take_word(*line), base);
    return number ? Known<Number>(*number) : Known<Number>::unknown(EBADMSG);
}

/// All words behind the label, as numbers.
template <class Number>
Known<std::vector<Number>> labelled_numbers(std::string_view text, std::string_view label) {
    using Numbers = std::vector<Number>;
    auto line = labelled(text, label);
    if (!line) return Known<Numbers>::unknown(ENOTSUP);
    Numbers numbers;
    for (auto word = take_word(*line); !word.empty(); word = take_word(*line)) {
        const auto number = whole_number<Number>(word);
        if (!number) return Known<Numbers>::unknown(EBADMSG);
        numbers.push_back(*number);
    }
    return numbers;
}

/// The signals of a set of any width, bit n-1 of the hexadecimal number for signal n, in order.
///
/// Source:   proc_pid_status(5): SigCgt and its like; 32 digits on MIPS, 16 elsewhere.
inline Known<std::vector<int>> labelled_signals(std::string_view text, std::string_view label) {
    using Signals = std::vector<int>;
    auto line = labelled(text, label);
    if (!line) return Known<Signals>::unknown(ENOTSUP);
    const std::string_view digits = take_word(*line);
    if (digits.empty() || digits.size() > 64) return Known<Signals>::unknown(EBADMSG);
    Signals signals;
    for (std::size_t place = 0; place < digits.size(); ++place) {
        const auto digit = whole_number<unsigned>(digits.substr(digits.size() - 1 - place, 1), 16);
        if (!digit) return Known<Signals>::unknown(EBADMSG);
        for (unsigned bit = 0; bit < 4; ++bit)
            if ((*digit >> bit & 1U) != 0) signals.push_back(static_cast<int>(4 * place + bit) + 1);
    }
    return signals;
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// Which idents and facilities a log daemon can read. Floor 0.

#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/facility.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// The most bytes of an ident: APP-NAME of RFC 5424.
inline constexpr std::size_t longest_ident = 48;

/// True for a byte that can stand in a word of a header: no space, no control character.
constexpr bool is_word_byte(char byte) noexcept {
    const auto value = static_cast<unsigned char>(byte);
    return value > 0x20 && value != 0x7f;
}

/// The bytes of `text` that can stand in a word, `_` for the others, cut at `longest`.
inline std::string as_word(std::string_view text, std::size_t longest) {
    std::string word(text.substr(0, longest));
    for (char& byte : word)
        if (!is_word_byte(byte)) byte = '_';
    return word;
}

/// An Error for an ident or a facility that no log daemon can read; an empty ident is none.
///
/// Errors:   Step::open_syslog, EINVAL.
inline void refuse_unreadable(std::string_view ident, Facility facility) {
    const auto refuse = [&](const char* why) {
        const LogText printable(ident);
        throw Error(Step::open_syslog, std::string(printable.view()), EINVAL, why);
    };
    for (const char byte : ident)
        if (!is_word_byte(byte))
            refuse("the ident must be one word: its first space would end it in the log");
    if (ident.size() > longest_ident) refuse("the ident is longer than 48 bytes");
    const int number = static_cast<int>(facility);
    if (number < 1 || (number > 11 && number < 16) || number > 23)
        refuse("there is no such facility");
}

}  // namespace daemonkit::detail

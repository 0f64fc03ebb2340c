// SPDX-License-Identifier: MIT
#pragma once
// printable: bytes that somebody else chose, as text that does nothing to a terminal and hides nothing. Floor 1.

#include <daemonkit/detail/utf8.hpp>

#include <cstddef>  // std::size_t
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// True for what a terminal obeys or does not show: C1 controls, and marks that turn the direction of a line.
constexpr bool is_hidden_character(std::string_view character) noexcept {
    if (character.size() == 2)  // U+0080 to U+009F
        return character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
    if (character.size() != 3 || character[0] != '\xe2') return character == "\xef\xbb\xbf";
    const auto last = static_cast<unsigned char>(character[2]);
    if (character[1] == '\x80')  // U+200B to U+200F, U+2028 to U+202E
        return (last >= 0x8b && last <= 0x8f) || (last >= 0xa8 && last <= 0xae);
    return character[1] == '\x81' && last >= 0xa0 && last <= 0xaf;  // U+2060 to U+206F
}

/// The text on one line: a newline as `\n`, other bytes that are not to be seen as `\x1b`, a backslash doubled; cut
/// behind `most` bytes or so, with `...` in place of the rest.
inline std::string printable(std::string_view text, std::size_t most = 256) {
    constexpr const char* hex = "0123456789abcdef";
    std::string line;
    while (!text.empty()) {
        if (line.size() >= most) return line + "...";
        const std::size_t length = utf8_length(text);
        const std::string_view character = text.substr(0, length == 0 ? 1 : length);
        text.remove_prefix(character.size());
        const auto first = static_cast<unsigned char>(character.front());
        if (character == "\n") {
            line += "\\n";
        } else if (character == "\\") {
            line += "\\\\";
        } else if (length == 0 || first < 0x20 || first == 0x7f || is_hidden_character(character)) {
            for (const char c : character) {
                const auto byte = static_cast<unsigned char>(c);
                line += {'\\', 'x', hex[byte >> 4U], hex[byte & 0xfU]};
            }
        } else {
            line += character;
        }
    }
    return line;
}

}  // namespace daemonkit::detail

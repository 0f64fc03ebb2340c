// SPDX-License-Identifier: MIT
#pragma once
// from_base64: bytes out of a text, which is refused unless it is exactly what stands for them. Floor 0.

#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// The value of one digit; nothing for a character that is none.
constexpr std::optional<std::uint32_t> base64_digit(char c) noexcept {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t at = digits.find(c);
    if (at == std::string_view::npos) return {};
    return static_cast<std::uint32_t>(at);
}

/// The bytes; nothing for a text with blanks, without its padding, or with bits that stand for nothing.
///
/// Source:   RFC 4648, sections 3 and 4.
inline std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return {};
    std::string bytes;
    while (!text.empty()) {
        const bool is_last = text.size() == 4;
        const std::size_t padding = !is_last || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const auto digit =
                i < 4 - padding ? base64_digit(text[i]) : std::optional<std::uint32_t>(0);
            if (!digit) return {};
            group = group << 6U | *digit;
        }
        const std::uint32_t unused = padding == 0 ? 0 : padding == 1 ? 0xffU : 0xffffU;
        if ((group & unused) != 0) return {};
        for (std::size_t i = 0; i < 3 - padding; ++i)
            bytes += static_cast<char>(group >> (16U - 8U * i) & 0xffU);
        text.remove_prefix(4);
    }
    return bytes;
}

}  // namespace daemonkit::detail

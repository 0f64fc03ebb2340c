// SPDX-License-Identifier: MIT
#pragma once
// Structured data and MSGID as RFC 5424 writes them, whatever the texts hold. Floor 3.

#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/utf8.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/syslog_client_options.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <vector>

namespace daemonkit::detail {

/// The most bytes of an SD-NAME, and of an MSGID.
inline constexpr std::size_t longest_sd_name = 32;

/// The most bytes of MSGID and structured data together; a line has to have room for a text.
inline constexpr std::size_t longest_details = 4000;

using DetailsBuffer = BoundedText<longest_details>;

/// True for a byte of an SD-NAME.
constexpr bool is_name_byte(char byte) noexcept {
    return byte > ' ' && byte < 0x7f && byte != '=' && byte != ']' && byte != '"';
}

/// A name, with `_` for what cannot stand in one.
template <std::size_t Capacity>
void append_sd_name(BoundedText<Capacity>& to, std::string_view name) noexcept {
    if (name.empty()) name = "_";
    for (const char byte : name.substr(0, longest_sd_name))
        to.append(is_name_byte(byte) ? byte : '_');
}

/// A value: `"`, `\` and `]` behind a backslash, a control character as in the text of a message, and U+FFFD for a byte
/// that is no UTF-8, which a value must be.
template <std::size_t Capacity>
void append_sd_value(BoundedText<Capacity>& to, std::string_view value) noexcept {
    while (!value.empty()) {
        const char byte = value.front();
        const auto number = static_cast<unsigned char>(byte);
        const std::size_t length = utf8_length(value);
        if (byte == '"' || byte == '\\' || byte == ']') {
            to.append('\\');
            to.append(byte);
        } else if (number < 0x20 || number == 0x7f) {
            to.append('#');
            for (const unsigned shift : {6U, 3U, 0U})
                to.append(static_cast<char>('0' + (number >> shift & 7U)));
        } else {
            to.append(length == 0 ? std::string_view("\xef\xbf\xbd") : value.substr(0, length));
        }
        value.remove_prefix(length == 0 ? 1 : length);
    }
}

/// `MSGID SP STRUCTURED-DATA SP`, both `-` where there is none. An element that does not fit is left out as a whole.
inline void append_details(DetailsBuffer& to, const Rfc5424& details) noexcept {
    constexpr std::size_t at_the_end = 2;  // `]` or `-`, and the space
    if (details.msgid.empty())
        to.append('-');
    else
        for (const char byte : std::string_view(details.msgid).substr(0, longest_sd_name))
            to.append(byte > ' ' && byte < 0x7f ? byte : '_');
    to.append(' ');
    const std::size_t start = to.size();
    for (const SdElement& element : details.structured_data) {
        const std::size_t before = to.size();
        to.append('[');
        append_sd_name(to, element.id);
        for (const SdParameter& parameter : element.parameters) {
            to.append(' ');
            append_sd_name(to, parameter.name);
            to.append("=\"");
            append_sd_value(to, parameter.value);
            to.append('"');
        }
        if (to.room() < at_the_end)
            to.shrink(before);
        else
            to.append(']');
    }
    if (to.size() == start) to.append('-');
    to.append(' ');
}

/// An Error for details that would be changed or left out.
///
/// Errors:   Step::open_syslog, EINVAL.
inline void refuse_unwritable(const Rfc5424& details) {
    const auto refuse = [](const std::string& what, const char* why) {
        throw Error(Step::open_syslog, what, EINVAL, why);
    };
    const auto check_name = [&](const std::string& name) {
        bool is_fit = !name.empty() && name.size() <= longest_sd_name;
        for (const char byte : name) is_fit = is_fit && is_name_byte(byte);
        if (!is_fit)
            refuse(
                name,
                "a name in structured data is 1 to 32 bytes of ASCII without space, =, ] and \"");
    };
    bool is_word = details.msgid.size() <= longest_sd_name;
    for (const char byte : details.msgid) is_word = is_word && byte > ' ' && byte < 0x7f;
    if (!is_word) refuse(details.msgid, "a msgid is one word of at most 32 bytes of ASCII");
    std::size_t most = details.msgid.size() + 4;
    for (const SdElement& element : details.structured_data) {
        check_name(element.id);
        most += element.id.size() + 2;
        for (const SdParameter& parameter : element.parameters) {
            check_name(parameter.name);
            most += parameter.name.size() + 4 * parameter.value.size() + 4;
        }
    }
    if (most > longest_details)
        refuse("structured data", "with all that is escaped it could exceed 4000 bytes");
}

}  // namespace daemonkit::detail

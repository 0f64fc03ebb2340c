// SPDX-License-Identifier: MIT
#pragma once
// A word as the files of service managers write it, each in its own way. Floor 2.

#include <daemonkit/detail/capability_name.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/utf8.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// The text, which has no control characters: no file of a service manager could hold them.
///
/// Errors:   Step::validate_options.
inline const std::string& one_line_of(const std::string& text) {
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (byte < 0x20 || byte == 0x7f)
            throw Error(Step::validate_options, "definition", EINVAL,
                        "a text has a line break or a control character");
    }
    return text;
}

/// The same of a file whose reader leaves out a line that is not UTF-8, or refuses all of it.
///
/// Errors:   Step::validate_options.
inline const std::string& utf8_line_of(const std::string& text) {
    if (!is_utf8(text))
        throw Error(Step::validate_options, "definition", EINVAL, "a text is not UTF-8");
    return one_line_of(text);
}

/// The text with something before each of these characters.
inline std::string with_escapes(std::string_view text, std::string_view special, char escape) {
    std::string escaped;
    for (const char each : text) {
        if (special.find(each) != special.npos) escaped += escape;
        escaped += each;
    }
    return escaped;
}

/// systemd.unit(5): a value in which nothing is a specifier.
inline std::string systemd_value(const std::string& text) {
    return with_escapes(utf8_line_of(text), "%", '%');
}

/// systemd.syntax(7): one word of a list.
inline std::string systemd_word(const std::string& text) {
    const std::string value = with_escapes(systemd_value(text), "\"\\", '\\');
    const bool is_plain = !value.empty() && value.find_first_of(" \t'\";\\") == value.npos;
    return is_plain ? value : '"' + value + '"';
}

/// systemd.service(5): one word of a command line, in which nothing is a variable.
inline std::string systemd_argument(const std::string& text) {
    return with_escapes(systemd_word(text), "$", '$');
}

/// One word for a shell.
inline std::string shell_word(const std::string& text) {
    std::string word = "'";
    for (const char each : one_line_of(text)) {
        if (each == '\'')
            word += "'\\''";
        else
            word += each;
    }
    return word + '\'';
}

/// The text of an XML element.
inline std::string xml_text(const std::string& text) {
    std::string escaped;
    for (const char each : utf8_line_of(text)) {
        switch (each) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            default: escaped += each;
        }
    }
    return escaped;
}

/// apparmor.d(5): a path, in which nothing is a pattern.
inline std::string apparmor_path(const std::string& text) {
    return '"' + with_escapes(one_line_of(text), "\"\\*?[]{}^@", '\\') + '"';
}

/// `NET_RAW` for CAP_NET_RAW, which every file spells in its own way.
///
/// Errors:   Step::validate_options for a number without a name: no file could hold it.
inline std::string capability_word(int number) {
    if (const char* const name = known_capability(number)) return name;
    throw Error(Step::validate_options, "privileges.capabilities", EINVAL,
                "capability " + std::to_string(number) +
                    " has no name that a file could hold: take it out, or write the file by hand");
}

/// `SIGTERM`, `SIGRTMIN+3`.
///
/// Errors:   Step::validate_options for a number that is no signal's.
inline std::string signal_word(int number) {
    if (standard_signal_name(number) != nullptr || is_real_time_signal(number))
        return signal_name(number);
    throw Error(Step::validate_options, "stop", EINVAL,
                "there is no signal " + std::to_string(number));
}

/// Digits of base eight, at least three.
inline std::string octal(unsigned number) {
    std::string digits;
    for (; number > 0 || digits.size() < 3; number >>= 3U)
        digits.insert(digits.begin(), static_cast<char>('0' + (number & 7U)));
    return digits;
}

}  // namespace daemonkit::detail

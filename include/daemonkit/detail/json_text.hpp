// SPDX-License-Identifier: MIT
#pragma once
// A JSON object, written name by name, whatever bytes the texts hold. Floor 1.

#include <daemonkit/detail/utf8.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// The text as a JSON string; U+FFFD stands for a byte that is no UTF-8, which JSON has to be.
///
/// Source:   RFC 8259, 7.
inline std::string json_string(std::string_view text) {
    constexpr const char* hex = "0123456789abcdef";
    std::string quoted = "\"";
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        const std::size_t length = utf8_length(text);
        if (byte == '"' || byte == '\\') {
            quoted += '\\';
            quoted += text.front();
        } else if (byte < 0x20 || byte == 0x7f) {
            quoted += "\\u00";
            quoted += hex[byte >> 4U];
            quoted += hex[byte & 0xfU];
        } else {
            quoted += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return quoted += '"';
}

/// An object in the making; names stand in the order in which they were added.
class JsonObject {
public:
    void add(std::string_view name, std::string_view text) { add_value(name, json_string(text)); }
    void add(std::string_view name, std::uint64_t number) {
        add_value(name, std::to_string(number));
    }
    void add(std::string_view name, const JsonObject& object) { add_value(name, object.text()); }
    /// Absent is null, so that every name is always there.
    template <class T>
    void add(std::string_view name, const std::optional<T>& value) {
        if (value)
            add(name, *value);
        else
            add_value(name, "null");
    }

    /// One line.
    std::string text() const { return "{" + members_ + "}"; }

private:
    void add_value(std::string_view name, const std::string& value) {
        if (!members_.empty()) members_ += ", ";
        members_ += json_string(name) + ": " + value;
    }

    std::string members_;
};

}  // namespace daemonkit::detail

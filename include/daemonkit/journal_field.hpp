// SPDX-License-Identifier: MIT
#pragma once
// JournalField: a field of an entry in the journal, beside its message. Floor 0.

#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <string_view>

namespace daemonkit {

/// The name of a field, of which the journal is known to take it: A-Z, 0-9 and _, at most 64 bytes, beginning with a
/// letter. What begins with _ is journald's own to write.
///
/// A literal is checked by the compiler; a name that is made while the program runs, by `checked`. Refers to the text
/// it was made from.
///
/// Source:   systemd.journal-fields(7); sd_journal_send(3).
class JournalFieldName {
public:
    /// Takes a constant text; one that is no name does not compile.
    template <std::size_t Size>
    consteval JournalFieldName(const char (&name)[Size])  // not explicit: "SENSOR" is a name
        : text_(name, Size - 1) {
        if (!is_name(text_)) throw "a field of the journal is named with A-Z, 0-9 and _ alone";
    }

    /// Errors:   Step::open_journal, EINVAL.
    static JournalFieldName checked(std::string_view name) {
        if (!is_name(name))
            throw Error(Step::open_journal, std::string(name), EINVAL,
                        "a field of the journal is named with A-Z, 0-9 and _, at most 64 bytes, "
                        "beginning with a letter");
        return JournalFieldName(name, Checked{});
    }

    /// The name.
    constexpr std::string_view view() const noexcept { return text_; }

private:
    struct Checked {};
    constexpr JournalFieldName(std::string_view name, Checked /*is_name*/) noexcept : text_(name) {}

    static constexpr bool is_name(std::string_view name) noexcept {
        constexpr std::size_t longest = 64;
        if (name.empty() || name.size() > longest || name[0] < 'A' || name[0] > 'Z') return false;
        for (const char byte : name)
            if (!(byte >= 'A' && byte <= 'Z') && !(byte >= '0' && byte <= '9') && byte != '_')
                return false;
        return true;
    }

    std::string_view text_;
};

/// A name and any bytes. Refers to both, for the length of a call.
struct JournalField {
    JournalFieldName name;   ///< known to the compiler
    std::string_view value;  ///< any bytes, a newline and NUL among them
};

}  // namespace daemonkit

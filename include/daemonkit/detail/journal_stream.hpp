// SPDX-License-Identifier: MIT
#pragma once
// is_journal_stream: whether a descriptor leads to the journal, as its service manager says. Floor 2.

#include <daemonkit/detail/syscall.hpp>

#include <cstdint>
#include <cstdlib>  // std::getenv
#include <limits>

#include <sys/stat.h>

namespace daemonkit::detail {

/// A number in decimal, digits and nothing else up to the mark behind it; moves `text` past that. False for all else.
inline bool read_number(const char*& text, char mark, std::uint64_t& number) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const char* const start = text;
    for (number = 0; *text >= '0' && *text <= '9'; ++text) {
        const auto digit = static_cast<std::uint64_t>(*text - '0');
        if (number > (most - digit) / 10) return false;
        number = number * 10 + digit;
    }
    return text != start && *text == mark && (mark == '\0' || *text++ == mark);
}

/// True when JOURNAL_STREAM has the device and the inode of this descriptor.
///
/// The variable alone says nothing: it is inherited by children whose stderr leads elsewhere.
///
/// Source:   systemd.exec(5), $JOURNAL_STREAM.
inline bool is_journal_stream(int fd) noexcept {
    const char* text = std::getenv("JOURNAL_STREAM");
    if (text == nullptr) return false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    if (!read_number(text, ':', device) || !read_number(text, '\0', inode)) return false;
    struct ::stat status {};
    return sys::fstat(fd, &status) && static_cast<std::uint64_t>(status.st_dev) == device &&
           static_cast<std::uint64_t>(status.st_ino) == inode;
}

}  // namespace daemonkit::detail

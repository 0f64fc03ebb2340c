// SPDX-License-Identifier: MIT
#pragma once
// JournalEntry: an entry in the journal's native form, without allocation. Floor 1.

#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/journal_field.hpp>

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string_view>

#include <sys/uio.h>  // iovec

namespace daemonkit::detail {

/// The pieces of an entry, for one writev or sendmsg: small ones stand together in a copy, others where they are.
///
/// `NAME=value` and a newline; a value with a newline in it is `NAME`, a newline, its size in 64 bits with the lowest
/// byte first, the value and a newline.
///
/// Threads:  refers to itself, and to what was added, which has to last as long as it.
/// Source:   Native Journal Protocol, systemd.io/JOURNAL_NATIVE_PROTOCOL.
class JournalEntry {
public:
    JournalEntry() noexcept = default;
    JournalEntry(const JournalEntry&) = delete;
    JournalEntry& operator=(const JournalEntry&) = delete;

    /// Whole fields, each with its newline.
    void add_whole(std::string_view fields) noexcept { append(fields); }

    /// One field; false, and the entry is as before, when there is no room for another one.
    bool add(std::string_view name, std::string_view value) noexcept {
        const std::size_t bytes = copied_.size();
        const std::size_t pieces = count_;
        const std::size_t last = count_ > 0 ? pieces_[count_ - 1].iov_len : 0;
        bool fits = append(name);
        if (value.find('\n') == std::string_view::npos) {
            fits = fits && append("=");
        } else {
            std::array<char, 9> size{'\n'};
            for (unsigned at = 0; at < 8; ++at)
                size[at + 1] = static_cast<char>(std::uint64_t{value.size()} >> (8U * at) & 0xffU);
            fits = fits && append({size.data(), size.size()});
        }
        if (fits && append(value) && append("\n")) return true;
        copied_.shrink(bytes);
        count_ = pieces;
        if (count_ > 0) pieces_[count_ - 1].iov_len = last;
        return false;
    }

    /// One field for which room is kept, once.
    void add_reserved_number(std::string_view name, unsigned long number) noexcept {
        reserved_ = {};
        static_cast<void>(add_number(name, number));
    }

    /// The same as `add` for a number.
    bool add_number(std::string_view name, unsigned long number) noexcept {
        BoundedText<20> digits;
        digits.append_number(number);
        return add(name, digits.view());
    }

    ::iovec* pieces() noexcept { return pieces_.data(); }
    std::size_t count() const noexcept { return count_; }

    /// Of all pieces, in bytes.
    std::size_t size() const noexcept {
        std::size_t sum = 0;
        for (std::size_t at = 0; at < count_; ++at) sum += pieces_[at].iov_len;
        return sum;
    }

private:
    static constexpr std::size_t longest_copy = 256;
    static constexpr std::size_t most_pieces = 64;

    /// What is kept back for the field that tells of others that had no room.
    struct Reserved {
        std::size_t bytes = 0;
        std::size_t pieces = 0;
    };

    /// What is small is copied as long as there is room: it may be gone after the call.
    bool append(std::string_view text) noexcept {
        if (text.empty()) return true;
        const bool is_copied = text.size() <= longest_copy;
        if (is_copied && text.size() + reserved_.bytes > copied_.room()) return false;
        const char* start = text.data();
        if (is_copied) {
            start = copied_.view().data() + copied_.size();
            copied_.append(text);
            if (count_ > 0 && end_of(pieces_[count_ - 1]) == start) {
                pieces_[count_ - 1].iov_len += text.size();
                return true;
            }
        }
        if (count_ + reserved_.pieces >= most_pieces) return false;
        pieces_[count_].iov_base = const_cast<char*>(start);  // iovec is for readers as well
        pieces_[count_++].iov_len = text.size();
        return true;
    }

    static const char* end_of(const ::iovec& piece) noexcept {
        return static_cast<const char*>(piece.iov_base) + piece.iov_len;
    }

    BoundedText<6144> copied_;
    Reserved reserved_{.bytes = 64, .pieces = 1};
    std::array<::iovec, most_pieces> pieces_;
    std::size_t count_ = 0;
};

}  // namespace daemonkit::detail

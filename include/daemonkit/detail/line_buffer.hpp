// SPDX-License-Identifier: MIT
#pragma once
// LineBuffer: a line of the log while it is put together, of bounded size, without allocation. Floor 0.

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <cstring>  // memcpy
#include <string_view>

namespace daemonkit::detail {

/// Bytes one after the other; what does not fit is cut off.
template <std::size_t Capacity>
class BoundedText {
public:
    BoundedText() noexcept {}  // NOLINT(modernize-use-equals-default): the bytes stay unset

    std::string_view view() const noexcept { return {bytes_.data(), size_}; }
    std::size_t size() const noexcept { return size_; }
    std::size_t room() const noexcept { return Capacity - size_; }
    void shrink(std::size_t size) noexcept { size_ = size; }

    void append(std::string_view text) noexcept {
        const std::size_t count = text.size() < room() ? text.size() : room();
        std::memcpy(bytes_.data() + size_, text.data(), count);
        size_ += count;
    }
    void append(char byte) noexcept {
        if (size_ < Capacity) bytes_[size_++] = byte;
    }

    /// The number in decimal, filled up on the left to a width.
    void append_number(std::uint64_t number, std::size_t width = 1, char fill = '0') noexcept {
        std::array<char, 20> digits;
        std::size_t at = digits.size();
        do digits[--at] = static_cast<char>('0' + number % 10);
        while ((number /= 10) != 0);
        while (digits.size() - at < width) digits[--at] = fill;
        append(std::string_view(&digits[at], digits.size() - at));
    }

private:
    std::array<char, Capacity> bytes_;
    std::size_t size_ = 0;
};

/// The most bytes of a line with its header: what rsyslog reads of a message unless told otherwise.
inline constexpr std::size_t longest_line = 8096;

/// A line, and one byte for what ends it on a stream.
using LineBuffer = BoundedText<longest_line + 1>;

}  // namespace daemonkit::detail

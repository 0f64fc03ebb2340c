// SPDX-License-Identifier: MIT
#pragma once
// RepeatedLine: counts messages that say what the one before said. Floor 0.

#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/severity.hpp>

#include <cstdint>
#include <string_view>

namespace daemonkit::detail {

/// The last message, and how often it came again since.
class RepeatedLine {
public:
    /// How long repetitions are only counted.
    static constexpr std::int64_t most_seconds = 60;

    bool is_same(Severity severity, std::string_view text) const noexcept {
        return is_set_ && severity == severity_ && text == text_.view();
    }
    void count() noexcept { ++count_; }
    std::uint64_t counted() const noexcept { return count_; }
    Severity severity() const noexcept { return severity_; }

    /// True when the count has been kept back for long enough.
    bool is_due(std::int64_t now) const noexcept {
        return count_ > 0 && (now - since_ >= most_seconds || now < since_);
    }

    /// The count was told.
    void told(std::int64_t now) noexcept {
        count_ = 0;
        since_ = now;
    }

    void remember(Severity severity, std::string_view text, std::int64_t now) noexcept {
        severity_ = severity;
        text_.shrink(0);
        text_.append(text);
        is_set_ = true;
        told(now);
    }

    /// No message is the same as one that is not known.
    void forget() noexcept {
        is_set_ = false;
        count_ = 0;
    }

private:
    LineBuffer text_;
    Severity severity_ = Severity::debug;
    bool is_set_ = false;
    std::uint64_t count_ = 0;
    std::int64_t since_ = 0;
};

}  // namespace daemonkit::detail

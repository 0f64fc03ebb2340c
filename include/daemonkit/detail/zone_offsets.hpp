// SPDX-License-Identifier: MIT
#pragma once
// ZoneOffsets: the local time zone for the years to come, read once. Floor 2.
//
// A chroot takes the zone's file away, and libc's localtime_r takes a lock that a forked child may find held for ever:
// neither matters to who has looked before.

#include <daemonkit/detail/syscall.hpp>

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>

#include <time.h>  // timespec, CLOCK_REALTIME

namespace daemonkit::detail {

/// Seconds east of UTC for twelve years from the construction, as the zone of this process has them then.
class ZoneOffsets {
public:
    ZoneOffsets() noexcept {
        struct ::timespec now {};
        sys::clock_gettime(CLOCK_REALTIME, &now);
        sys::tzset();
        read(now.tv_sec);
    }

    /// Seconds east of UTC at that time; a clock that was set by years has the zone read again.
    int at(std::int64_t time) noexcept {
        if (time < changes_[0].from || time >= known_until_) read(time);
        std::size_t last = count_ - 1;
        while (last > 0 && changes_[last].from > time) --last;
        return changes_[last].offset;
    }

private:
    struct Change {
        std::int64_t from = 0;
        int offset = 0;
    };

    void read(std::int64_t time) noexcept {
        constexpr std::int64_t week = std::int64_t{7} * 86'400;
        // Summer time may be suspended for a month: two weeks miss nothing.
        constexpr std::int64_t step = 2 * week;
        constexpr std::int64_t steps = std::int64_t{12} * 26;
        changes_[0] = {time - week, sys::zone_offset(time - week)};
        count_ = 1;
        std::int64_t before = time - week;
        for (std::int64_t i = 0; i < steps && count_ < changes_.size(); ++i) {
            const std::int64_t after = before + step;
            const int offset = sys::zone_offset(after);
            if (offset != changes_[count_ - 1].offset) {
                changes_[count_] = {first_with_another(before, after), offset};
                ++count_;
            }
            before = after;
        }
        known_until_ = before;
    }

    /// The second of the change, which lies after `before` and not after `after`.
    static std::int64_t first_with_another(std::int64_t before, std::int64_t after) noexcept {
        const int offset = sys::zone_offset(before);
        while (after - before > 1) {
            const std::int64_t middle = before + (after - before) / 2;
            (sys::zone_offset(middle) == offset ? before : after) = middle;
        }
        return after;
    }

    std::array<Change, 32> changes_{};
    std::size_t count_ = 0;
    std::int64_t known_until_ = 0;
};

}  // namespace daemonkit::detail

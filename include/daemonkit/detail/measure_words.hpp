// SPDX-License-Identifier: MIT
#pragma once
// Times, sizes, limits and sets as a person reads them. Floor 2.

#include <daemonkit/detail/check_rights.hpp>
#include <daemonkit/process_report.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <string>

#include <sys/types.h>  // mode_t

namespace daemonkit::detail {

/// `3 d 4 h`, `12 min 5 s`: the two largest units.
inline std::string uptime_words(std::uint64_t seconds) {
    const auto both = [](std::uint64_t large, const char* unit, std::uint64_t small,
                         const char* smaller) {
        return std::to_string(large) + unit + std::to_string(small) + smaller;
    };
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    if (seconds >= day) return both(seconds / day, " d ", seconds % day / hour, " h");
    if (seconds >= hour) return both(seconds / hour, " h ", seconds % hour / minute, " min");
    if (seconds >= minute) return both(seconds / minute, " min ", seconds % minute, " s");
    return std::to_string(seconds) + " s";
}

/// `512 B`, `3.2 MiB`.
inline std::string size_words(std::uint64_t bytes) {
    constexpr const char* units[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    std::size_t unit = 0;
    std::uint64_t rest = 0;
    for (; bytes >= 1024; bytes /= 1024, ++unit) rest = bytes % 1024;
    std::string words = std::to_string(bytes);
    if (unit > 0 && bytes < 100) words += "." + std::to_string(rest * 10 / 1024);
    return words + units[unit];
}

/// `3.2 MiB resident (1.1 MiB of its own), at most 4.0 MiB, 0 B swapped`.
inline std::string memory_words(const ProcessMemory& memory) {
    return size_words(memory.resident) + " resident (" +
           (memory.own ? size_words(*memory.own) + " of its own" : "its own: " + memory.own.why()) +
           "), at most " + size_words(memory.peak) + ", " + size_words(memory.swapped) + " swapped";
}

/// `open files 1024 of 4096`.
inline std::string limit_words(const ProcessLimit& limit) {
    constexpr std::size_t max_and_blank = 4;
    const std::string name = limit.name.substr(0, max_and_blank) == "Max "
                                 ? limit.name.substr(max_and_blank)
                                 : limit.name;
    return name + " " + (limit.soft ? std::to_string(*limit.soft) : "unlimited") + "/" +
           (limit.hard ? std::to_string(*limit.hard) : "unlimited");
}

/// `all`, or `all but` a few, of those that the kernel has; or names.
inline std::string capability_set_words(std::uint64_t set, std::uint64_t bounding) {
    constexpr std::uint64_t those_of_2012 = (std::uint64_t{1} << 37U) - 1;
    const std::uint64_t missing = (those_of_2012 | bounding) & ~set;
    if (missing == 0) return "all";
    int count = 0;
    for (std::uint64_t left = missing; left != 0; left &= left - 1) ++count;
    constexpr int few = 8;
    return count <= few ? "all but " + capability_words(missing) : capability_words(set);
}

/// Four octal digits.
inline std::string umask_words(mode_t mask) {
    std::string octal = "0000";
    for (std::size_t place = 4; place-- > 0; mask >>= 3U)
        octal[place] = static_cast<char>('0' + (mask & 7U));
    return octal;
}

}  // namespace daemonkit::detail

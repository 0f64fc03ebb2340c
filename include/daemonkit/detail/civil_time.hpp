// SPDX-License-Identifier: MIT
#pragma once
// CivilTime: year, month, day and time of day of a number of seconds, without libc and its locks. Floor 0.

#include <cstdint>

namespace daemonkit::detail {

/// A moment of the Gregorian calendar.
struct CivilTime {
    std::int64_t year = 1970;
    unsigned month = 1;  // 1-12
    unsigned day = 1;    // 1-31
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
};

/// The moment so many seconds after 1970 began.
constexpr CivilTime civil_time(std::int64_t seconds) noexcept {
    constexpr std::int64_t seconds_a_day = 86'400;
    std::int64_t days = seconds / seconds_a_day;
    std::int64_t rest = seconds % seconds_a_day;
    if (rest < 0) rest += seconds_a_day, --days;
    // Counted from March of the year 0, a leap day is the last of its year, and 400 years have 146 097 days.
    days += 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
    const unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const unsigned day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned from_march = (5 * day_of_year + 2) / 153;
    const unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
    const auto second_of_day = static_cast<unsigned>(rest);
    return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
            .month = month,
            .day = day_of_year - (153 * from_march + 2) / 5 + 1,
            .hour = second_of_day / 3600,
            .minute = second_of_day / 60 % 60,
            .second = second_of_day % 60};
}

}  // namespace daemonkit::detail

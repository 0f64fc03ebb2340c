// SPDX-License-Identifier: MIT
#pragma once
// What a service manager hands over by the environment, and to which process. Floor 2.

#include <daemonkit/detail/syscall.hpp>

#include <charconv>  // std::from_chars
#include <cstdlib>   // std::getenv
#include <cstring>   // std::strlen
#include <limits>
#include <optional>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// The environment variable, as a service manager sets it; null where it is not set, and in a setuid or setgid program:
/// there a caller with fewer rights has set it, who would say where messages and descriptors go.
inline const char* manager_variable(const char* name) noexcept {
    return sys::has_ids_of_its_file() ? nullptr : std::getenv(name);
}

/// The number in such a variable; nothing where it is not set, or is anything but digits.
template <class Number>
std::optional<Number> number_in(const char* variable) noexcept {
    const char* const text = manager_variable(variable);
    if (text == nullptr || *text < '0' || *text > '9') return {};
    Number number{};
    const auto parsed = std::from_chars(text, text + std::strlen(text), number);
    if (parsed.ec != std::errc{} || *parsed.ptr != '\0') return {};
    return number;
}

/// True when the environment variable holds this process's own pid.
inline bool names_this_process(const char* variable) noexcept {
    const auto pid = number_in<pid_t>(variable);
    return pid && *pid == sys::getpid();
}

/// The first of the descriptors that a service manager hands over; the others follow it without a gap.
inline constexpr int first_handed_over = 3;

/// How many descriptors LISTEN_FDS tells of, whoever they are for; nothing where it is no such number.
inline std::optional<int> handed_over_count() noexcept {
    const auto count = number_in<int>("LISTEN_FDS");
    if (!count || *count > std::numeric_limits<int>::max() - first_handed_over) return {};
    return count;
}

}  // namespace daemonkit::detail

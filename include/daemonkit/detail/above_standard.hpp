// SPDX-License-Identifier: MIT
#pragma once
// above_standard: a descriptor of our own never takes one of the numbers 0–2. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

namespace daemonkit::detail {

/// The lowest number that is not a standard stream.
inline constexpr int lowest_own_fd = 3;

/// The same open file at a number above 2, close-on-exec; as it is when it stands there already.
///
/// When one of 0–2 is closed, open(2) hands that number out, and a later redirect would overwrite the file.
///
/// Errors:   in the result; `fd` keeps its descriptor then.
inline Result<int> above_standard(UniqueFd& fd) noexcept {
    if (fd.get() >= lowest_own_fd) return {fd.get(), 0};
    const auto moved = retry([&] { return sys::fcntl_dupfd_cloexec(fd.get(), lowest_own_fd); });
    if (moved) fd.reset(moved.value);
    return moved;
}

}  // namespace daemonkit::detail

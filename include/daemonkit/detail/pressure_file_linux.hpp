// SPDX-License-Identifier: MIT
#pragma once
// is_pressure_file by the kind of file system. Floor 3 behind pressure_file.hpp.

#include <daemonkit/detail/syscall.hpp>

#include <cstdint>

#include <sys/vfs.h>  // statfs

namespace daemonkit::detail {

/// Of /proc or of a cgroup: no file that somebody keeps something in.
///
/// Source:   linux/magic.h.
inline Result<bool> is_pressure_file(int fd) noexcept {
    constexpr std::uint32_t proc = 0x9fa0;
    constexpr std::uint32_t cgroup2 = 0x63677270;
    struct ::statfs status {};
    const auto told = sys::fstatfs(fd, &status);
    const auto kind = static_cast<std::uint32_t>(status.f_type);
    return {kind == proc || kind == cgroup2, told.error};
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// network_file_system by the flags of the mount: macOS, FreeBSD, OpenBSD. Floor 3 behind network_file_system.hpp. Not
// tested: no such machine. Empty where mounts have no such flag: every header compiles alone.

#include <daemonkit/detail/syscall.hpp>

#include <sys/mount.h>  // statfs, MNT_LOCAL

#ifdef MNT_LOCAL

namespace daemonkit::detail {

/// Its name, for a file on another machine; null for one on this machine, and where it is not known.
inline const char* network_file_system(int fd) noexcept {
    struct ::statfs status {};
    const bool is_elsewhere = sys::fstatfs(fd, &status) && (status.f_flags & MNT_LOCAL) == 0;
    return is_elsewhere ? "a network file system" : nullptr;
}

}  // namespace daemonkit::detail

#endif

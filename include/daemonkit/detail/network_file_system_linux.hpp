// SPDX-License-Identifier: MIT
#pragma once
// network_file_system by the number of its kind. Floor 3 behind network_file_system.hpp.

#include <daemonkit/detail/syscall.hpp>

#include <cstdint>

#include <sys/vfs.h>  // statfs

namespace daemonkit::detail {

/// The name of a kind of file system whose locks are a server's to give; null for all others. FUSE, 9p and virtiofs are
/// among the others: there this kernel alone keeps the locks of its processes, or a server that the machine is made of.
///
/// Source:   linux/magic.h and the file systems' own sources.
constexpr const char* network_file_system_name(std::uint32_t kind) noexcept {
    switch (kind) {
        case 0x6969: return "NFS";
        case 0x517b:
        case 0xfe534d42:
        case 0xff534d42: return "SMB";
        case 0x5346414f:
        case 0x6b414653: return "AFS";
        case 0x73757245: return "Coda";
        case 0x564c: return "NCP";
        case 0x00c36400: return "Ceph";
        case 0x0bd00bd0: return "Lustre";
        default: return nullptr;
    }
}

/// Its name, for a file on another machine; null for one on this machine, and where it is not known.
inline const char* network_file_system(int fd) noexcept {
    struct ::statfs status {};
    if (!sys::fstatfs(fd, &status)) return nullptr;
    return network_file_system_name(static_cast<std::uint32_t>(status.f_type));
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// change_ids where there is no setresuid (macOS, NetBSD; written, not tested). Floor 3 behind change_ids.hpp.
//
// For root, setuid and setgid set all three ids; for anyone else they cannot change what matters.

#include <daemonkit/detail/syscall.hpp>

namespace daemonkit::detail {

/// Sets the real, effective and saved user id.
inline Result<int> change_user_ids(uid_t user) noexcept { return sys::setuid(user); }

/// Sets the real, effective and saved group id.
inline Result<int> change_group_ids(gid_t group) noexcept { return sys::setgid(group); }

/// True when the real and the effective user id are `user`; the saved one cannot be asked for.
inline bool has_user_ids(uid_t user) noexcept {
    return sys::getuid() == user && sys::geteuid() == user;
}

/// True when the real and the effective group id are `group`; the saved one cannot be asked for.
inline bool has_group_ids(gid_t group) noexcept {
    return sys::getgid() == group && sys::getegid() == group;
}

}  // namespace daemonkit::detail

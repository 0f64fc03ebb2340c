// SPDX-License-Identifier: MIT
#pragma once
// change_ids where setresuid exists (Linux, FreeBSD, OpenBSD, DragonFly). Floor 3 behind change_ids.hpp.

#include <daemonkit/detail/syscall.hpp>

namespace daemonkit::detail {

/// Sets the real, effective and saved user id.
inline Result<int> change_user_ids(uid_t user) noexcept { return sys::setresuid(user, user, user); }

/// Sets the real, effective and saved group id.
inline Result<int> change_group_ids(gid_t group) noexcept {
    return sys::setresgid(group, group, group);
}

/// True when all three user ids are `user`.
inline bool has_user_ids(uid_t user) noexcept {
    uid_t real{}, effective{}, saved{};
    return sys::getresuid(&real, &effective, &saved) && real == user && effective == user &&
           saved == user;
}

/// True when all three group ids are `group`.
inline bool has_group_ids(gid_t group) noexcept {
    gid_t real{}, effective{}, saved{};
    return sys::getresgid(&real, &effective, &saved) && real == group && effective == group &&
           saved == group;
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// Privileges: what a daemon may still do once it runs. Floor 1. Plain values; privileges.hpp acts on them.

#include <cstdint>
#include <optional>
#include <string>

namespace daemonkit {

/// Which supplementary groups the daemon has after the drop.
enum class SupplementaryGroups : std::uint8_t {
    of_user,  ///< those that the group database gives the user
    none,     ///< no group but the one of `group`
};

/// The user and groups a daemon runs as; by default the ones it was started with.
///
/// Shape:    names, or ids in decimal digits; resolved in the launcher, before any chroot.
struct Privileges {
    std::optional<std::string> user;   ///< absent: the user stays
    std::optional<std::string> group;  ///< absent: the primary group of `user`
    SupplementaryGroups supplementary_groups =
        SupplementaryGroups::of_user;  ///< with `user` or `group`
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// Capabilities where there are none: keeping some cannot work. Floor 3 behind capabilities.hpp.

#include <daemonkit/error.hpp>

#include <cerrno>
#include <vector>

namespace daemonkit::detail {

/// Only root may, and that is told by the ids themselves.
inline bool may_change_ids() { return false; }

/// Refuses: this system has no capabilities.
inline void require_capabilities(const std::vector<int>& /*kept*/) {
    throw Error(Step::validate_options, "privileges.capabilities", ENOTSUP, "Linux alone has them");
}

/// Nothing to do.
inline void hold_capabilities(const std::vector<int>& /*kept*/) {}

/// Nothing to do.
inline void limit_capabilities(const std::vector<int>& /*kept*/) {}

}  // namespace daemonkit::detail

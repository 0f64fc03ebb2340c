// SPDX-License-Identifier: MIT
#pragma once
// is_pressure_file where there is none. Floor 3 behind pressure_file.hpp. Not tested: no such machine.

#include <daemonkit/detail/syscall.hpp>

namespace daemonkit::detail {

/// None is.
inline Result<bool> is_pressure_file(int /*fd*/) noexcept { return {false, 0}; }

}  // namespace daemonkit::detail

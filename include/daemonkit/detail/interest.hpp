// SPDX-License-Identifier: MIT
#pragma once
// Interest: what an EventQueue waits for at a descriptor. Floor 0.

#include <cstdint>

namespace daemonkit::detail {

enum class Interest : std::uint8_t {
    reading,
    writing,
    end,  ///< nothing but that the other end is gone, where the system tells that
};

}  // namespace daemonkit::detail

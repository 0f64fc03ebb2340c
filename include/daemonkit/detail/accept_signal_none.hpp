// SPDX-License-Identifier: MIT
#pragma once
// accept_signal where handlers take every signal. Floor 4 behind accept_signal.

#include <daemonkit/detail/syscall.hpp>

#include <cerrno>   // ENOSYS
#include <csignal>  // sigset_t

#include <time.h>  // timespec

namespace daemonkit::detail::accept_signal_none {

/// Never.
constexpr bool can_accept_signals() noexcept { return false; }

/// Not to be called.
template <class Idle>
Result<int> accept_signal(const sigset_t& /*numbers*/, const struct ::timespec* /*limit*/,
                          Idle /*idle*/) noexcept {
    return {-1, ENOSYS};
}

}  // namespace daemonkit::detail::accept_signal_none

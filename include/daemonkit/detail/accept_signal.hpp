// SPDX-License-Identifier: MIT
#pragma once
// accept_signal: a signal from the kernel's hand, without a handler. Floor 4. Picks the system's way.

#include <daemonkit/detail/platform.hpp>

// Of the C libraries, glibc alone tells how many threads there are without a system call. ThreadSanitizer keeps
// signals back for a handler, and would not let go of them here.
#if DAEMONKIT_OS_LINUX() && !DAEMONKIT_TSAN() && __has_include(<sys/single_threaded.h>)
#include <daemonkit/detail/accept_signal_wait.hpp>
namespace daemonkit::detail {
using accept_signal_wait::accept_signal;
using accept_signal_wait::can_accept_signals;
}  // namespace daemonkit::detail
#else
#include <daemonkit/detail/accept_signal_none.hpp>
namespace daemonkit::detail {
using accept_signal_none::accept_signal;
using accept_signal_none::can_accept_signals;
}  // namespace daemonkit::detail
#endif

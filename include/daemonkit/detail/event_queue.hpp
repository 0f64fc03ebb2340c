// SPDX-License-Identifier: MIT
#pragma once
// EventQueue: one descriptor that is readable when any of many has something to do, or a time has come. Floor 3. Picks the
// system's way.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/event_queue_epoll.hpp>
namespace daemonkit::detail {
using event_queue_epoll::EventQueue;
}  // namespace daemonkit::detail
#else
#include <daemonkit/detail/event_queue_kqueue.hpp>
namespace daemonkit::detail {
using event_queue_kqueue::EventQueue;
}  // namespace daemonkit::detail
#endif

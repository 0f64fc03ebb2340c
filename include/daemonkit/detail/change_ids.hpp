// SPDX-License-Identifier: MIT
#pragma once
// change_ids: all of a process's user or group ids at once. Floor 3. Picks the one form that this system has.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_MACOS() || defined(__NetBSD__)
#include <daemonkit/detail/change_ids_set.hpp>
#else
#include <daemonkit/detail/change_ids_setres.hpp>
#endif

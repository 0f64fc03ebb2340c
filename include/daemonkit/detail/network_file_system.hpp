// SPDX-License-Identifier: MIT
#pragma once
// network_file_system: whether a file is on another machine. Floor 3. Picks how this system tells.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/network_file_system_linux.hpp>
#elif defined(__NetBSD__)
#include <daemonkit/detail/network_file_system_none.hpp>
#else
#include <daemonkit/detail/network_file_system_mount.hpp>
#endif

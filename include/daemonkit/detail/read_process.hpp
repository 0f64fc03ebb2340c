// SPDX-License-Identifier: MIT
#pragma once
// What the kernel tells of a process. Floor 4. Picks what this system has.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/read_process_linux.hpp>
#else
#include <daemonkit/detail/read_process_none.hpp>
#endif

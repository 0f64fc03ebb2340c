// SPDX-License-Identifier: MIT
#pragma once
// confine: what a process forbids itself for good. Floor 3. Picks what this system has.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/confine_linux.hpp>
#else
#include <daemonkit/detail/confine_none.hpp>
#endif

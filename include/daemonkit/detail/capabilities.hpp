// SPDX-License-Identifier: MIT
#pragma once
// Capabilities: the parts of root's power that outlive root. Floor 3. Picks what this system has.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/capabilities_linux.hpp>
#else
#include <daemonkit/detail/capabilities_none.hpp>
#endif

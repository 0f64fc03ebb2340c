// SPDX-License-Identifier: MIT
#pragma once
// is_pressure_file: whether a file is one by which the kernel tells of pressure. Floor 3. Picks how this system tells.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/pressure_file_linux.hpp>
#else
#include <daemonkit/detail/pressure_file_none.hpp>
#endif

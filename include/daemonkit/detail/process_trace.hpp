// SPDX-License-Identifier: MIT
#pragma once
// trace_process: what tells a process from the next one with its number. Floor 3. Picks what this system has.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/process_trace_linux.hpp>
#else
#include <daemonkit/detail/process_trace_none.hpp>
#endif

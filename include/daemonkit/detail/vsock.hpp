// SPDX-License-Identifier: MIT
#pragma once
// The address of a socket between a virtual machine and its host. Floor 2. Picks what this system has.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/vsock_linux.hpp>
#else
#include <daemonkit/detail/vsock_none.hpp>
#endif

namespace daemonkit::detail {

#if DAEMONKIT_OS_LINUX()
using vsock_linux::make_vsock_address;
#else
using vsock_none::make_vsock_address;
#endif

}  // namespace daemonkit::detail

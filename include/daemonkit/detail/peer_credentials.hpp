// SPDX-License-Identifier: MIT
#pragma once
// peer_credentials: who is at the other end of a local socket. Floor 3. Picks the system's way.

#include <daemonkit/detail/platform.hpp>

#if DAEMONKIT_OS_LINUX()
#include <daemonkit/detail/peer_credentials_linux.hpp>
namespace daemonkit::detail {
using peer_credentials_linux::peer_credentials;
}  // namespace daemonkit::detail
#else
#include <daemonkit/detail/peer_credentials_getpeereid.hpp>
namespace daemonkit::detail {
using peer_credentials_getpeereid::peer_credentials;
}  // namespace daemonkit::detail
#endif

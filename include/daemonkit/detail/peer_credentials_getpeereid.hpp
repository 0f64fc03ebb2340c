// SPDX-License-Identifier: MIT
#pragma once
// peer_credentials by getpeereid, which knows no pid. Floor 3 behind peer_credentials. Untested here, and empty on Linux:
// every header compiles alone.

#include <daemonkit/control_message.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>

#if !DAEMONKIT_OS_LINUX()

namespace daemonkit::detail::peer_credentials_getpeereid {

/// The process that connected; at the connecting end, the one that listens.
inline Result<ControlPeer> peer_credentials(int fd) noexcept {
    ControlPeer peer;
    const auto asked = sys::getpeereid(fd, &peer.uid, &peer.gid);
    return {peer, asked.error};
}

}  // namespace daemonkit::detail::peer_credentials_getpeereid

#endif

// SPDX-License-Identifier: MIT
#pragma once
// peer_credentials by SO_PEERCRED, which tells the pid as well. Floor 3 behind peer_credentials.

#include <daemonkit/control_message.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <sys/socket.h>

namespace daemonkit::detail::peer_credentials_linux {

/// The process that connected; at the connecting end, the one that listens.
inline Result<ControlPeer> peer_credentials(int fd) noexcept {
    ::ucred told{};
    socklen_t size = sizeof told;
    const auto asked = sys::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &told, &size);
    if (!asked) return {{}, asked.error};
    return {{told.pid, told.uid, told.gid}, 0};
}

}  // namespace daemonkit::detail::peer_credentials_linux

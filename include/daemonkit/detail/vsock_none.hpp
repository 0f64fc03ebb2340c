// SPDX-License-Identifier: MIT
#pragma once
// There are no sockets between a virtual machine and its host here. Floor 2 behind vsock.

#include <cstdint>

#include <sys/socket.h>

namespace daemonkit::detail::vsock_none {

/// 0: no such address can be written.
inline socklen_t make_vsock_address(::sockaddr_storage& /*storage*/, std::uint32_t /*context*/,
                                    std::uint32_t /*port*/) noexcept {
    return 0;
}

}  // namespace daemonkit::detail::vsock_none

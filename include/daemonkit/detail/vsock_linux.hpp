// SPDX-License-Identifier: MIT
#pragma once
// The address of a socket between a virtual machine and its host. Floor 2 behind vsock.

#include <cstdint>
#include <cstring>  // memcpy

#include <sys/socket.h>

#include <linux/vm_sockets.h>  // after sys/socket.h, which it needs

namespace daemonkit::detail::vsock_linux {

/// Writes the address; returns its size.
inline socklen_t make_vsock_address(::sockaddr_storage& storage, std::uint32_t context,
                                    std::uint32_t port) noexcept {
    ::sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = context;
    address.svm_port = port;
    std::memcpy(&storage, &address, sizeof address);
    return sizeof address;
}

}  // namespace daemonkit::detail::vsock_linux

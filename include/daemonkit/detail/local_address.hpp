// SPDX-License-Identifier: MIT
#pragma once
// LocalAddress: a path as the address of a socket. Floor 2.

#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t, offsetof
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

namespace daemonkit::detail {

/// The most bytes of a socket's path.
inline constexpr std::size_t longest_local_path = sizeof(::sockaddr_un::sun_path) - 1;

struct LocalAddress {
    /// Errors:   the step given: EINVAL, ENAMETOOLONG — actionable.
    LocalAddress(const std::string& path, Step step) {
        if (path.empty() || path.find('\0') != std::string::npos)
            throw Error(step, path, EINVAL, "a socket's path is not empty and holds no NUL byte");
        if (path.size() > longest_local_path)
            throw Error(step, path, ENAMETOOLONG,
                        "a socket's path has at most " + std::to_string(longest_local_path) +
                            " bytes here");
        auto& local = reinterpret_cast<::sockaddr_un&>(storage);
        local.sun_family = AF_UNIX;
        path.copy(local.sun_path, path.size());
        size = static_cast<socklen_t>(offsetof(::sockaddr_un, sun_path) + path.size() + 1);
    }

    ::sockaddr_storage storage{};
    socklen_t size = 0;
};

}  // namespace daemonkit::detail

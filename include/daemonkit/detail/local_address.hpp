// SPDX-License-Identifier: MIT
#pragma once
// LocalAddress: a path as the address of a socket. Floor 1.

#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t, offsetof
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

namespace daemonkit::detail {

/// The most bytes of a socket's path.
inline constexpr std::size_t longest_local_path = sizeof(::sockaddr_un::sun_path) - 1;

/// What a local name is: a path, or, on Linux, a name of the kernel's alone, whose first character is only a mark.
enum class LocalName : std::uint8_t { path, abstract };

/// Writes the address; returns its size, or 0 for a name that is empty, too long, or a path with a NUL byte.
///
/// Source:   unix(7) "Address format".
inline socklen_t make_local_address(::sockaddr_storage& storage, std::string_view name,
                                    LocalName kind = LocalName::path) noexcept {
    const bool is_path = kind == LocalName::path;
    const std::size_t ending = is_path ? 1 : 0;  // the NUL byte, which an abstract name has not
    if (name.empty() || name.size() + ending > sizeof(::sockaddr_un::sun_path)) return 0;
    if (is_path && name.find('\0') != name.npos) return 0;
    auto& local = reinterpret_cast<::sockaddr_un&>(storage);
    local.sun_family = AF_UNIX;
    name.copy(local.sun_path, name.size());
    if (!is_path) local.sun_path[0] = '\0';
    return static_cast<socklen_t>(offsetof(::sockaddr_un, sun_path) + name.size() + ending);
}

struct LocalAddress {
    /// Errors:   the step given: EINVAL, ENAMETOOLONG — actionable.
    LocalAddress(const std::string& path, Step step) {
        if (path.empty() || path.find('\0') != std::string::npos)
            throw Error(step, path, EINVAL, "a socket's path is not empty and holds no NUL byte");
        if (path.size() > longest_local_path)
            throw Error(step, path, ENAMETOOLONG,
                        "a socket's path has at most " + std::to_string(longest_local_path) +
                            " bytes here");
        size = make_local_address(storage, path);
    }

    ::sockaddr_storage storage{};
    socklen_t size = 0;
};

}  // namespace daemonkit::detail

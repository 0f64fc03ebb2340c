// SPDX-License-Identifier: MIT
#pragma once
// LogAddresses: where a log listens, looked up once and before anything is logged. Floor 2.

#include <daemonkit/detail/local_address.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <array>
#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <cstring>  // memcpy
#include <string>

#include <netdb.h>  // addrinfo

namespace daemonkit::detail {

/// The addresses of one log, in the order in which they are tried.
class LogAddresses {
public:
    struct Address {
        ::sockaddr_storage storage{};
        socklen_t size = 0;
    };

    /// A socket in the file system.
    ///
    /// Errors:   `step`: ENAMETOOLONG, EINVAL.
    static LogAddresses of_path(const std::string& path, Step step = Step::open_syslog) {
        if (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos)
            throw Error(step, path, EINVAL, "the log's socket needs an absolute path");
        LogAddresses all;
        const LocalAddress local(path, step);
        all.add(&local.storage, local.size);
        return all;
    }

    /// A host on the network. This waits for the name service as long as that takes.
    ///
    /// Errors:   Step::open_syslog: EINVAL, or EHOSTUNREACH for a name that is not known or cannot be asked for.
    static LogAddresses of_host(const std::string& host, std::uint16_t port, int type) {
        if (host.empty() || host.find('\0') != std::string::npos || port == 0)
            throw Error(Step::open_syslog, host, EINVAL, "a log host needs a name and a port");
        const std::string service = std::to_string(port);
        ::addrinfo hints{};
        hints.ai_socktype = type;
        hints.ai_flags = AI_NUMERICSERV;
        ::addrinfo* first = nullptr;
        const auto asked = sys::getaddrinfo(host.c_str(), service.c_str(), hints, &first);
        const int error = asked.error;
        if (error != 0)
            throw Error(Step::open_syslog, host, EHOSTUNREACH, sys::gai_strerror(error));
        LogAddresses all;
        for (const ::addrinfo* each = first; each != nullptr; each = each->ai_next)
            all.add(each->ai_addr, each->ai_addrlen);
        sys::freeaddrinfo(first);
        return all;
    }

    std::size_t count() const noexcept { return count_; }
    const Address& operator[](std::size_t index) const noexcept { return addresses_[index]; }

private:
    void add(const void* address, socklen_t size) noexcept {
        if (count_ == addresses_.size() || size > sizeof(::sockaddr_storage)) return;
        std::memcpy(&addresses_[count_].storage, address, size);
        addresses_[count_++].size = size;
    }

    std::array<Address, 4> addresses_{};
    std::size_t count_ = 0;
};

}  // namespace daemonkit::detail

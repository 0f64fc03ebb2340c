// SPDX-License-Identifier: MIT
#pragma once
// NotifyAddress: where a service manager listens, as NOTIFY_SOCKET writes it. Floor 3.

#include <daemonkit/detail/local_address.hpp>
#include <daemonkit/detail/vsock.hpp>

#include <charconv>  // std::from_chars
#include <cstdint>
#include <string_view>
#include <system_error>  // std::errc

#include <sys/socket.h>

namespace daemonkit::detail {

/// Where a service manager listens: a path, a name that begins with `@`, or `vsock:CONTEXT:PORT`.
///
/// Source:   sd_notify(3) "Notes".
struct NotifyAddress {
    ::sockaddr_storage storage{};
    socklen_t size = 0;     ///< 0: nowhere
    int type = SOCK_DGRAM;  ///< of the socket

    /// True where each message is a connection of its own.
    bool needs_connection() const noexcept { return type != SOCK_DGRAM; }

    static NotifyAddress parse(std::string_view text) noexcept {
        struct Kind {
            std::string_view prefix;
            int type;
        };
        // Virtual machines seldom have datagrams here; then the manager's own library takes packets, too.
        for (const Kind kind : {Kind{"vsock:", SOCK_SEQPACKET}, Kind{"vsock-stream:", SOCK_STREAM},
                                Kind{"vsock-seqpacket:", SOCK_SEQPACKET}}) {
            if (text.substr(0, kind.prefix.size()) == kind.prefix)
                return parse_vsock(text.substr(kind.prefix.size()), kind.type);
        }
        return parse_local(text);
    }

private:
    static NotifyAddress parse_local(std::string_view text) noexcept {
        NotifyAddress address;
        const bool is_abstract = !text.empty() && text.front() == '@';
        const bool is_path = !text.empty() && text.front() == '/';
        if ((!is_abstract && !is_path) || text.size() < 2) return address;
        address.size = make_local_address(address.storage, text,
                                          is_path ? LocalName::path : LocalName::abstract);
        return address;
    }

    static NotifyAddress parse_vsock(std::string_view text, int type) noexcept {
        NotifyAddress address;
        std::uint32_t context = 0;
        std::uint32_t port = 0;
        const char* const end = text.data() + text.size();
        const auto first = std::from_chars(text.data(), end, context);
        if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') return address;
        const auto second = std::from_chars(first.ptr + 1, end, port);
        if (second.ec != std::errc{} || second.ptr != end) return address;
        constexpr std::uint32_t any = UINT32_MAX;
        if (context == any || port == any) return address;
        address.size = make_vsock_address(address.storage, context, port);
        address.type = type;
        return address;
    }
};

}  // namespace daemonkit::detail

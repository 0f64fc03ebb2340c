// SPDX-License-Identifier: MIT
#pragma once
// Which TCP ports of an address take connections. No part of the library: copy it, and change it.
//
// It connects as any client does, so it needs no rights; whoever listens sees a connection that ends. Scan what is
// yours. Addresses are numbers: a name would have to be looked up, and that cannot be stopped.
#include <algorithm>
#include <bitset>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "settings.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace port_scan {

using Port = std::uint16_t;

/// What became of a connection.
enum class State : std::uint8_t {
    open,
    closed,  ///< refused
    silent,  ///< no answer in time: a firewall, or nobody there
};

inline const char* to_string(State state) {
    switch (state) {
        case State::open: return "open";
        case State::closed: return "closed";
        case State::silent: return "silent";
    }
    return "state";
}

/// An address of IPv4 or IPv6.
class Address {
public:
    Address() = default;

    /// Errors: settings::Invalid.
    explicit Address(std::string_view text) : text_(text) {
        ::in6_addr number{};  // the larger of the two
        family_ = text_.find(':') == std::string::npos ? AF_INET : AF_INET6;
        if (::inet_pton(family_, text_.c_str(), &number) != 1)
            throw settings::Invalid(settings::quoted(text_) + " is not an IPv4 or IPv6 address");
    }

    int family() const { return family_; }
    const std::string& text() const { return text_; }

    /// What connect(2) takes.
    std::pair<::sockaddr_storage, ::socklen_t> with_port(Port port) const {
        ::sockaddr_storage storage{};
        if (family_ == AF_INET) {
            auto& address = reinterpret_cast<::sockaddr_in&>(storage);
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            ::inet_pton(AF_INET, text_.c_str(), &address.sin_addr);
            return {storage, sizeof address};
        }
        auto& address = reinterpret_cast<::sockaddr_in6&>(storage);
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        ::inet_pton(AF_INET6, text_.c_str(), &address.sin6_addr);
        return {storage, sizeof address};
    }

private:
    std::string text_;
    int family_ = AF_INET;
};

/// For settings::Source: an address.
inline Address address(std::string_view text) { return Address(text); }

/// For settings::Source: ports and ranges of them, `22, 8000-8100`, in order, each once.
inline std::vector<Port> ports(std::string_view text) {
    const auto number = settings::number<unsigned>(1, 65535);
    std::bitset<65536> wanted;
    for (const std::string& part : settings::split(text, ", \t")) {
        const auto dash = std::min(part.find('-'), part.size());
        const unsigned first = number(part.substr(0, dash));
        const unsigned last = dash == part.size() ? first : number(part.substr(dash + 1));
        if (last < first) throw settings::Invalid(settings::quoted(part) + " goes backwards");
        for (unsigned port = first; port <= last; ++port) wanted.set(port);
    }
    if (wanted.none()) throw settings::Invalid("it has no value");
    std::vector<Port> all;
    for (unsigned port = 1; port < wanted.size(); ++port)
        if (wanted[port]) all.push_back(static_cast<Port>(port));
    return all;
}

/// A connection in the making.
class Attempt {
public:
    using Clock = std::chrono::steady_clock;

    Attempt(const Address& address, Port port, Clock::time_point deadline)
        : port_(port), deadline_(deadline) {
        fd_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
        const auto [to, size] = address.with_port(port);
        if (::connect(fd_, reinterpret_cast<const ::sockaddr*>(&to), size) != 0 &&
            errno != EINPROGRESS)
            refusal_ = errno;
    }
    ~Attempt() { static_cast<void>(fd_ >= 0 && ::close(fd_) == 0); }
    Attempt(Attempt&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)),
          port_(other.port_),
          deadline_(other.deadline_),
          refusal_(other.refusal_) {}
    Attempt& operator=(Attempt&& other) noexcept {
        std::swap(fd_, other.fd_);
        port_ = other.port_;
        deadline_ = other.deadline_;
        refusal_ = other.refusal_;
        return *this;
    }

    int fd() const { return fd_; }
    Port port() const { return port_; }
    Clock::time_point deadline() const { return deadline_; }

    /// What became of it, once its descriptor is ready. What is no answer of the other side is a std::system_error.
    State state() const {
        int error = refusal_;
        ::socklen_t size = sizeof error;
        if (error == 0 && ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        switch (error) {
            case 0: return is_its_own_peer() ? State::closed : State::open;
            case ECONNREFUSED:
            case ECONNRESET: return State::closed;
            case ETIMEDOUT:
            case EHOSTUNREACH: return State::silent;
            default: throw std::system_error(error, std::generic_category(), "connect");
        }
    }

private:
    // On this machine, a connection to a port from which connections are made can come from that very port. TCP then
    // connects it to itself, and a port that nobody listens on looks open.
    bool is_its_own_peer() const {
        ::sockaddr_storage own{};
        ::sockaddr_storage peer{};
        ::socklen_t own_size = sizeof own;
        ::socklen_t peer_size = sizeof peer;
        return ::getsockname(fd_, reinterpret_cast<::sockaddr*>(&own), &own_size) == 0 &&
               ::getpeername(fd_, reinterpret_cast<::sockaddr*>(&peer), &peer_size) == 0 &&
               own_size == peer_size && std::memcmp(&own, &peer, own_size) == 0;
    }

    int fd_ = -1;
    Port port_;
    Clock::time_point deadline_;
    int refusal_ = 0;
};

/// How a scan goes about it.
struct Pace {
    std::chrono::milliseconds timeout;  ///< for each connection
    std::size_t at_once;                ///< connections in the making
};

/// Calls `tell(port, state)` for each port, as its state is known; false when `stop_fd`, if there is one, was readable
/// before the end.
///
/// Errors:   std::system_error, when there can be no connection at all: no route, no descriptors.
template <class Tell>
bool scan(const Address& address, const std::vector<Port>& ports, const Pace& pace,
          std::optional<int> stop_fd, Tell tell) {
    using Clock = Attempt::Clock;
    std::vector<Attempt> attempts;  // in the order of their deadlines
    std::vector<::pollfd> waiting;
    auto next = ports.begin();
    while (next != ports.end() || !attempts.empty()) {
        for (; next != ports.end() && attempts.size() < pace.at_once; ++next)
            attempts.emplace_back(address, *next, Clock::now() + pace.timeout);

        waiting.assign(1, {stop_fd.value_or(-1), POLLIN, 0});
        for (const Attempt& attempt : attempts) waiting.push_back({attempt.fd(), POLLOUT, 0});
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(attempts.front().deadline() -
                                                                       Clock::now());
        const int longest = static_cast<int>(std::clamp<long long>(left.count(), 0, 60'000));
        if (::poll(waiting.data(), static_cast<::nfds_t>(waiting.size()), longest) < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::generic_category(), "poll");
        }
        if (waiting.front().revents != 0) return false;

        const auto now = Clock::now();
        auto answer = waiting.begin();
        std::erase_if(attempts, [&](const Attempt& attempt) {
            const bool is_answered = (++answer)->revents != 0;
            if (!is_answered && now < attempt.deadline()) return false;
            tell(attempt.port(), is_answered ? attempt.state() : State::silent);
            return true;
        });
    }
    return true;
}

}  // namespace port_scan

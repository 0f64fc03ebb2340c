// SPDX-License-Identifier: MIT
#pragma once
// ControlConnection: one client of a control socket. Floor 4.

#include <daemonkit/control_socket_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/control_conversation.hpp>
#include <daemonkit/detail/interest.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>  // std::move

#include <sys/socket.h>

namespace daemonkit::detail {

/// A connection that never blocks, and what is said over it.
class ControlConnection {
public:
    ControlConnection(UniqueFd fd, std::uint64_t key, const ControlPeer& peer,
                      const ControlSocketOptions& options)
        : fd_(std::move(fd)),
          key_(key),
          peer_(peer),
          conversation_(options.longest_request, options.longest_answer) {}

    int fd() const noexcept { return fd_.get(); }
    std::uint64_t key() const noexcept { return key_; }
    const ControlPeer& peer() const noexcept { return peer_; }
    ControlConversation& conversation() noexcept { return conversation_; }

    /// What the queue waits for.
    Interest interest = Interest::reading;
    /// A request that is to be answered later.
    std::optional<ControlRequest> deferred = {};
    const Nanoseconds admitted = monotonic_now();
    /// When the daemon began to wait for what it waits for now.
    Nanoseconds since = admitted;

    /// Takes in what has come; false when the connection is broken.
    ///
    /// recv(2) has no room for descriptors that a client passes: the system closes them.
    bool receive() {
        char bytes[4096];
        while (conversation_.room() > 0 && !conversation_.has_line()) {
            const std::size_t room = conversation_.room();
            const auto got = retry([&] {
                return sys::recv(fd(), bytes, room < sizeof bytes ? room : sizeof bytes, 0);
            });
            if (got.error == EAGAIN) return true;
            if (!got) return false;
            if (got.value == 0)
                conversation_.end();
            else
                conversation_.receive({bytes, static_cast<std::size_t>(got.value)});
        }
        return true;
    }

    /// Sends as much as goes without waiting; false when the connection is broken.
    bool send() noexcept {
        while (!conversation_.unsent().empty()) {
            const std::string_view unsent = conversation_.unsent();
            const auto sent =
                retry([&] { return sys::send(fd(), unsent.data(), unsent.size(), 0); });
            if (sent.error == EAGAIN) return true;
            if (!sent) return false;
            conversation_.sent(static_cast<std::size_t>(sent.value));
        }
        return true;
    }

    /// An answer to no request, as far as it goes: the connection is about to be closed.
    void tell(const ControlAnswer& answer) noexcept {
        try {
            conversation_.answer(answer);
            static_cast<void>(send());
        } catch (...) {  // no memory: it is closed without a word
        }
    }

    /// Ends it for both sides, whoever else has a copy of the descriptor.
    void close() noexcept {
        static_cast<void>(sys::shutdown(fd(), SHUT_RDWR));
        fd_.reset();
    }
    bool is_open() const noexcept { return fd_.is_open(); }

private:
    UniqueFd fd_;
    std::uint64_t key_;
    ControlPeer peer_;
    ControlConversation conversation_;
};

}  // namespace daemonkit::detail

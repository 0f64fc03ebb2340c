// SPDX-License-Identifier: MIT
#pragma once
// NotifySocket: messages to a service manager, with descriptors, each within a bounded time. Floor 4.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/notify_address.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <cerrno>
#include <cstring>  // memcpy
#include <string_view>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>  // iovec

namespace daemonkit::detail {

/// The way to a service manager. Nothing throws, and nothing ends in a signal.
class NotifySocket {
public:
    NotifySocket() noexcept = default;
    explicit NotifySocket(const NotifyAddress& address) noexcept : address_(address) {
        const ErrnoGuard keep_errno;
        if (address_.size == 0 || address_.needs_connection()) return;
        socket_ = make(address_.type);
        if (socket_.is_open()) static_cast<void>(connect(socket_.get()));
    }

    bool is_open() const noexcept {
        return socket_.is_open() || (address_.size != 0 && address_.needs_connection());
    }
    int native_handle() const noexcept { return socket_.get(); }
    /// False between a virtual machine and its host.
    bool passes_descriptors() const noexcept { return !address_.needs_connection(); }

    /// Sends one message, with the descriptor when it is one; true when it was taken before the deadline.
    bool send(std::string_view text, int fd, Nanoseconds deadline) const noexcept {
        const ErrnoGuard keep_errno;
        if (!is_open() || (fd >= 0 && !passes_descriptors())) return false;
        if (address_.needs_connection()) {
            const auto sent = send_by_connection(address_.type, text, deadline);
            // Not every virtual machine has packets here.
            const bool has_no_packets = sent == Sent::no_such_type && address_.type != SOCK_STREAM;
            return (has_no_packets ? send_by_connection(SOCK_STREAM, text, deadline) : sent) ==
                   Sent::whole;
        }
        for (bool connected_again = false;;) {
            const int error = send_once(socket_.get(), text, fd);
            if (error == 0) return true;
            if (error == EAGAIN) {
                if (!wait(socket_.get(), POLLOUT, deadline)) return false;
            } else if (connected_again || !connect(socket_.get())) {
                return false;
            } else {
                connected_again = true;  // another one may listen by the same name now
            }
        }
    }

    /// Waits until the descriptor is ready, or its other end is closed; false when the time is over.
    static bool wait(int fd, short events, Nanoseconds deadline) noexcept {
        for (;;) {
            ::pollfd set{fd, events, 0};
            const int left = milliseconds_until(deadline);
            const auto ready = sys::poll(&set, 1, left);
            if (ready.error == EINTR && left > 0) continue;
            return ready && ready.value > 0 && left > 0;
        }
    }

private:
    enum class Sent { whole, no_such_type, not_at_all };

    UniqueFd make(int type) const noexcept {
        UniqueFd made;
        const auto opened = sys::socket_nonblocking(address_.storage.ss_family, type);
        if (!opened) return made;
        made.reset(opened.value);
        if (!above_standard(made)) made.reset();
        return made;
    }

    bool connect(int fd) const noexcept {
        return !!retry([&] { return sys::connect(fd, address_.storage, address_.size); });
    }

    static int send_once(int to, std::string_view text, int fd) noexcept {
        if (fd < 0) return retry([&] { return sys::send(to, text.data(), text.size(), 0); }).error;
        alignas(::cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
        ::iovec part{const_cast<char*>(text.data()), text.size()};
        ::msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        ::cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
        return retry([&] { return sys::sendmsg(to, message); }).error;
    }

    /// The end of the connection is the end of the message.
    Sent send_by_connection(int type, std::string_view text, Nanoseconds deadline) const noexcept {
        const UniqueFd line = make(type);
        if (!line.is_open()) return Sent::no_such_type;
        const auto connected =
            retry([&] { return sys::connect(line.get(), address_.storage, address_.size); });
        if (connected.error == ESOCKTNOSUPPORT) return Sent::no_such_type;
        if (connected.error != 0 && connected.error != EINPROGRESS) return Sent::not_at_all;
        if (!wait(line.get(), POLLOUT, deadline)) return Sent::not_at_all;
        const auto sent = retry([&] { return sys::send(line.get(), text.data(), text.size(), 0); });
        const bool is_sent = sent && static_cast<std::size_t>(sent.value) == text.size();
        if (!is_sent || !sys::shutdown(line.get(), SHUT_WR)) return Sent::not_at_all;
        // The other side closes when it has read all; until then our end must stay.
        char byte = 0;
        const bool is_read = wait(line.get(), POLLIN, deadline) &&
                             retry([&] { return sys::recv(line.get(), &byte, 1, 0); }).value == 0;
        return is_read ? Sent::whole : Sent::not_at_all;
    }

    NotifyAddress address_;
    UniqueFd socket_;
};

}  // namespace daemonkit::detail

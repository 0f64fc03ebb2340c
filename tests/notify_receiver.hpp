// SPDX-License-Identifier: MIT
#pragma once
// NotifyReceiver: the socket of a service manager, as NOTIFY_SOCKET names it; what arrives is kept whole, byte for byte.

#include <cstring>  // memcpy
#include <stdexcept>
#include <string>
#include <utility>  // std::move
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// One message, and the process that the kernel says has sent it.
struct Notification {
    std::string text;
    pid_t sender = 0;
    std::vector<int> fds = {};  ///< what came with it; closed by NotifyReceiver::close_all
};

class NotifyReceiver {
public:
    /// Listens on a path, or on a name that begins with `@`.
    explicit NotifyReceiver(std::string address) : address_(std::move(address)) {
        fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ::sockaddr_un local{};
        local.sun_family = AF_UNIX;
        address_.copy(local.sun_path, sizeof local.sun_path);
        if (address_.front() == '@') local.sun_path[0] = '\0';
        const auto size = offsetof(::sockaddr_un, sun_path) + address_.size();
        const int on = 1;
        if (::bind(fd_, reinterpret_cast<::sockaddr*>(&local), static_cast<socklen_t>(size)) != 0 ||
            ::setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
            throw std::runtime_error("cannot listen on " + address_);
    }
    ~NotifyReceiver() {
        ::close(fd_);
        if (address_.front() == '/') ::unlink(address_.c_str());
    }
    NotifyReceiver(const NotifyReceiver&) = delete;
    NotifyReceiver& operator=(const NotifyReceiver&) = delete;

    const std::string& address() const noexcept { return address_; }
    std::string variable() const { return "NOTIFY_SOCKET=" + address_; }

    /// The next message; an empty one when none comes within the limit.
    Notification next(int limit_ms = 30'000) const {
        ::pollfd arrival{fd_, POLLIN, 0};
        if (::poll(&arrival, 1, limit_ms) != 1) return {};
        char text[4096];
        constexpr std::size_t most_fds = 4;
        alignas(::cmsghdr) char
            control[CMSG_SPACE(sizeof(::ucred)) + CMSG_SPACE(most_fds * sizeof(int))] = {};
        ::iovec part{text, sizeof text};
        ::msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const auto size = ::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
        Notification got;
        if (size > 0) got.text.assign(text, static_cast<std::size_t>(size));
        for (::cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
             header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_type == SCM_CREDENTIALS)
                got.sender = reinterpret_cast<const ::ucred*>(CMSG_DATA(header))->pid;
            if (header->cmsg_type != SCM_RIGHTS) continue;
            got.fds.resize((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            std::memcpy(got.fds.data(), CMSG_DATA(header), got.fds.size() * sizeof(int));
        }
        return got;
    }

    static void close_all(Notification& got) {
        for (const int fd : got.fds) ::close(fd);
        got.fds.clear();
    }

private:
    std::string address_;
    int fd_ = -1;
};

}  // namespace daemonkit::testkit

// SPDX-License-Identifier: MIT
#pragma once
// RawClient: a client of a control socket that may do what no good one does.

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace daemonkit::testkit {

class RawClient {
public:
    explicit RawClient(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (fd_ < 0 ||
            ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
    }
    ~RawClient() { hang_up(); }
    RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    RawClient& operator=(RawClient&&) = delete;
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    int fd() const noexcept { return fd_; }
    void hang_up() noexcept {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void end_sending() const { ::shutdown(fd_, SHUT_WR); }

    /// Sends without waiting; how much was taken.
    std::size_t try_send(std::string_view bytes) const {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
    void send(std::string_view bytes) const {
        if (try_send(bytes) != bytes.size()) throw std::runtime_error("send");
    }

    /// Sends a byte, and a descriptor so many times, at most 253; false when the other end has closed.
    bool pass(int fd, std::size_t count) const {
        std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
        char byte = 'x';
        iovec data{&byte, 1};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (std::size_t at = 0; at < count; ++at)
            std::memcpy(CMSG_DATA(header) + at * sizeof(int), &fd, sizeof fd);
        return ::sendmsg(fd_, &message, MSG_NOSIGNAL) == 1;
    }

    /// What comes until the other end closes, or for that long; a reset counts as a close.
    std::string until_end(int limit_ms = 10'000) {
        std::string text;
        is_ended_ = false;
        std::array<char, 65'536> bytes;
        for (pollfd set{fd_, POLLIN, 0}; ::poll(&set, 1, limit_ms) == 1;) {
            const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
            is_ended_ = size <= 0;
            if (is_ended_) break;
            text.append(bytes.data(), static_cast<std::size_t>(size));
        }
        return text;
    }
    /// What comes until so many lines have come, or the other end closes.
    std::string lines(std::size_t count) {
        std::string text;
        char byte = 0;
        for (pollfd set{fd_, POLLIN, 0}; count > 0 && ::poll(&set, 1, 10'000) == 1;) {
            is_ended_ = ::recv(fd_, &byte, 1, 0) <= 0;
            if (is_ended_) break;
            text += byte;
            if (byte == '\n') --count;
        }
        return text;
    }
    /// True when the last of these came to the other end's close.
    bool is_ended() const noexcept { return is_ended_; }

private:
    int fd_;
    bool is_ended_ = false;
};

}  // namespace daemonkit::testkit

// SPDX-License-Identifier: MIT
#pragma once
// LogSocket: a line to a log, in one call that never waits, over a connection that is made anew when it breaks. Floor 4.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/log_address.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string_view>
#include <utility>  // std::exchange

#include <netinet/in.h>   // IPPROTO_TCP
#include <netinet/tcp.h>  // TCP_NODELAY
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace daemonkit::detail {

/// The connection to a log.
///
/// Threads:  one at a time.
class LogSocket {
public:
    enum class Kind : std::uint8_t {
        local,    ///< datagrams, or a stream: whichever it is
        journal,  ///< datagrams alone
        udp,
        tcp,
        tcp_lines,  ///< the same, with a newline behind each line in place of its length before it
    };

    /// What became of a line.
    enum class Sent : std::uint8_t {
        whole,     ///< the system has it, or will have the rest of it before anything else
        full,      ///< not now: `wait_fd` tells when
        absent,    ///< nobody listens
        too_long,  ///< a shorter one might go
    };

    /// Of sockets of that kind; a local one may turn out to be a stream.
    static constexpr int type_of(Kind kind) noexcept {
        return kind == Kind::tcp || kind == Kind::tcp_lines ? SOCK_STREAM : SOCK_DGRAM;
    }

    LogSocket(Kind kind, const LogAddresses& addresses) noexcept
        : kind_(kind), type_(type_of(kind)), addresses_(addresses) {
        static_cast<void>(open());
    }
    ~LogSocket() { close(); }
    LogSocket(const LogSocket&) = delete;
    LogSocket& operator=(const LogSocket&) = delete;

    /// Hands one line over. Where a connection that has carried lines turns out to be broken, a new one is tried at once;
    /// a new one that breaks with its first line is not worth another try before some time has passed.
    Sent send(std::string_view line) noexcept {
        return attempt(
            [&] { return type_ == SOCK_STREAM ? send_to_stream(line) : send_datagram(line); });
    }

    /// The same for a datagram in pieces, or with a descriptor.
    Sent send(const ::msghdr& message) noexcept {
        return attempt([&] { return sys::sendmsg(fd_.get(), message).error; });
    }

    /// The descriptor to poll for POLLOUT after `full`; -1 where only time helps.
    int wait_fd() const noexcept { return can_poll_ ? fd_.get() : -1; }

    /// The descriptor, or -1.
    int native_handle() const noexcept { return fd_.get(); }

    /// True once when the last line that was handed over, and then called whole, turned out to be lost.
    bool take_loss() noexcept { return std::exchange(has_lost_, false); }

    /// The rest of the last line is with the system, where it was a stream that has not taken all of it.
    Sent flush() noexcept {
        if (rest_.size() == 0) return Sent::whole;
        const int error = send_rest();
        if (error == 0) return Sent::whole;
        if (is_temporary(error)) return can_poll_ = error == EAGAIN, Sent::full;
        close();
        return Sent::absent;
    }

    /// Somebody may have closed the descriptor and opened something else by its number, which is then left alone.
    void forget_stranger() noexcept {
        if (!fd_.is_open() || is_own()) return;
        static_cast<void>(fd_.release());
        close();
        retry_at_ = 0;
    }

    /// In a forked child. A stream stays the parent's: two writers would tear each other's lines.
    void leave_to_parent() noexcept {
        forget_rest();
        has_lost_ = false;
        forget_stranger();
        if (type_ == SOCK_STREAM) close();
        retry_at_ = 0;
    }

private:
    static constexpr Nanoseconds millisecond = 1'000'000;

    template <class Call>
    Sent attempt(Call call) noexcept {
        for (;;) {
            if (!is_open()) {
                const Sent opened = open();
                if (opened != Sent::whole) return opened;
            }
            const int error = call();
            if (error == 0) {
                is_proven_ = true;
                delay_ = 0;
                return Sent::whole;
            }
            if (error == EMSGSIZE) return Sent::too_long;
            if (is_temporary(error)) return can_poll_ = error == EAGAIN, Sent::full;
            // A refused datagram tells of the one before: it reached the host, and nobody took it there.
            const bool is_refused = kind_ == Kind::udp && error == ECONNREFUSED;
            if (is_refused) has_lost_ = true;
            if (is_refused || !is_proven_) use_next_address();
            const bool was_proven = is_proven_;
            close();
            if (was_proven) continue;
            back_off(monotonic_now());
            return Sent::absent;
        }
    }

    // -- the connection -----------------------------------------------------------------------------------------

    bool is_open() const noexcept { return fd_.is_open() && !is_connecting_; }

    Sent open() noexcept {
        if (fd_.is_open()) {
            const Sent awaited = await_connection();
            if (awaited != Sent::absent) return awaited;
            use_next_address();
            if (current_ == 0) back_off(monotonic_now());  // all have been tried
        }
        const Nanoseconds now = monotonic_now();
        if (now < retry_at_) return Sent::absent;
        for (std::size_t tried = 0; tried < addresses_.count(); ++tried) {
            int error = connect_once();
            if (error == EPROTOTYPE && kind_ == Kind::local) {
                type_ = type_ == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;
                error = connect_once();
            }
            if (error == 0) {
                if (is_connecting_) return can_poll_ = true, Sent::full;
                return Sent::whole;
            }
            use_next_address();
        }
        back_off(now);
        return Sent::absent;
    }

    bool is_tcp() const noexcept { return kind_ == Kind::tcp || kind_ == Kind::tcp_lines; }

    int connect_once() noexcept {
        const LogAddresses::Address& address = addresses_[current_];
        const auto made = sys::socket_nonblocking(address.storage.ss_family, type_);
        if (!made) return made.error;
        UniqueFd fd(made.value);
        if (const auto moved = above_standard(fd); !moved) return moved.error;
        struct ::stat status {};
        if (const auto found = sys::fstat(fd.get(), &status); !found) return found.error;
        // A line leaves at once, not when the one before was acknowledged: the next moment may be the last.
        if (is_tcp()) static_cast<void>(sys::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1));
        const auto connected =
            retry([&] { return sys::connect(fd.get(), address.storage, address.size); });
        // EALREADY: a connect that was interrupted goes on by itself.
        is_connecting_ =
            is_tcp() && (connected.error == EINPROGRESS || connected.error == EALREADY);
        if (!connected && !is_connecting_) return connected.error;
        device_ = status.st_dev;
        inode_ = status.st_ino;
        connecting_since_ = is_connecting_ ? monotonic_now() : 0;
        fd_ = std::move(fd);
        return 0;
    }

    Sent await_connection() noexcept {
        constexpr Nanoseconds longest = 10'000 * millisecond;
        ::pollfd set{fd_.get(), POLLOUT, 0};
        const auto ready = retry([&] { return sys::poll(&set, 1, 0); });
        int error = 0;
        if (!ready || ready.value == 0) {
            if (monotonic_now() - connecting_since_ < longest) return can_poll_ = true, Sent::full;
            error = ETIMEDOUT;
        } else {
            socklen_t size = sizeof error;
            const auto told = sys::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
            if (!told) error = told.error;
        }
        is_connecting_ = false;
        if (error == 0) return Sent::whole;
        close();
        return Sent::absent;
    }

    void use_next_address() noexcept { current_ = (current_ + 1) % addresses_.count(); }

    /// The next attempts wait longer and longer: for a log daemon that restarts 0.1 s at most, for a host 5 s.
    void back_off(Nanoseconds now) noexcept {
        const bool is_here = kind_ == Kind::local || kind_ == Kind::journal;
        const Nanoseconds longest = (is_here ? 100 : 5000) * millisecond;
        delay_ = delay_ == 0 ? millisecond : delay_ * 2;
        if (delay_ > longest) delay_ = longest;
        retry_at_ = now + delay_;
    }

    bool is_own() const noexcept {
        struct ::stat status {};
        const auto found = sys::fstat(fd_.get(), &status);
        return found && status.st_dev == device_ && status.st_ino == inode_;
    }

    void close() noexcept {
        if (rest_.size() > 0) has_lost_ = true;
        forget_rest();
        is_connecting_ = false;
        is_proven_ = false;
        if (!fd_.is_open()) return;
        if (is_own())
            fd_.reset();
        else
            static_cast<void>(fd_.release());
    }

    // -- lines --------------------------------------------------------------------------------------------------

    static bool is_temporary(int error) noexcept {
        return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
    }

    int send_datagram(std::string_view line) noexcept {
        return sys::send(fd_.get(), line.data(), line.size(), 0).error;
    }

    /// The rest of the line before, then this one; what is not taken of it becomes the rest.
    int send_to_stream(std::string_view line) noexcept {
        if (const int error = look_for_end(); error != 0) return error;
        if (const int error = send_rest(); error != 0) return error;
        if (kind_ == Kind::tcp) {
            rest_.append_number(line.size());
            rest_.append(' ');
        }
        rest_.append(line);
        if (kind_ == Kind::tcp_lines) rest_.append('\n');
        if (kind_ == Kind::local) rest_.append('\0');
        const int error = send_rest();
        if (is_temporary(error) && sent_of_rest_ > 0) return 0;
        forget_rest();
        return error;
    }

    int send_rest() noexcept {
        while (sent_of_rest_ < rest_.size()) {
            const std::string_view left = rest_.view().substr(sent_of_rest_);
            const auto sent = sys::send(fd_.get(), left.data(), left.size(), 0);
            if (!sent) return sent.error;
            sent_of_rest_ += static_cast<std::size_t>(sent.value);
        }
        forget_rest();
        return 0;
    }

    void forget_rest() noexcept {
        rest_.shrink(0);
        sent_of_rest_ = 0;
    }

    /// A peer that is gone would let the next line vanish: the error comes only with the one after it. One that has more
    /// to say than is read here is there.
    int look_for_end() noexcept {
        constexpr int most = 16;
        char answer[1024];
        for (int times = 0; times < most; ++times) {
            const auto got = retry([&] { return sys::recv(fd_.get(), answer, sizeof answer, 0); });
            if (got.error == EAGAIN) return 0;
            if (!got) return got.error;
            if (got.value == 0) return EPIPE;
        }
        return 0;
    }

    static constexpr std::size_t frame_size = longest_line + 8;

    Kind kind_;
    int type_;
    LogAddresses addresses_;
    std::size_t current_ = 0;
    UniqueFd fd_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    bool is_connecting_ = false;
    bool is_proven_ = false;  // this connection has carried a line
    bool can_poll_ = true;
    Nanoseconds connecting_since_ = 0;
    Nanoseconds retry_at_ = 0;
    Nanoseconds delay_ = 0;
    bool has_lost_ = false;
    std::size_t sent_of_rest_ = 0;
    BoundedText<frame_size> rest_;  // a line in its frame that the stream has taken in part
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// ListenFds: the descriptors that a service manager has opened for this process. Floor 5.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <cstdlib>  // std::getenv
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move
#include <vector>

#include <fcntl.h>  // FD_CLOEXEC
#include <sys/socket.h>
#include <sys/stat.h>

namespace daemonkit {

/// What a descriptor leads to, as the kernel tells it.
enum class ListenKind : std::uint8_t {
    stream,             ///< a stream socket that takes connections (ListenStream=)
    datagram,           ///< a datagram socket (ListenDatagram=)
    sequential_packet,  ///< a socket of packets in order that takes connections (ListenSequentialPacket=)
    connection,         ///< one connection of either kind (Accept=yes)
    fifo,               ///< a named pipe (ListenFIFO=)
    special,            ///< a device or a file (ListenSpecial=, OpenFile=, a memfd from the store)
    other,              ///< anything else
};

/// The name of a kind, as it stands in messages.
constexpr const char* to_string(ListenKind kind) noexcept {
    switch (kind) {
        case ListenKind::stream: return "a listening stream socket";
        case ListenKind::datagram: return "a datagram socket";
        case ListenKind::sequential_packet: return "a listening socket of packets";
        case ListenKind::connection: return "a connection";
        case ListenKind::fifo: return "a named pipe";
        case ListenKind::special: return "a device or a file";
        case ListenKind::other: break;
    }
    return "something else";
}

/// One descriptor that was handed over, and its owner.
class ListenFd {
public:
    /// Owns the descriptor. `ListenFds` makes these; a test may.
    ListenFd(detail::UniqueFd fd, ListenKind kind, std::string name) noexcept
        : fd_(std::move(fd)), kind_(kind), name_(std::move(name)) {}

    /// FileDescriptorName= of the unit, or the name given to the store; empty where there is none.
    const std::string& name() const noexcept { return name_; }

    /// What it leads to.
    ListenKind kind() const noexcept { return kind_; }

    /// The descriptor, close-on-exec, blocking or not as the manager has made it (NonBlocking=); borrowed.
    int native_handle() const noexcept { return fd_.get(); }

    /// Gives the descriptor up: it is the caller's to close.
    [[nodiscard]] int release() noexcept { return fd_.release(); }

private:
    detail::UniqueFd fd_;
    ListenKind kind_;
    std::string name_;
};

/// Takes over what a service manager has opened for this process: listening sockets, pipes, files of the store.
///
/// Made after the DaemonContext, which spares what is handed over and, when it forks, passes it on to the daemon. Made
/// before the context it works as well (not with OtherThreads::start_again), but then it has taken a fact by which
/// Detach::automatic would stay in the foreground, and CloseInherited::all closes what `keep_open` does not list. Its
/// descriptors are close-on-exec: no helper gets them.
///
/// <!-- region: examples/socket_activated_echo.cpp take -->
///
///     /// The socket of the service manager, or one of our own.
///     Socket listener(std::uint16_t port) {
///         daemonkit::ListenFds handed_over;
///         auto socket = handed_over.take(daemonkit::ListenKind::stream);
///         return socket ? Socket(socket->release()) : bind_to(port);
///     }
///
/// The variables are gone after it: a second one is empty, and what this process starts does not take itself for the
/// service. Without variables for this process it is empty: the program binds for itself.
///
/// Process:  the daemon.
/// Errors:   Step::take_descriptors (EBADF: a descriptor that was promised is not open; EINVAL: a variable that does
///           not make sense).
/// Undo:     the destructor closes what nobody took.
/// Threads:  made before the first thread, because it changes the environment; else one at a time.
/// Source:   sd_listen_fds(3), systemd.socket(5).
class ListenFds {
public:
    ListenFds() {
        const bool is_for_us = detail::names_this_process("LISTEN_PID");
        const auto told = value_of("LISTEN_FDS");
        const auto count = detail::handed_over_count();
        const auto names = value_of("LISTEN_FDNAMES");
        for (const char* const variable :
             {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
            detail::check(detail::sys::unsetenv(variable), Step::take_descriptors, variable);
        }
        if (!is_for_us || !told) return;
        if (!count) {
            throw Error(Step::take_descriptors, "LISTEN_FDS", EINVAL,
                        '"' + *told + "\" is not a number of descriptors");
        }
        std::string_view left = names ? std::string_view(*names) : std::string_view();
        for (int i = 0; i < *count; ++i) {
            const std::size_t end = left.find(':');
            const bool is_last = i + 1 == *count;
            if (names && is_last != (end == std::string_view::npos)) {
                throw Error(Step::take_descriptors, "LISTEN_FDNAMES", EINVAL,
                            "there are not as many names as descriptors");
            }
            take_over(detail::first_handed_over + i, left.substr(0, end));
            left.remove_prefix(is_last || !names ? left.size() : end + 1);
        }
    }

    /// How many are left.
    std::size_t size() const noexcept { return all_.size(); }

    /// True when nothing was handed over, or all of it was taken.
    bool is_empty() const noexcept { return all_.empty(); }

    /// Those that are left, in the order of the unit.
    const std::vector<ListenFd>& all() const noexcept { return all_; }

    /// The first one of that kind, which is the caller's from now on; nothing when none is left.
    std::optional<ListenFd> take(ListenKind kind) {
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (all_[i].kind() == kind) return remove(i);
        return {};
    }

    /// The first one of that name, which is the caller's from now on; nothing when none is left.
    ///
    /// Errors:   Step::take_descriptors (ENOTSOCK: it is of another kind, so the unit does not fit the program; it
    ///           is left here).
    std::optional<ListenFd> take(std::string_view name, ListenKind kind) {
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (all_[i].name() != name) continue;
            if (all_[i].kind() == kind) return remove(i);
            throw Error(
                Step::take_descriptors, std::string(name), ENOTSOCK,
                std::string("it is ") + to_string(all_[i].kind()) + ", not " + to_string(kind));
        }
        return {};
    }

private:
    std::optional<ListenFd> remove(std::size_t index) {
        std::optional<ListenFd> taken(std::move(all_[index]));
        all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(index));
        return taken;
    }

    static std::optional<std::string> value_of(const char* variable) {
        const char* const text = std::getenv(variable);
        return text == nullptr ? std::optional<std::string>() : text;
    }

    void take_over(int number, std::string_view name) {
        const auto subject = [&] { return "descriptor " + std::to_string(number); };
        const auto flags = detail::sys::fcntl_getfd(number);
        if (!flags) {
            throw Error(Step::take_descriptors, subject(), flags.error,
                        "LISTEN_FDS tells of it, and it is not open");
        }
        // Nothing that is close-on-exec comes through an exec: it was not open, and got the number since. It may be the
        // lock of the pid file.
        if ((flags.value & FD_CLOEXEC) != 0) {
            throw Error(Step::take_descriptors, subject(), EBADF,
                        "LISTEN_FDS tells of it, and this program has opened it");
        }
        detail::UniqueFd fd(number);
        detail::check(detail::sys::fcntl_setfd(number, FD_CLOEXEC), Step::take_descriptors,
                      subject());
        struct ::stat status {};
        detail::check(detail::sys::fstat(number, &status), Step::take_descriptors, subject());
        const ListenKind kind =
            S_ISSOCK(status.st_mode) ? kind_of_socket(number) : kind_of_file(status.st_mode);
        all_.emplace_back(std::move(fd), kind, std::string(name));
    }

    static ListenKind kind_of_file(mode_t mode) noexcept {
        if (S_ISFIFO(mode)) return ListenKind::fifo;
        return S_ISCHR(mode) || S_ISREG(mode) ? ListenKind::special : ListenKind::other;
    }

    static ListenKind kind_of_socket(int number) noexcept {
        const int type = socket_option(number, SO_TYPE);
        if (type == SOCK_DGRAM) return ListenKind::datagram;
        if (type != SOCK_STREAM && type != SOCK_SEQPACKET) return ListenKind::other;
        if (socket_option(number, SO_ACCEPTCONN) == 0) return ListenKind::connection;
        return type == SOCK_STREAM ? ListenKind::stream : ListenKind::sequential_packet;
    }

    /// 0 where the kernel does not tell.
    static int socket_option(int number, int option) noexcept {
        int value = 0;
        socklen_t size = sizeof value;
        static_cast<void>(detail::sys::getsockopt(number, SOL_SOCKET, option, &value, &size));
        return value;
    }

    std::vector<ListenFd> all_;
};

}  // namespace daemonkit

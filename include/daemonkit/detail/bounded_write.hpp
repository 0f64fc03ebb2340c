// SPDX-License-Identifier: MIT
#pragma once
// write_before: to a descriptor of somebody else's, without waiting for ever and without SIGPIPE. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/detail/write_signals_guard.hpp>

#include <cerrno>
#include <climits>  // PIPE_BUF, INT_MAX
#include <cstddef>  // std::size_t
#include <string_view>

#include <fcntl.h>  // O_*
#include <poll.h>
#include <sys/socket.h>  // MSG_DONTWAIT

namespace daemonkit::detail {

/// The time left until then as poll(2) takes it, rounded up.
inline int milliseconds_until(Nanoseconds then) noexcept {
    constexpr Nanoseconds each = 1'000'000;
    const Nanoseconds left = then - monotonic_now();
    if (left <= 0) return 0;
    return left / each < INT_MAX - 1 ? static_cast<int>((left + each - 1) / each) : INT_MAX;
}

/// The terminal as an open file of our own, which never waits; not open where it is none, or cannot be opened again.
///
/// A terminal that is writable takes what it has room for, and then a write(2) waits for room for the rest.
inline UniqueFd terminal_nonblocking(int fd) noexcept {
    if (!sys::isatty(fd)) return {};
    BoundedText<40> path;
    path.append("/proc/self/fd/");
    path.append_number(static_cast<unsigned>(fd));
    path.append('\0');
    constexpr int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    return UniqueFd(retry([&] { return sys::open(path.view().data(), flags); }).value);
}

/// How many of the bytes were written by then.
///
/// O_NONBLOCK is no way: it belongs to the open file, which others share. A socket is written to with MSG_DONTWAIT;
/// a pipe takes PIPE_BUF bytes without waiting when poll(2) calls it writable; a terminal is opened again. A reader that
/// is gone ends it.
inline std::size_t write_before(int fd, std::string_view bytes, Nanoseconds then) noexcept {
    const WriteSignalsGuard no_signal;
    std::size_t done = 0;
    bool is_socket = true;
    UniqueFd terminal;
    bool is_over = false;  // one more time it is asked then, and no more
    while (done < bytes.size()) {
        const char* const rest = bytes.data() + done;
        const std::size_t left = bytes.size() - done;
        if (is_socket) {
            const auto sent = retry([&] { return sys::send(fd, rest, left, MSG_DONTWAIT); });
            if (sent) {
                done += static_cast<std::size_t>(sent.value);
                continue;
            }
            is_socket = sent.error != ENOTSOCK;
            if (is_socket && (sent.error != EAGAIN || is_over)) return done;
            if (!is_socket) terminal = terminal_nonblocking(fd);
        }
        const int to = terminal.is_open() ? terminal.get() : fd;
        const int wait = milliseconds_until(then);
        is_over = wait == 0;
        ::pollfd set{to, POLLOUT, 0};
        const auto ready = sys::poll(&set, 1, wait);
        if (ready.error == EINTR && monotonic_now() < then) continue;
        const bool is_writable = (set.revents & (POLLOUT | POLLERR | POLLNVAL)) == POLLOUT;
        if (!ready || !is_writable) return done;
        if (is_socket) continue;
        const std::size_t at_once = left < PIPE_BUF ? left : std::size_t{PIPE_BUF};
        const auto written = retry([&] { return sys::write(to, rest, at_once); });
        if (!written && (written.error != EAGAIN || is_over)) return done;
        if (written)
            done += static_cast<std::size_t>(written.value);
        else
            static_cast<void>(sys::poll(nullptr, 0, 1));  // less room than it seemed
    }
    return done;
}

}  // namespace daemonkit::detail

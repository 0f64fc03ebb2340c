// SPDX-License-Identifier: MIT
#pragma once
// LogPatience: how long messages wait for a log that is full. Floor 4.

#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/log_socket.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <poll.h>

namespace daemonkit::detail {

/// The bound of all messages together.
///
/// Its clock begins with the first message that finds the log full, and stops when one is taken again.
class LogPatience {
public:
    explicit LogPatience(Nanoseconds bound) noexcept : bound_(bound) {}

    /// There is room, as far as is known. With the mutex held.
    void stop_clock() noexcept { full_until_ = 0; }

    /// Calls `attempt` with this process's pid until the log is not full, or the time is over; returns what the last one
    /// has come to. The mutex is held for the attempts alone: who waits has let go of it.
    ///
    /// Always inlined: as a call it, and what it calls, is a ninth of the instructions of a line.
    template <class Attempt>
    [[gnu::always_inline]] LogSocket::Sent wait_for_room(ProcessMutex& mutex,
                                                         const LogSocket& socket,
                                                         Attempt attempt) noexcept {
        for (Nanoseconds give_up_at = 0;;) {
            int fd = -1;
            {
                const ProcessLock lock(mutex);
                const auto sent = attempt(lock.pid());
                if (sent != LogSocket::Sent::full || is_time_up(give_up_at)) return sent;
                fd = socket.wait_fd();
            }
            wait(fd, give_up_at);
        }
    }

private:
    /// True when nobody is to wait any longer; otherwise `give_up_at` is when that will be.
    bool is_time_up(Nanoseconds& give_up_at) noexcept {
        if (full_until_ == 0) full_until_ = monotonic_after(bound_);
        if (give_up_at == 0) give_up_at = full_until_;
        return monotonic_now() >= give_up_at;
    }

    static void wait(int fd, Nanoseconds give_up_at) noexcept {
        const int left = milliseconds_until(give_up_at);
        ::pollfd set{fd, POLLOUT, 0};
        static_cast<void>(sys::poll(&set, 1, fd >= 0 || left == 0 ? left : 1));
    }

    const Nanoseconds bound_;
    Nanoseconds full_until_ = 0;  // 0: there is room, as far as is known
};

}  // namespace daemonkit::detail

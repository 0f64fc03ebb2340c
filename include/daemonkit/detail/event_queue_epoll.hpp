// SPDX-License-Identifier: MIT
#pragma once
// EventQueue by epoll and a timer descriptor. Floor 3 behind event_queue.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/interest.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string_view>

#include <sys/epoll.h>

namespace daemonkit::detail::event_queue_epoll {

/// Waits for many descriptors at once. Each has a key, by which the events name it; key 0 is the timer's.
///
/// Process:  a forked child shares the queue: it must neither add nor remove anything, only close its copy.
class EventQueue {
public:
    /// Errors:   the step given, with the subject given.
    EventQueue(Step step, std::string_view subject) {
        queue_.reset(check(sys::epoll_create(), step, subject));
        check(above_standard(queue_), step, subject);
        timer_.reset(check(sys::timerfd_create(), step, subject));
        check(above_standard(timer_), step, subject);
        check(add(timer_.get(), timer_key, Interest::reading), step, subject);
    }

    int native_handle() const noexcept { return queue_.get(); }
    std::array<int, 2> descriptors() const noexcept { return {queue_.get(), timer_.get()}; }

    Result<int> add(int fd, std::uint64_t key, Interest interest) noexcept {
        ::epoll_event event = event_of(key, interest);
        return sys::epoll_ctl(queue_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    Result<int> change(int fd, std::uint64_t key, Interest /*before*/, Interest now) noexcept {
        ::epoll_event event = event_of(key, now);
        return sys::epoll_ctl(queue_.get(), EPOLL_CTL_MOD, fd, &event);
    }
    /// Before the descriptor is closed: a copy of it in a forked child would keep it in the queue.
    void remove(int fd, Interest /*before*/) noexcept {
        ::epoll_event none{};
        static_cast<void>(sys::epoll_ctl(queue_.get(), EPOLL_CTL_DEL, fd, &none));
    }

    /// The queue is readable from then on; `forever` is never.
    Result<int> wake_at(Nanoseconds when) noexcept {
        constexpr Nanoseconds earliest = 1;  // zero would be never
        const Nanoseconds then = when > earliest ? when : earliest;
        return sys::timerfd_settime(timer_.get(),
                                    when == forever ? ::timespec{} : timespec_of(then));
    }

    /// Puts the keys of what has something to do into `keys`, without waiting; the timer's is not among them.
    template <std::size_t most>
    Result<std::size_t> take(std::uint64_t (&keys)[most]) noexcept {
        ::epoll_event events[most];
        const auto taken =
            retry([&] { return sys::epoll_wait(queue_.get(), events, static_cast<int>(most), 0); });
        if (!taken) return {0, taken.error};
        std::size_t count = 0;
        for (int at = 0; at < taken.value; ++at) {
            if (events[at].data.u64 != timer_key)
                keys[count++] = events[at].data.u64;
            else
                silence_timer();
        }
        return {count, 0};
    }

private:
    static constexpr std::uint64_t timer_key = 0;

    static ::epoll_event event_of(std::uint64_t key, Interest interest) noexcept {
        ::epoll_event event{};
        if (interest == Interest::reading) event.events = EPOLLIN;
        if (interest == Interest::writing) event.events = EPOLLOUT;
        event.data.u64 = key;
        return event;
    }

    void silence_timer() noexcept {
        std::uint64_t times = 0;
        static_cast<void>(sys::read(timer_.get(), &times, sizeof times));
    }

    UniqueFd queue_;
    UniqueFd timer_;
};

}  // namespace daemonkit::detail::event_queue_epoll

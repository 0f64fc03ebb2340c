// SPDX-License-Identifier: MIT
#pragma once
// EventQueue by kqueue. Floor 3 behind event_queue. Untested here, and empty where there is no kqueue: every header
// compiles alone.

#if __has_include(<sys/event.h>)

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/interest.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <array>
#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string_view>

#include <sys/event.h>
#include <time.h>  // timespec

namespace daemonkit::detail::event_queue_kqueue {

/// Waits for many descriptors at once. Each has a key, by which the events name it; key 0 is the timer's.
///
/// Process:  a forked child has no queue.
class EventQueue {
public:
    /// Errors:   the step given, with the subject given.
    EventQueue(Step step, std::string_view subject) {
        queue_.reset(check(sys::kqueue(), step, subject));
        check(above_standard(queue_), step, subject);
    }

    int native_handle() const noexcept { return queue_.get(); }
    std::array<int, 1> descriptors() const noexcept { return {queue_.get()}; }

    Result<int> add(int fd, std::uint64_t key, Interest interest) noexcept {
        return apply(fd, key, interest, EV_ADD);
    }
    Result<int> change(int fd, std::uint64_t key, Interest before, Interest now) noexcept {
        if (before == now) return {};
        static_cast<void>(apply(fd, key, before, EV_DELETE));
        return apply(fd, key, now, EV_ADD);
    }
    void remove(int fd, Interest before) noexcept {
        static_cast<void>(apply(fd, 0, before, EV_DELETE));
    }

    /// The queue is readable from then on; `forever` is never.
    Result<int> wake_at(Nanoseconds when) noexcept {
        constexpr Nanoseconds each = 1'000'000;  // milliseconds, which every kqueue has
        struct ::kevent change {};
        const Nanoseconds left = when - monotonic_now();
        const std::int64_t wait = left <= 0 ? 1 : left / each + 1;
        EV_SET(&change, 0, EVFILT_TIMER, when == forever ? EV_DELETE : EV_ADD | EV_ONESHOT, 0, wait,
               nullptr);
        const auto changed = sys::kevent(native_handle(), &change, 1, nullptr, 0, nullptr);
        return changed.error == ENOENT ? Result<int>{} : changed;
    }

    /// Puts the keys of what has something to do into `keys`, without waiting; the timer's is not among them.
    template <std::size_t most>
    Result<std::size_t> take(std::uint64_t (&keys)[most]) noexcept {
        struct ::kevent events[most];
        const struct ::timespec at_once {};
        const auto taken = retry([&] {
            return sys::kevent(native_handle(), nullptr, 0, events, static_cast<int>(most),
                               &at_once);
        });
        if (!taken) return {0, taken.error};
        std::size_t count = 0;
        for (int at = 0; at < taken.value; ++at)
            if (events[at].filter != EVFILT_TIMER)
                keys[count++] = reinterpret_cast<std::uintptr_t>(events[at].udata);
        return {count, 0};
    }

private:
    /// There is no filter for the end alone: a client that goes while it is to be answered later is noticed then.
    Result<int> apply(int fd, std::uint64_t key, Interest interest, int operation) noexcept {
        if (interest == Interest::end) return {};
        struct ::kevent change {};
        EV_SET(&change, static_cast<std::uintptr_t>(fd),
               interest == Interest::reading ? EVFILT_READ : EVFILT_WRITE, operation, 0, 0,
               reinterpret_cast<void*>(static_cast<std::uintptr_t>(key)));
        return sys::kevent(native_handle(), &change, 1, nullptr, 0, nullptr);
    }

    UniqueFd queue_;
};

}  // namespace daemonkit::detail::event_queue_kqueue

#endif

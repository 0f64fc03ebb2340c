// SPDX-License-Identifier: MIT
#pragma once
// close_inherited: descriptors the daemon must not take along. Floor 3.
//
// The cost grows with the descriptors that are open, never with RLIMIT_NOFILE. No step of it can fail: where one
// means is refused (close_range by an old kernel or a filter, /proc not there), the next one does the same.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <vector>

#include <poll.h>
#include <sys/resource.h>  // RLIMIT_NOFILE

namespace daemonkit::detail {

/// The first descriptor that is not a standard stream: nothing below it is ever closed here.
inline constexpr int first_inherited_fd = 3;

/// Without /proc nothing tells how high descriptors go; those below this one are looked at.
///
/// Not RLIMIT_NOFILE: whoever lowers the limit keeps the descriptors above it.
inline constexpr int guessed_descriptor_slots = 65'536;

/// Closes the open descriptors from `first` up to `end`, listed in order; between them no other is open.
inline void close_run(const int* first, const int* end) noexcept {
    if (first == end) return;
    if (sys::close_range(static_cast<unsigned>(*first), static_cast<unsigned>(end[-1]), 0)) return;
    for (; first != end; ++first) static_cast<void>(sys::close(*first));
}

/// How many descriptors one poll(2) may be asked for: it refuses more than the descriptor limit.
inline int poll_batch(int most) noexcept {
    struct ::rlimit limit {};
    if (!sys::getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > static_cast<rlim_t>(most)) {
        return most;
    }
    return limit.rlim_cur > 0 ? static_cast<int>(limit.rlim_cur) : 1;
}

/// The descriptors from 3 up to `slots` that are open, in order.
inline std::vector<int> open_descriptors(int slots) {
    constexpr int most = 256;
    const int batch = poll_batch(most);
    std::vector<int> open;
    ::pollfd set[most];
    for (int first = first_inherited_fd; first < slots; first += batch) {
        const int count = slots - first < batch ? slots - first : batch;
        for (int i = 0; i < count; ++i) set[i] = {first + i, 0, 0};
        // One poll asks for a whole batch: POLLNVAL means "not open". Where it is refused, each descriptor is asked
        // by itself.
        const bool polled = sys::poll(set, static_cast<std::size_t>(count), 0).error == 0;
        for (int i = 0; i < count; ++i) {
            const bool is_open =
                polled ? (set[i].revents & POLLNVAL) == 0 : sys::fcntl_getfd(first + i).error == 0;
            if (is_open) open.push_back(first + i);
        }
    }
    return open;
}

/// Closes what `spare(fd)` does not spare; `slots` is the number above every open descriptor, 0 if unknown.
///
/// With an unknown number, descriptors above 65535 are closed without asking `spare`.
template <class Spare>
void close_inherited(int slots, Spare spare) {
    const bool is_guess = slots == 0;
    if (is_guess) slots = guessed_descriptor_slots;
    const std::vector<int> open = open_descriptors(slots);
    const int* run = open.data();
    const int* const end = run + open.size();
    for (const int* fd = run; fd != end; ++fd) {
        if (!spare(*fd)) continue;
        close_run(run, fd);
        run = fd + 1;
    }
    close_run(run, end);
    if (is_guess) {
        static_cast<void>(sys::close_range(static_cast<unsigned>(slots), ~0U, 0));
    }
}

}  // namespace daemonkit::detail

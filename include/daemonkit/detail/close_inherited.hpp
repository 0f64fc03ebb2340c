// SPDX-License-Identifier: MIT
#pragma once
// close_inherited: descriptors the daemon must not take along. Floor 3.
//
// The cost grows with the descriptors that are open, never with RLIMIT_NOFILE. No step of it can fail: where one
// means is refused (close_range by an old kernel or a filter, /proc not there), the next one does the same.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <algorithm>  // std::min, std::max, std::lower_bound
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

/// Closes `first` to `last`, both included; open descriptors among them are listed in `open`, in order.
inline void close_run(int first, int last, const std::vector<int>& open) noexcept {
    if (sys::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0)) return;
    auto fd = std::lower_bound(open.begin(), open.end(), first);
    for (; fd != open.end() && *fd <= last; ++fd) static_cast<void>(sys::close(*fd));
}

/// How many descriptors one poll(2) may be asked for: it refuses more than the descriptor limit.
inline int poll_batch(int most) noexcept {
    struct ::rlimit limit {};
    if (!sys::getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > static_cast<rlim_t>(most)) {
        return most;
    }
    return std::max(1, static_cast<int>(limit.rlim_cur));
}

/// The descriptors from 3 up to `slots` that are open, in order.
inline std::vector<int> open_descriptors(int slots) {
    constexpr int most = 256;
    const int batch = poll_batch(most);
    std::vector<int> open;
    ::pollfd set[most];
    for (int first = first_inherited_fd; first < slots; first += batch) {
        const int count = std::min(batch, slots - first);
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
    int run_first = first_inherited_fd;
    int run_last = -1;
    for (const int fd : open) {
        if (!spare(fd)) {
            run_last = fd;
            continue;
        }
        if (run_last >= run_first) close_run(run_first, run_last, open);
        run_first = fd + 1;
    }
    if (run_last >= run_first) close_run(run_first, run_last, open);
    if (is_guess) {
        static_cast<void>(sys::close_range(static_cast<unsigned>(slots), ~0U, 0));
    }
}

}  // namespace daemonkit::detail

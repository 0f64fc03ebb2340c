// SPDX-License-Identifier: MIT
#pragma once
// close_inherited: descriptors the daemon must not take along. Floor 3.
//
// The cost grows with the descriptors that are open, never with RLIMIT_NOFILE. No step of it can fail: where one
// means is refused (close_range by an old kernel or a filter, /proc not there), the next one does the same.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <optional>
#include <utility>  // std::move
#include <vector>

#include <poll.h>
#include <sys/stat.h>

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

/// Descriptors that are open, as far as poll(2) tells: it does not see those of O_PATH.
struct PolledDescriptors {
    std::size_t count = 0;       ///< of all, the standard streams among them
    std::vector<int> inherited;  ///< those from 3 on, in order
};

/// Asks for a whole batch by one call; nothing where it is refused, as it is above the descriptor limit.
inline std::optional<PolledDescriptors> poll_descriptors(int slots) {
    constexpr int batch = 256;
    PolledDescriptors open;
    ::pollfd set[batch];
    for (int first = 0; first < slots; first += batch) {
        const int count = slots - first < batch ? slots - first : batch;
        for (int i = 0; i < count; ++i) set[i] = {first + i, 0, 0};
        if (!sys::poll(set, static_cast<std::size_t>(count), 0)) return {};
        for (int i = 0; i < count; ++i) {
            if ((set[i].revents & POLLNVAL) != 0) continue;
            ++open.count;
            if (first + i >= first_inherited_fd) open.inherited.push_back(first + i);
        }
    }
    return open;
}

/// True when the kernel says that no more than these are open (since Linux 6.2).
///
/// Source:   proc_pid_fd(5).
inline bool are_all(std::size_t count) noexcept {
    struct ::stat folder {};
    return sys::stat("/proc/self/fd", &folder) && static_cast<std::size_t>(folder.st_size) == count;
}

/// The descriptors from 3 up to `slots` that are open, in order.
inline std::vector<int> open_descriptors(int slots) {
    auto polled = poll_descriptors(slots);
    if (polled && are_all(polled->count)) return std::move(polled->inherited);
    std::vector<int> open;
    for (int fd = first_inherited_fd; fd < slots; ++fd) {
        if (sys::fcntl_getfd(fd).error != EBADF) open.push_back(fd);
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

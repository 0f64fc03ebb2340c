// SPDX-License-Identifier: MIT
#pragma once
// close_inherited: descriptors the daemon must not take along. Floor 3.
//
// The cost grows with the descriptors that are open, never with RLIMIT_NOFILE. No step of it can fail: where one
// means is refused (close_range by an old kernel or a filter, /proc not there), the next one does the same.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t, std::ptrdiff_t
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

/// Closes the descriptors from `first` to `last`, none of which is to stay.
inline void close_run(int first, int last) noexcept {
    if (first > last) return;
    if (sys::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0)) return;
    for (int fd = first; fd <= last; ++fd) static_cast<void>(sys::close(fd));
}

/// How many descriptors are open, as the kernel says since Linux 6.2; 0 where it does not.
///
/// Source:   proc_pid_fd(5).
inline std::size_t count_descriptors() noexcept {
    struct ::stat folder {};
    if (!sys::stat("/proc/self/fd", &folder)) return 0;
    return static_cast<std::size_t>(folder.st_size);
}

/// Adds the descriptors from 3 on, a batch by each call of poll(2); true when the `count` that are open have been seen.
///
/// poll does not see those of O_PATH, and is refused above the descriptor limit.
inline bool poll_descriptors(int slots, std::size_t count, std::vector<int>& open) {
    constexpr int batch = 256;
    ::pollfd set[batch];
    std::size_t seen = 0;
    for (int first = 0; seen < count && first < slots; first += batch) {
        const int size = slots - first < batch ? slots - first : batch;
        for (int i = 0; i < size; ++i) set[i] = {first + i, 0, 0};
        if (!sys::poll(set, static_cast<std::size_t>(size), 0)) return false;
        for (int i = 0; i < size; ++i) {
            if ((set[i].revents & POLLNVAL) != 0) continue;
            ++seen;
            if (first + i >= first_inherited_fd) open.push_back(first + i);
        }
    }
    return seen == count;
}

/// The descriptors from 3 up to `slots` that are open, in order.
inline std::vector<int> open_descriptors(int slots) {
    std::vector<int> open;
    const std::size_t count = count_descriptors();
    open.reserve(count < static_cast<std::size_t>(slots) ? count : 0);
    if (count != 0 && poll_descriptors(slots, count, open)) return open;
    open.clear();
    for (int fd = first_inherited_fd; fd < slots; ++fd) {
        if (sys::fcntl_getfd(fd).error != EBADF) open.push_back(fd);
    }
    return open;
}

/// The descriptors from 3 on that are open at a moment, and may be closed at a later one.
///
/// They are listed in the launcher: there the kernel knows the process by its name in /proc already, and what the list
/// needs is not memory that a new process has to copy first.
class InheritedDescriptors {
public:
    /// None.
    InheritedDescriptors() noexcept = default;

    /// Those that are open now; `slots` is the number above every open descriptor, 0 if unknown.
    explicit InheritedDescriptors(int slots)
        : fds_(open_descriptors(slots != 0 ? slots : guessed_descriptor_slots)),
          is_guess_(slots == 0) {}

    /// Those that are closed by now are none any more: what is opened from here on may get their numbers.
    void forget_closed() noexcept {
        std::size_t count = 0;
        for (const int fd : fds_)
            if (sys::fcntl_getfd(fd).error != EBADF) fds_[count++] = fd;
        fds_.erase(fds_.begin() + static_cast<std::ptrdiff_t>(count), fds_.end());
    }

    /// Closes what `spare(fd)` does not spare, and nothing that got a number since that was free then.
    ///
    /// With an unknown number of slots, descriptors above 65535 are closed without asking `spare`.
    template <class Spare>
    void close(Spare spare) const noexcept {
        int first = 0;
        int last = -1;
        for (const int fd : fds_) {
            if (spare(fd)) continue;
            if (fd != last + 1) {
                close_run(first, last);
                first = fd;
            }
            last = fd;
        }
        close_run(first, last);
        if (is_guess_) {
            constexpr unsigned above = guessed_descriptor_slots;
            static_cast<void>(sys::close_range(above, ~0U, 0));
        }
    }

private:
    std::vector<int> fds_;  // in order
    bool is_guess_ = false;
};

}  // namespace daemonkit::detail

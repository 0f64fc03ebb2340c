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

/// Closes the descriptors from `first` to `last`, none of which is to stay.
inline void close_run(int first, int last) noexcept {
    if (first > last) return;
    if (sys::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0)) return;
    for (int fd = first; fd <= last; ++fd) static_cast<void>(sys::close(fd));
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

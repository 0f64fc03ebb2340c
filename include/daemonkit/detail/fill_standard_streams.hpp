// SPDX-License-Identifier: MIT
#pragma once
// FilledStreams: the descriptors 0–2 are open before anything else is opened. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <poll.h>

namespace daemonkit::detail {

/// Opens the null device for each of 0–2 that is closed.
///
/// Otherwise the next open(2) hands such a number out, and a lock or a socket becomes standard output.
///
/// Errors:   Step::fill_standard_streams.
/// Undo:     the destructor closes what was opened; `release` leaves it open.
class FilledStreams {
public:
    /// Asks the kernel, unless `status` knows already that all three are open.
    explicit FilledStreams(const std::optional<ProcStatus>& status = {}) {
        if (status && status->streams_are_open) return;
        ::pollfd streams[3] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
        const bool polled = !!sys::poll(streams, 3, 0);
        for (int fd = 0; fd <= 2; ++fd) {
            // One poll tells of all three. It is refused below a descriptor limit of 3.
            const bool is_open = polled ? (streams[fd].revents & POLLNVAL) == 0
                                        : sys::fcntl_getfd(fd).error != EBADF;
            if (is_open) continue;
            // The lowest free number is handed out: this one, as those below are open by now.
            const auto opened = retry([] { return sys::open("/dev/null", O_RDWR | O_NOCTTY); });
            if (!opened) {
                close_opened();
                throw Error(Step::fill_standard_streams, "/dev/null", opened.error);
            }
            // Another thread may have been handed it in the meantime; then it is open, and not ours to close.
            if (opened.value != fd) static_cast<void>(sys::close(opened.value));
            opened_[fd] = opened.value == fd;
        }
    }
    ~FilledStreams() { close_opened(); }
    FilledStreams(const FilledStreams&) = delete;
    FilledStreams& operator=(const FilledStreams&) = delete;

    /// Leaves the descriptors open for good.
    void release() noexcept { opened_[0] = opened_[1] = opened_[2] = false; }

private:
    void close_opened() noexcept {
        const ErrnoGuard keep_errno;
        for (int fd = 0; fd <= 2; ++fd) {
            if (opened_[fd]) static_cast<void>(sys::close(fd));
        }
        release();
    }

    bool opened_[3] = {};
};

}  // namespace daemonkit::detail

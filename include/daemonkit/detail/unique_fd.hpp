// SPDX-License-Identifier: MIT
#pragma once
// UniqueFd: the one owner of a file descriptor. Floor 2.

#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <utility>  // std::exchange

namespace daemonkit::detail {

/// Owns one file descriptor and closes it.
///
/// Also known as unique_fd, ScopedFd. A plain int is the borrowed form: it never closes.
///
/// Undo:     the destructor closes; `release` gives the descriptor up.
/// Source:   close(2): the descriptor is gone even after EINTR, so it is never closed twice.
class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    ~UniqueFd() { reset(); }
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    /// The descriptor, or -1 when there is none.
    int get() const noexcept { return fd_; }

    /// True when a descriptor is owned.
    bool is_open() const noexcept { return fd_ >= 0; }
    bool operator!() const = delete;  // `!fd` reads like a test for -1 and is not one

    /// Closes what is owned and owns `fd` in its place; errno is kept.
    void reset(int fd = -1) noexcept {
        const ErrnoGuard keep_errno;
        const int old = std::exchange(fd_, fd);
        if (old >= 0) static_cast<void>(sys::close(old));
    }

    /// Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

}  // namespace daemonkit::detail

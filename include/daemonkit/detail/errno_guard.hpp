// SPDX-License-Identifier: MIT
#pragma once
// ErrnoGuard: what a destructor or a signal handler does leaves no trace in errno. Floor 0.

#include <cerrno>

namespace daemonkit::detail {

/// errno has the same value after the scope as before it.
class ErrnoGuard {
public:
    ErrnoGuard() noexcept : saved_(errno) {}
    ~ErrnoGuard() { errno = saved_; }
    ErrnoGuard(const ErrnoGuard&) = delete;
    ErrnoGuard& operator=(const ErrnoGuard&) = delete;

private:
    int saved_;
};

}  // namespace daemonkit::detail

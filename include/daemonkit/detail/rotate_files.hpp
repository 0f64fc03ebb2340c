// SPDX-License-Identifier: MIT
#pragma once
// rotate_files: FILE becomes FILE.1, FILE.1 becomes FILE.2, and so on. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <string>

#include <sys/file.h>  // LOCK_EX
#include <sys/stat.h>

namespace daemonkit::detail {

/// Keeps others from rotating the same file for the length of a scope.
///
/// A forked process shares an open file, and a lock on it, with the one it came from: so the descriptor has to be one
/// that was opened for this lock.
///
/// Undo:     the destructor unlocks, in so many words: a process forked meanwhile has a copy of the descriptor, and
///           closing this one alone would leave the lock.
class RotationLock {
public:
    /// Tries for so many milliseconds.
    RotationLock(int fd, int patience_ms) noexcept : fd_(fd) {
        for (int waited = 0;; ++waited) {
            const auto locked = retry([&] { return sys::flock(fd, LOCK_EX | LOCK_NB); });
            error_ = locked.error;
            if (error_ != EWOULDBLOCK || waited >= patience_ms) return;
            static_cast<void>(sys::poll(nullptr, 0, 1));
        }
    }
    ~RotationLock() {
        if (error_ == 0) static_cast<void>(sys::flock(fd_, LOCK_UN));
    }
    RotationLock(const RotationLock&) = delete;
    RotationLock& operator=(const RotationLock&) = delete;

    /// 0 when the lock is held, EWOULDBLOCK when another process holds it.
    int error() const noexcept { return error_; }

private:
    int fd_;
    int error_ = 0;
};

/// PATH is PATH.1 now, what was that is PATH.2, and so on; what was PATH.keep is gone, if there was no gap before it.
///
/// A rename that fails, or a process that is killed between two, leaves a gap: nothing is lost, and the next rotation
/// begins by filling it.
///
/// Errors:   Step::rotate_log_file; PATH is what it was.
inline void rotate_files(const std::string& path, unsigned keep) {
    const auto name = [&](unsigned number) { return path + '.' + std::to_string(number); };
    const auto move = [&](const std::string& from, const std::string& to) {
        const auto moved = retry([&] { return sys::rename(from.c_str(), to.c_str()); });
        if (!moved)
            throw Error(Step::rotate_log_file, path, moved.error, "cannot be renamed to " + to);
    };
    unsigned free = 1;
    struct ::stat status {};
    while (free < keep && sys::lstat(name(free).c_str(), &status).error != ENOENT) ++free;
    for (; free > 1; --free) move(name(free - 1), name(free));
    move(path, name(1));
}

}  // namespace daemonkit::detail

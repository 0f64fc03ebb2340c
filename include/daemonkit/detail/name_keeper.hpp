// SPDX-License-Identifier: MIT
#pragma once
// NameKeeper: a pid file that somebody removes from under a daemon is made again. Floor 6.

#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>

namespace daemonkit::detail {

/// Looks after the file of a lock for a daemon that waits. Without a lock there is nothing to look after: null.
class NameKeeper {
public:
    explicit NameKeeper(PidLock* lock) noexcept : lock_(lock) {}

    /// How long a wait may be until somebody looks again.
    Nanoseconds longest_wait() const noexcept {
        return lock_ != nullptr ? 60'000'000'000 : forever;
    }

    /// Renews a lock that has lost its name, as far as this process may; at most once a second.
    ///
    /// Errors:   Step::lock_pid_file, EWOULDBLOCK: another daemon is up in the place of this one, which has to end.
    void look() {
        constexpr Nanoseconds interval = 1'000'000'000;
        if (lock_ == nullptr || monotonic_now() < next_) return;
        next_ = monotonic_after(interval);
        if (lock_->is_named()) return;
        try {
            lock_->renew();
        } catch (const Error& error) {
            // A start that is under way may still give up; and what is not allowed now may be so later.
            if (error.code().value() != EWOULDBLOCK) return;
            const auto other = PidLock::holder(lock_->path());
            if (other && other->pid) throw;
        }
    }

private:
    PidLock* lock_;
    Nanoseconds next_ = 0;
};

}  // namespace daemonkit::detail

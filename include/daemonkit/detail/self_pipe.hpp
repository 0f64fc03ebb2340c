// SPDX-License-Identifier: MIT
#pragma once
// SelfPipe: a bell that a signal handler rings and poll(2) hears. Floor 4.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/cloexec_pipe.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <atomic>
#include <cerrno>   // EAGAIN, EINTR
#include <utility>  // std::move

#include <fcntl.h>  // O_NONBLOCK

namespace daemonkit::detail {

/// A pipe of this process to itself: readable from the first ring until it is silenced.
///
/// However often it rings, one byte lies in the pipe (one more for each thread that rings while another
/// silences): it is never full, and no ring blocks.
///
/// Process:  a fork shares the pipe. In the child `disown` keeps it from ringing in the parent, and `renew`
///           gives it a pipe of its own.
/// Errors:   the step given, subject "self-pipe".
/// Threads:  `ring` may be called from any thread and from a signal handler.
class SelfPipe {
public:
    explicit SelfPipe(Step step = Step::watch_signals) : step_(step) { renew(); }
    SelfPipe(const SelfPipe&) = delete;
    SelfPipe& operator=(const SelfPipe&) = delete;

    /// The pipe is readable; in a disowned one, the next `renew` makes it so.
    void ring() noexcept {
        if (rung_.exchange(true)) return;
        const int bell = bell_.load();
        if (bell >= 0) static_cast<void>(sys::write(bell, "", 1));
    }

    /// The pipe is not readable until the next ring; or says why it stays so.
    ///
    /// Who silences looks afterwards whether there is cause to ring again: a ring in between may have found
    /// the bell still rung, and left it at that.
    Result<ssize_t> silence() noexcept {
        constexpr ssize_t at_once = 64;
        char bytes[at_once];
        Result<ssize_t> taken;
        do {
            taken = is_own() ? sys::read(read_end(), bytes, sizeof bytes) : Result<ssize_t>{};
        } while (taken.value == at_once);
        rung_.exchange(
            false);  // not a store: it takes note of what the handler wrote before it rang
        return taken.error == EAGAIN || taken.error == EINTR ? Result<ssize_t>{} : taken;
    }

    /// In a forked child: rings reach neither the parent nor, until `renew`, anyone.
    void disown() noexcept {
        bell_.store(-1);
        rung_.store(false);
    }

    /// False between `disown` and `renew`.
    bool is_own() const noexcept { return bell_.load() >= 0; }

    /// Opens a pipe in place of the one there was, both ends above 2, close-on-exec, never blocking.
    void renew() {
        int ends[2];
        check(cloexec_pipe(ends, O_NONBLOCK), step_, "self-pipe");
        UniqueFd read_end(ends[0]);
        UniqueFd write_end(ends[1]);
        check(above_standard(read_end), step_, "self-pipe");
        check(above_standard(write_end), step_, "self-pipe");
        read_end_ = std::move(read_end);
        write_end_ = std::move(write_end);
        bell_.store(write_end_.get());
        if (rung_.exchange(false)) ring();
    }

    int read_end() const noexcept { return read_end_.get(); }
    int write_end() const noexcept { return write_end_.get(); }

private:
    Step step_;
    UniqueFd read_end_;
    UniqueFd write_end_;
    std::atomic<int> bell_{-1};  // the write end, as far as handlers may use it
    std::atomic<bool> rung_{false};
};

}  // namespace daemonkit::detail

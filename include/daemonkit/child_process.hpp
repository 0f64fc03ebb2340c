// SPDX-License-Identifier: MIT
#pragma once
// ChildProcess: a helper program that runs beside this one, and ends with it. Floor 5.

#include <daemonkit/child_options.hpp>
#include <daemonkit/child_result.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/launched_child.hpp>
#include <daemonkit/detail/line_reader.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <exception>
#include <iterator>  // std::size
#include <optional>
#include <string>
#include <utility>  // std::move
#include <variant>
#include <vector>

#include <poll.h>
#include <time.h>  // timespec

namespace daemonkit {

/// Runs a program for as long as this exists.
///
/// The program inherits nothing but what the options say: descriptors 0-2 and no other, an empty signal mask, every
/// disposition the default, no terminal. It is the leader of a session and of a process group of its own; when it is
/// ended, it is that group which is ended: SIGTERM, and after the grace SIGKILL. What the program has left running
/// when it ends by itself is left alone, unless that was asked to end.
///
/// <!-- region: examples/guide/run_helper.cpp beside -->
///
///     daemonkit::ChildProcess helper({"sh", "-c", "echo ready; exec sleep 60"}, {.out = print});
///     while (!signals.wait_for(100ms))  // the daemon's own work
///         if (const auto result = helper.poll()) return print(to_string(*result));
///
/// Lines arrive, and time limits are heeded, in the calls of `wait`, `wait_for` and `poll`, and in none but these.
///
/// Process:  in a process forked from this one, the object does nothing.
/// Errors:   Step::start_child on the program: ENOENT, EACCES and so on, whatever step of the new process failed;
///           there is no process then. Step::open_stream on a stream, Step::validate_options on an option.
///           Later Step::await_child: ECHILD when somebody else has waited for every child.
/// Undo:     the destructor ends the group of a program that runs, and waits for it: no longer than the grace, unless
///           the kernel cannot kill it. Lines that it prints meanwhile are thrown away.
/// Threads:  start children from any; use one object from one thread at a time.
/// Source:   POSIX.1-2017 on process groups; waitid(2), pidfd_open(2).
class ChildProcess {
public:
    /// Starts the program: the first of the command is its name, with a slash a path, otherwise looked for in PATH.
    explicit ChildProcess(const std::vector<std::string>& command, ChildOptions options = {})
        : child_(command, options),
          out_(std::move(child_.out), sink_of(options.out), options.longest_line),
          err_(std::move(child_.err), sink_of(options.err), options.longest_line),
          grace_(options.grace.in_nanoseconds()),
          end_at_(detail::monotonic_after(options.timeout ? options.timeout->in_nanoseconds()
                                                          : detail::forever)),
          end_when_readable_(options.end_when_readable.value_or(-1)) {}

    ~ChildProcess() {
        const detail::ErrnoGuard keep_errno;
        if (result_ || child_.is_lost() || child_.process() != detail::sys::getpid()) return;
        try {
            out_.discard();
            err_.discard();
            stop();
            wait();
        } catch (const std::exception&) {
            // Nobody can be told; child_ ends it in a less friendly way.
        }
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Its number, and that of its process group; another process's once the program has ended.
    pid_t pid() const noexcept { return child_.pid(); }

    /// Waits for the program's end. What a LineSink throws comes out of here; the program goes on.
    ChildResult wait() { return *advance(detail::forever); }

    /// As `wait`, or with nothing when the time is over; takes any std::chrono::duration.
    template <class Duration>
    std::optional<ChildResult> wait_for(const Duration& time) {
        return advance(detail::monotonic_after(detail::nanoseconds_in(time)));
    }

    /// Delivers the lines that are there, heeds the limits, and returns the result if there is one; never waits.
    std::optional<ChildResult> poll() { return advance(0); }

    /// Descriptors of which one is readable when `poll` has something to do, limits apart; ask anew after each `poll`.
    ///
    /// On a system without pidfd_open(2), SIGCHLD is what tells the program's end.
    std::vector<int> native_handles() const {
        std::vector<int> handles;
        for (const int fd : {out_.fd(), err_.fd(), has_ended_ ? -1 : child_.process_fd()})
            if (fd >= 0) handles.push_back(fd);
        return handles;
    }

    /// Sends the signal to the process group; nothing happens when the program has ended.
    void signal(int number) noexcept { static_cast<void>(child_.signal_group(number)); }

    /// Begins to end the process group: SIGTERM now, SIGKILL when the grace is over.
    void stop() noexcept { begin_end(EndedBy::request); }

private:
    using Nanoseconds = detail::Nanoseconds;

    static LineSink sink_of(ChildOutput& output) {
        auto* const sink = std::get_if<LineSink>(&output);
        return sink != nullptr ? std::move(*sink) : LineSink{};
    }

    std::optional<ChildResult> advance(Nanoseconds until) {
        while (!result_) {
            if (child_.is_lost()) child_.refuse_end(ECHILD);
            // In this order: what the program wrote before its end is read before the end counts.
            look();
            const Nanoseconds now = detail::monotonic_now();
            heed_limits(now);
            out_.read();
            err_.read();
            const bool is_silent = out_.fd() < 0 && err_.fd() < 0;
            if (has_ended_ && (is_silent || now >= silent_at_)) {
                finish();
            } else if (now >= until) {
                break;
            } else {
                sleep(earlier(until, next_limit()) - now);
            }
        }
        return result_;
    }

    void look() {
        if (has_ended_ || !child_.has_ended()) return;
        has_ended_ = true;
        // Descendants may hold its output for ever.
        silent_at_ = earlier(earlier(silent_at_, detail::monotonic_after(grace_)), end_at_);
    }

    void heed_limits(Nanoseconds now) {
        if (has_ended_) return;
        if (now >= end_at_) begin_end(EndedBy::timeout);
        if (is_asked_to_end()) begin_end(EndedBy::request);
        if (now < kill_at_) return;
        kill_at_ = detail::monotonic_after(grace_);
        const auto killed = child_.signal_group(SIGKILL);
        if (!killed && killed.error != ESRCH) child_.refuse_end(killed.error);
    }

    bool is_asked_to_end() const noexcept {
        ::pollfd asked{end_when_readable_, POLLIN, 0};
        return end_when_readable_ >= 0 && detail::sys::poll(&asked, 1, 0).value == 1;
    }

    void begin_end(EndedBy reason) noexcept {
        if (has_ended_ || ended_by_ != EndedBy::itself) return;
        ended_by_ = reason;
        end_at_ = detail::forever;
        end_when_readable_ = -1;
        kill_at_ = silent_at_ = detail::monotonic_after(grace_);
        child_.end_group_with_it();
        signal(SIGTERM);
        signal(SIGCONT);  // a process that was stopped hears of SIGTERM only then
    }

    void finish() {
        out_.finish();
        err_.finish();
        result_ = ChildResult{child_.take_end(), ended_by_};
    }

    static constexpr Nanoseconds earlier(Nanoseconds one, Nanoseconds other) noexcept {
        return other < one ? other : one;
    }

    Nanoseconds next_limit() const noexcept {
        return has_ended_ ? silent_at_ : earlier(end_at_, kill_at_);
    }

    // Ends when there may be something to do, or when the time is over.
    void sleep(Nanoseconds time) {
        constexpr Nanoseconds longest_doze = 20'000'000;
        const int process = has_ended_ ? -1 : child_.process_fd();
        if (!has_ended_ && process < 0) {
            time = earlier(time, doze_);
            doze_ = earlier(doze_ * 2, longest_doze);
        }
        const struct ::timespec limit = detail::timespec_of(time);
        ::pollfd set[] = {{out_.fd(), POLLIN, 0},
                          {err_.fd(), POLLIN, 0},
                          {process, POLLIN, 0},
                          {has_ended_ ? -1 : end_when_readable_, POLLIN, 0}};
        const auto woken =
            detail::sys::ppoll(set, std::size(set), time > detail::forever / 2 ? nullptr : &limit);
        if (!woken && woken.error != EINTR) throw Error(Step::await_child, "poll", woken.error);
    }

    detail::LaunchedChild child_;
    detail::LineReader out_;
    detail::LineReader err_;
    Nanoseconds grace_;
    Nanoseconds end_at_;
    Nanoseconds kill_at_ = detail::forever;
    Nanoseconds silent_at_ = detail::forever;
    Nanoseconds doze_ = 500'000;  // grows; without a descriptor that tells the program's end
    int end_when_readable_;
    EndedBy ended_by_ = EndedBy::itself;
    bool has_ended_ = false;
    std::optional<ChildResult> result_;
};

/// Runs a program to its end.
///
/// <!-- region: examples/guide/run_helper.cpp run -->
///
///     const auto result =
///         daemonkit::run_child({"sh", "-c", "echo checked; exit 3"}, {.out = print, .timeout = 10s});
///     if (!result.success()) print(to_string(result));  // ended with status 3
///
/// Process:  as ChildProcess.
/// Errors:   as ChildProcess; and what a LineSink throws, which ends the program.
inline ChildResult run_child(const std::vector<std::string>& command, ChildOptions options = {}) {
    return ChildProcess(command, std::move(options)).wait();
}

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// LaunchWatch: the launcher's side of a start, from before the forks until the daemon is up or gone. Floor 5.

#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/daemon_group.hpp>
#include <daemonkit/detail/launch_signals.hpp>
#include <daemonkit/detail/lead_session.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <exception>  // std::exception_ptr
#include <iterator>   // std::size
#include <optional>
#include <string>
#include <utility>  // std::move

#include <poll.h>

namespace daemonkit::detail {

/// How a start ended, seen from the launcher.
struct LaunchOutcome {
    std::exception_ptr failure;   ///< absent: the daemon is up
    int interrupted_by = 0;       ///< the signal that ended the wait
    bool daemon_is_gone = false;  ///< after a failure: proven by its exit or by the end of the line
};

/// Waits for the daemon and, when the start fails, sees to it that there is none.
///
/// Process:  launcher; made before the forks. The daemon calls `disown`.
/// Undo:     the destructor restores mask, dispositions and the subreaper attribute.
class LaunchWatch {
public:
    explicit LaunchWatch(const std::optional<ProcStatus>& status) : signals_(status) {}

    /// In the daemon: nothing is put back, because nothing here is the launcher's any more.
    void disown() noexcept {
        signals_.disown();
        subreaper_.disown();
    }

    /// Waits until the daemon is up, or has failed and is gone.
    ///
    /// Process:  launcher, after the forks.
    LaunchOutcome await(ReadyChannel& channel, const Forked& forked, Timeout timeout) {
        channel_ = &channel;
        group_ = DaemonGroup(forked.session_leader, subreaper_.in_force()
                                                        ? DaemonGroup::Reaping::possible
                                                        : DaemonGroup::Reaping::impossible);
        group_.know_daemon(forked.daemon);
        signals_.listen();
        group_.watch_end();
        // It ends at once; and nothing is left to be done between a ready daemon and its answer.
        leader_exit_ = group_.wait_for_leader();
        if (!hears_end()) signals_.listen_to_children();
        allow(timeout);

        LaunchOutcome outcome;
        try {
            const auto error = await_ready();
            if (!error) return outcome;
            throw *error;
        } catch (...) {
            // Out of memory as well: whatever the reason, a daemon that is not awaited any more has to go.
            outcome.failure = std::current_exception();
        }
        outcome.interrupted_by = signals_.interrupted_by();
        outcome.daemon_is_gone = end_daemon();
        return outcome;
    }

private:
    using Sight = DaemonGroup::Sight;
    enum class Wait { readable, interrupted, over, failed };
    static constexpr Nanoseconds grace = 2'000'000'000;  ///< between SIGTERM and SIGKILL
    static constexpr Nanoseconds last_wait = 10'000'000'000;
    static constexpr int most_failures = 20;  ///< of a wait that cannot be made, in a row

    static Error failure(int error, std::string explanation) {
        return {Step::await_ready, "daemon", error, std::move(explanation)};
    }

    /// The start may take that long from now on.
    void allow(Timeout time) noexcept {
        timeout_ = time;
        deadline_ = monotonic_after(time.in_nanoseconds());
    }

    /// True when the waits hear of the daemon's end without SIGCHLD.
    bool hears_end() const noexcept { return group_.end_fd() >= 0; }

    /// Nothing once the daemon is up; what went wrong otherwise.
    std::optional<Error> await_ready() {
        // The session leader has ended: what it had to say is there. Where it had nothing to say, the memory for the
        // daemon's words is had beforehand.
        if (!group_.knows_daemon() || !channel_->make_room()) static_cast<void>(read_line());
        // A SIGCHLD of the daemon's may have been dropped with that of the session leader's.
        bool may_have_ended = !hears_end();
        Nanoseconds last_look = 0;
        for (int failures = 0;;) {
            Frame frame;
            while (channel_->take(frame)) {
                if (is_last_word(frame)) return std::move(last_word_);
            }
            if (line_ended_) return executes_ ? see_program() : explain_end();
            if (std::exchange(may_have_ended, false) && note_end()) continue;
            if (signals_.interrupted_by() != 0) return interruption();
            int error = 0;
            switch (wait_until(deadline_, error)) {
                case Wait::readable: error = read_line(); break;
                case Wait::interrupted:
                    static_cast<void>(read_line());
                    may_have_ended = true;
                    continue;
                case Wait::over:
                    if (std::exchange(last_look, deadline_) != deadline_) {
                        // A launcher that was stopped meanwhile may have been told long ago.
                        read_all();
                        continue;
                    }
                    return failure(ETIMEDOUT, "not ready within " +
                                                  std::to_string(timeout_.in_milliseconds()) +
                                                  " ms; it has been ended");
                case Wait::failed: static_cast<void>(read_line()); break;
            }
            if (error == 0) continue;
            const bool may_pass = error == EAGAIN || error == ENOMEM || error == EINVAL;
            if (!may_pass || ++failures == most_failures) {
                return failure(error, "the line to the daemon cannot be read");
            }
        }
    }

    Error interruption() const {
        const int signal = signals_.interrupted_by();
        return {Step::await_ready, "daemon", EINTR, "interrupted by " + signal_name(signal),
                128 + signal};
    }

    /// The line has ended by the exec, or by the end of the process: nothing when the program is up for as long as it
    /// has to be, or has done its work by now.
    std::optional<Error> see_program() {
        const Nanoseconds time = has_to_last_.in_nanoseconds();
        const Nanoseconds least = least_wait(group_.foresee());
        const Nanoseconds deadline = monotonic_after(time > least ? time : least);
        for (int failures = 0; failures < most_failures;) {
            ProcessExit exit;
            if (group_.look(exit) == Sight::ended) {
                if (!exit.by_signal && exit.number == 0) return {};
                return failure(ECANCELED, describe(exit) + " as it started");
            }
            if (signals_.interrupted_by() != 0) return interruption();
            int error = 0;
            const Wait wait = wait_until(deadline, error);
            if (wait == Wait::over) return {};
            if (wait == Wait::failed) ++failures;
        }
        return {};
    }

    /// How long the end of a daemon may come after that of its line.
    static Nanoseconds least_wait(Sight foreseen) noexcept {
        constexpr Nanoseconds moment = 10'000'000;
        switch (foreseen) {
            case Sight::alive: return 0;
            case Sight::ended: return last_wait;
            case Sight::unknown: break;
        }
        return moment;
    }

    /// Takes in what has arrived; the errno when nothing could be read.
    int read_line() noexcept {
        const auto got = channel_->fill();
        if (got.value == 0) line_ended_ = true;
        return got.error;
    }

    /// Takes in all that has arrived; a daemon that never stops talking is not listened to for ever.
    void read_all() noexcept {
        constexpr int most_reads = 1000;
        for (int reads = 0; reads < most_reads && !line_ended_ && read_line() == 0;) ++reads;
    }

    /// A daemon that has ended has no more to say, even if a child of its own keeps the line open.
    bool note_end() noexcept {
        ProcessExit exit;
        if (group_.look(exit) != Sight::ended) return false;
        while (channel_->fill().value > 0) continue;
        line_ended_ = true;
        return true;
    }

    /// True when the frame decides the start; `last_word_` is then empty for a daemon that is up.
    bool is_last_word(const Frame& frame) {
        switch (frame.kind) {
            case FrameKind::extend: allow(Timeout::milliseconds(frame.number)); return false;
            case FrameKind::status: show(frame.subject); return false;
            case FrameKind::failed:
                last_word_.emplace(frame.step, frame.subject, frame.number, frame.explanation);
                leaves_by_itself_ = true;
                return true;
            case FrameKind::ready:
                if (const auto answered = channel_->send(FrameKind::heard, 0); !answered) {
                    last_word_ = failure(answered.error, "it ended as it got ready");
                    leaves_by_itself_ = true;
                    hang_up();
                }
                return true;
            case FrameKind::executes:
                executes_ = true;
                has_to_last_ = Timeout::milliseconds(frame.number);
                return false;
            case FrameKind::hello: group_.know_daemon(frame.number); return false;
            case FrameKind::heard: return false;
        }
        return false;
    }

    /// What the start is doing, for whoever waits at the terminal.
    static void show(const std::string& text) {
        // Nothing that nobody reads holds up the start: what there is no room for now is not shown.
        static_cast<void>(write_before(2, one_line(text) + '\n', monotonic_now()));
    }

    /// Why the line ended without a last word.
    Error explain_end() {
        static_cast<void>(wait_for_end(monotonic_after(grace)));
        ProcessExit exit;
        const Sight sight = group_.look(exit);
        if (sight == Sight::ended) {
            return failure(ECANCELED, describe(exit) + " before it was ready");
        }
        if (sight == Sight::unknown && leader_exit_.number != 0) {
            return failure(ECANCELED, "the session leader was " + describe(leader_exit_));
        }
        return failure(ECANCELED, "ended before it was ready");
    }

    static std::string describe(const ProcessExit& exit) {
        return exit.by_signal ? "killed by " + signal_name(exit.number)
                              : "ended with status " + std::to_string(exit.number);
    }

    /// Waits with the interrupts let through; the daemon's end is one, and told once.
    Wait wait_until(Nanoseconds deadline, int& error) noexcept {
        const sigset_t mask = signals_.waiting_mask();
        const Nanoseconds left = deadline - monotonic_now();
        if (left <= 0) return Wait::over;
        const struct ::timespec limit = timespec_of(left);
        ::pollfd set[] = {{line_ended_ ? -1 : channel_->native_handle(), POLLIN, 0},
                          {group_.end_fd(), POLLIN, 0}};
        const auto ready = sys::ppoll(set, std::size(set), &limit, &mask);
        error = ready.error;
        if (ready.error == EINTR) return Wait::interrupted;
        if (!ready) return Wait::failed;
        if (ready.value == 0) return Wait::over;
        if (set[0].revents != 0) return Wait::readable;
        group_.forget_end_fd();
        return Wait::interrupted;
    }

    /// True when it is proven that the daemon is no more: by its exit, or else by the end of its line.
    bool is_gone() const noexcept {
        ProcessExit exit;
        const Sight sight = group_.look(exit);
        return sight == Sight::unknown ? has_hung_up() : sight == Sight::ended;
    }

    /// True when the end of the line tells the daemon's end: that of an exec does not.
    bool has_hung_up() const noexcept { return line_ended_ && !executes_; }

    /// Waits for the daemon's end; true when it has ended.
    bool wait_for_end(Nanoseconds deadline) noexcept {
        for (int failures = 0; !is_gone() && failures < most_failures;) {
            if (is_ready_too_late()) hang_up();
            int error = 0;
            switch (wait_until(deadline, error)) {
                case Wait::readable:
                    // What it still says does not matter any more; that it is silent for good does.
                    error = read_line();
                    if (error != 0 && error != EAGAIN) line_ended_ = true;
                    break;
                case Wait::interrupted: break;
                case Wait::over: return is_gone();
                case Wait::failed: ++failures; break;
            }
        }
        return is_gone();
    }

    /// The daemon gets the end of the line in place of an answer, and leaves; one that is not ready is killed by it.
    void hang_up() noexcept {
        static_cast<void>(sys::shutdown(channel_->native_handle(), SHUT_WR));
    }

    /// True when the daemon waits for the answer to its ready.
    bool is_ready_too_late() noexcept try {
        Frame frame;
        while (channel_->take(frame)) {
            if (frame.kind == FrameKind::ready) return true;
        }
        return false;
    } catch (...) {
        return false;  // out of memory: it leaves by a signal
    }

    /// Ends whatever the start has made; true when it is proven that no daemon is left.
    bool end_daemon() noexcept {
        bool gone = is_gone();
        if (!gone && (leaves_by_itself_ || has_hung_up()))
            gone = wait_for_end(monotonic_after(grace));
        if (!gone && group_.signal(SIGTERM)) gone = wait_for_end(monotonic_after(grace));
        hang_up();
        if (!gone && group_.signal(SIGKILL)) gone = wait_for_end(monotonic_after(last_wait));
        if (!gone) gone = wait_for_end(monotonic_after(grace));
        group_.reap();
        return gone;
    }

    LaunchSignals signals_;
    SubreaperScope subreaper_;
    DaemonGroup group_;
    ReadyChannel* channel_ = nullptr;
    ProcessExit leader_exit_;
    std::optional<Error> last_word_;
    Nanoseconds deadline_ = 0;
    Timeout timeout_ = Timeout::seconds(0);
    Timeout has_to_last_ = Timeout::seconds(0);
    bool executes_ = false;
    bool line_ended_ = false;
    bool leaves_by_itself_ = false;
};

}  // namespace daemonkit::detail

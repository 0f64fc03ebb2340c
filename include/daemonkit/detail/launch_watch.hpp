// SPDX-License-Identifier: MIT
#pragma once
// LaunchWatch: the launcher's side of a start, from before the forks until the daemon is up or gone. Floor 5.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/platform.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/signal_mask_guard.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include <poll.h>
#include <sys/wait.h>

namespace daemonkit::detail {

/// How a start ended, seen from the launcher.
struct LaunchOutcome {
    std::optional<Error> error;   ///< absent: the daemon is up
    int interrupted_by = 0;       ///< the signal that ended the wait
    bool daemon_is_gone = false;  ///< after a failure: proven by its exit or by the end of the line
};

/// The signals that a person or a supervisor sends to a launcher to end the start.
inline constexpr int launch_interrupts[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

// Written by the handlers below; one start at a time and one thread, so one of each will do.
inline volatile std::sig_atomic_t launch_interrupted_by = 0;

/// Waits for the daemon and, when the start fails, sees to it that there is none.
///
/// While it exists every signal is blocked but during the waits themselves, where SIGCHLD and the interrupts are
/// let through, and orphans of this process become its children (Linux): the daemon, whose parent ends at once, can
/// then be waited for, so that its end is noticed and told exactly.
///
/// The daemon is known by its process group, whose id is the session leader's pid. That number cannot become a
/// stranger's here: as long as this process has not reaped the daemon, or else the session leader, it is taken.
///
/// Process:  launcher; made before the forks. The daemon calls `disown`.
/// Undo:     the destructor restores mask, dispositions and the subreaper attribute.
class LaunchWatch {
public:
    explicit LaunchWatch(const std::optional<ProcStatus>& status) {
        launch_interrupted_by = 0;
        // A caller that ignores SIGCHLD would have the kernel throw the exit statuses away.
        if (!status || status->differs_from_default(SIGCHLD))
            set_signal(SIGCHLD, SIG_DFL, saved_child_);
#if DAEMONKIT_OS_LINUX()
        int before = 0;
        const auto asked =
            sys::prctl(PR_GET_CHILD_SUBREAPER, reinterpret_cast<unsigned long>(&before));
        if (asked && before == 0) is_reaper_ = !!sys::prctl(PR_SET_CHILD_SUBREAPER, 1);
        can_reap_ = asked && (before != 0 || is_reaper_);
#endif
    }
    ~LaunchWatch() {
        if (disowned_) return;
        const ErrnoGuard keep_errno;
        for (const auto& saved : saved_interrupts_) put_back(saved);
        put_back(saved_child_);
        // A SIGCHLD of the caller's own children may have been among those dropped; one too many does no harm.
        if (saved_child_.has_handler()) static_cast<void>(sys::kill(sys::getpid(), SIGCHLD));
#if DAEMONKIT_OS_LINUX()
        if (is_reaper_) static_cast<void>(sys::prctl(PR_SET_CHILD_SUBREAPER, 0));
#endif
    }
    LaunchWatch(const LaunchWatch&) = delete;
    LaunchWatch& operator=(const LaunchWatch&) = delete;

    /// In the daemon: nothing is put back, because nothing here is the launcher's any more.
    void disown() noexcept {
        disowned_ = true;
        mask_.release();
    }

    /// The mask that was found, for the time after the start.
    void restore_mask() noexcept { static_cast<void>(mask_.try_restore()); }

    /// Waits until the daemon is up, or has failed and is gone.
    ///
    /// Process:  launcher, after the forks.
    LaunchOutcome await(ReadyChannel& channel, pid_t session_leader,
                        std::chrono::milliseconds timeout) {
        channel_ = &channel;
        session_leader_ = session_leader;
        for (std::size_t i = 0; i < std::size(launch_interrupts); ++i) {
            set_signal(
                launch_interrupts[i], [](int number) { launch_interrupted_by = number; },
                saved_interrupts_[i]);
        }
        leader_exit_ = wait_for_leader();
        // The default drops the session leader's SIGCHLD, which waits behind the mask; the daemon's own is then
        // looked for once, in case it was dropped as well.
        Saved dropped;
        set_signal(SIGCHLD, SIG_DFL, dropped);
        set_signal(
            SIGCHLD, [](int) {}, dropped);
        deadline_ = Clock::now() + timeout;
        timeout_ = timeout;

        LaunchOutcome outcome;
        outcome.error = await_ready();
        if (!outcome.error) return outcome;
        outcome.interrupted_by = launch_interrupted_by;
        outcome.daemon_is_gone = end_daemon();
        return outcome;
    }

private:
    using Clock = std::chrono::steady_clock;
    using Milliseconds = std::chrono::milliseconds;
    struct Saved {
        int number = 0;
        struct ::sigaction action {};
        bool has_handler() const noexcept {
            return number != 0 && ((action.sa_flags & SA_SIGINFO) != 0 ||
                                   (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN));
        }
    };
    enum class Sight { alive, ended, unknown };
    enum class Wait { readable, interrupted, over, failed };
    struct Exit {
        bool by_signal = false;
        int number = 0;  ///< the signal, or the exit status
    };
    static constexpr Milliseconds grace{2000};  ///< between SIGTERM and SIGKILL
    static constexpr Milliseconds last_wait{10'000};

    static Error failure(int error, std::string explanation) {
        return {Step::await_ready, "daemon", error, std::move(explanation)};
    }

    static void set_signal(int number, void (*handler)(int), Saved& saved) noexcept {
        struct ::sigaction now {};
        now.sa_handler = handler;
        sigemptyset(&now.sa_mask);
        struct ::sigaction before {};
        if (!sys::sigaction(number, &now, &before)) return;
        // What the caller ignores (nohup, a shell's background) stays ignored; only SIGCHLD is needed by us.
        const bool was_ignored =
            (before.sa_flags & SA_SIGINFO) == 0 && before.sa_handler == SIG_IGN;
        if (number != SIGCHLD && was_ignored) {
            static_cast<void>(sys::sigaction(number, &before, nullptr));
            return;
        }
        saved.number = number;
        saved.action = before;
    }

    static void put_back(const Saved& saved) noexcept {
        if (saved.number != 0)
            static_cast<void>(sys::sigaction(saved.number, &saved.action, nullptr));
    }

    /// Nothing once the daemon is up; what went wrong otherwise.
    std::optional<Error> await_ready() {
        note_end();
        int failed_waits = 0;
        int empty_wakes = 0;
        constexpr int most_failed_waits = 20;
        for (;;) {
            Frame frame;
            while (channel_->take(frame)) {
                if (is_last_word(frame)) return std::move(last_word_);
            }
            if (line_ended_) return explain_end();
            if (launch_interrupted_by != 0) {
                return failure(EINTR,
                               std::string("interrupted by ") + signal_name(launch_interrupted_by));
            }
            switch (wait_until(deadline_)) {
                case Wait::readable: {
                    const auto got = channel_->fill();
                    if (got.error == EAGAIN && ++empty_wakes < most_failed_waits) break;
                    if (!got) return failure(got.error, "the line to the daemon cannot be read");
                    line_ended_ = got.value == 0;
                    break;
                }
                case Wait::interrupted:
                    // The daemon's end shows by its line, unless a child of its own keeps that open.
                    while (channel_->fill().value > 0) continue;
                    note_end();
                    break;
                case Wait::over:
                    return failure(ETIMEDOUT, "not ready within " +
                                                  std::to_string(timeout_.count()) +
                                                  " ms; it has been ended");
                case Wait::failed:
                    static_cast<void>(channel_->fill());
                    if (++failed_waits == most_failed_waits) {
                        return failure(wait_error_, "cannot wait for the daemon");
                    }
                    break;
            }
        }
    }

    /// A daemon that has ended has no more to say, even if a child of its own keeps the line open.
    void note_end() {
        Exit exit;
        if (look(exit) != Sight::ended) return;
        while (channel_->fill().value > 0) continue;
        line_ended_ = true;
    }

    /// True when the frame decides the start; `last_word_` is then empty for an up daemon.
    bool is_last_word(const Frame& frame) {
        switch (frame.kind) {
            case FrameKind::extend:
                timeout_ = Milliseconds(frame.number);
                deadline_ = Clock::now() + timeout_;
                return false;
            case FrameKind::failed:
                last_word_.emplace(frame.step, frame.subject, frame.number, frame.explanation);
                leaves_by_itself_ = true;
                return true;
            case FrameKind::ready: {
                const auto answered = channel_->send(FrameKind::heard, 0);
                if (!answered) {
                    last_word_ = failure(answered.error, "it ended as it got ready");
                    leaves_by_itself_ = true;
                }
                return true;
            }
            case FrameKind::status: show(frame.subject); return false;
            case FrameKind::hello:
            case FrameKind::heard: return false;
        }
        return false;
    }

    /// Why the line ended without a last word.
    Error explain_end() {
        static_cast<void>(wait_for_end(Clock::now() + grace));
        Exit exit;
        const Sight sight = look(exit);
        if (sight == Sight::ended)
            return failure(ECANCELED, describe(exit) + " before it was ready");
        if (sight == Sight::unknown && leader_exit_.number != 0) {
            return failure(ECANCELED, "the session leader was " + describe(leader_exit_));
        }
        return failure(ECANCELED, "ended before it was ready");
    }

    /// What the start is doing, for whoever waits at the terminal.
    static void show(std::string text) noexcept {
        text += '\n';
        static_cast<void>(sys::write(2, text.data(), text.size()));
    }

    static Exit exit_of(const ::siginfo_t& info) noexcept {
        return {info.si_code != CLD_EXITED, info.si_status};
    }

    /// Waits for the session leader, which ends at once. Where the daemon cannot be reaped it is left a zombie: its
    /// pid, the id of the daemon's group, then stays taken.
    Exit wait_for_leader() const noexcept {
        ::siginfo_t info{};
        const auto waited = retry([&] {
            return sys::waitid(P_PID, static_cast<id_t>(session_leader_), &info,
                               WEXITED | (can_reap_ ? 0 : WNOWAIT));
        });
        return waited ? exit_of(info) : Exit{};
    }

    static std::string describe(const Exit& exit) {
        if (exit.by_signal) return std::string("killed by ") + signal_name(exit.number);
        return "ended with status " + std::to_string(exit.number);
    }

    /// Waits with the interrupts let through.
    Wait wait_until(Clock::time_point deadline) noexcept {
        sigset_t mask = mask_.previous();
        for (const int number : launch_interrupts) sigdelset(&mask, number);
        sigdelset(&mask, SIGCHLD);
        const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
        if (left <= Milliseconds::zero()) return Wait::over;
        ::pollfd line{line_ended_ ? -1 : channel_->native_handle(), POLLIN, 0};
        struct ::timespec limit {};
        limit.tv_sec = static_cast<time_t>(left.count() / 1000);
        limit.tv_nsec = static_cast<long>(left.count() % 1000) * 1'000'000;
        const auto ready = sys::ppoll(&line, 1, &limit, &mask);
        if (ready.error == EINTR) return Wait::interrupted;
        wait_error_ = ready.error;
        if (!ready) return Wait::failed;
        return ready.value > 0 ? Wait::readable : Wait::over;
    }

    /// Looks at the daemon without reaping it.
    Sight look(Exit& exit) const noexcept {
        if (!can_reap_) return Sight::unknown;
        ::siginfo_t info{};
        const auto asked = retry([&] {
            return sys::waitid(P_PGID, static_cast<id_t>(session_leader_), &info,
                               WEXITED | WNOHANG | WNOWAIT);
        });
        if (!asked) return Sight::unknown;
        if (info.si_pid == 0) return Sight::alive;
        exit = exit_of(info);
        return Sight::ended;
    }

    /// True when it is proven that the daemon is no more: by its exit, or else by the end of its line.
    bool is_gone() const noexcept {
        Exit exit;
        const Sight sight = look(exit);
        return sight == Sight::unknown ? line_ended_ : sight == Sight::ended;
    }

    /// Waits for the daemon's end; true when it has ended.
    bool wait_for_end(Clock::time_point deadline) noexcept {
        constexpr int most_failed_waits = 20;
        for (int failed_waits = 0; !is_gone() && failed_waits < most_failed_waits;) {
            switch (wait_until(deadline)) {
                case Wait::readable: {
                    // What it still says does not matter any more; that it is silent for good does.
                    const auto got = channel_->fill();
                    line_ended_ = got.error != EAGAIN && got.value <= 0;
                    break;
                }
                case Wait::interrupted: break;
                case Wait::over: return is_gone();
                case Wait::failed: ++failed_waits; break;
            }
        }
        return is_gone();
    }

    /// Ends whatever the start has made; true when it is proven that no daemon is left.
    bool end_daemon() noexcept {
        // From here on the daemon gets the end of the line in place of an answer, and leaves by itself if it can.
        static_cast<void>(sys::shutdown(channel_->native_handle(), SHUT_WR));
        bool gone = is_gone();
        if (!gone && (leaves_by_itself_ || line_ended_)) gone = wait_for_end(Clock::now() + grace);
        for (const int signal : {SIGTERM, SIGKILL}) {
            if (gone || !signal_group(signal)) break;
            gone = wait_for_end(Clock::now() + (signal == SIGTERM ? grace : last_wait));
        }
        if (!gone) gone = wait_for_end(Clock::now() + grace);
        reap();
        return gone;
    }

    /// Signals the daemon and what it has started; false when nothing is there that is certainly ours.
    bool signal_group(int signal) const noexcept {
        Exit exit;
        if (session_leader_ <= 1 || (can_reap_ && look(exit) == Sight::unknown)) return false;
        return !!sys::kill(-session_leader_, signal);
    }

    /// Ends what the dead daemon has left in its process group, then lets the group's id go.
    void reap() noexcept {
        static_cast<void>(signal_group(SIGKILL));
        ::siginfo_t info{};
        const auto reap_one = [&] {
            info = {};
            return sys::waitid(P_PGID, static_cast<id_t>(session_leader_), &info,
                               WEXITED | WNOHANG);
        };
        while (retry(reap_one) && info.si_pid != 0) continue;
    }

    SignalMaskGuard mask_;
    Saved saved_child_;
    Saved saved_interrupts_[std::size(launch_interrupts)];
    ReadyChannel* channel_ = nullptr;
    pid_t session_leader_ = 0;
    Exit leader_exit_;
    std::optional<Error> last_word_;
    Clock::time_point deadline_;
    Milliseconds timeout_{};
    int wait_error_ = 0;
    bool is_reaper_ = false;
    bool can_reap_ = false;
    bool disowned_ = false;
    bool line_ended_ = false;
    bool leaves_by_itself_ = false;
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// LaunchSignals: what a launcher hears of while it starts a daemon. Floor 4.

#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/signal_mask_guard.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <csignal>
#include <iterator>  // std::size
#include <optional>

namespace daemonkit::detail {

/// The signals that a person or a supervisor sends to a launcher to end the start.
inline constexpr int launch_interrupts[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

// Written by the handler below; a start has one thread, and there is one start at a time.
inline volatile std::sig_atomic_t launch_interrupted_by = 0;

/// Every signal is blocked, from before the forks; in the launcher's waits the interrupts come through, and SIGCHLD
/// where it is needed.
///
/// Process:  launcher; made before the forks. The daemon calls `disown`.
/// Undo:     the destructor restores mask and dispositions.
class LaunchSignals {
public:
    explicit LaunchSignals(const std::optional<ProcStatus>& status) {
        launch_interrupted_by = 0;
        // A caller that ignores SIGCHLD would have the kernel throw the daemon's exit status away.
        if (!status || status->differs_from_default(SIGCHLD)) set(SIGCHLD, SIG_DFL, child_);
    }
    ~LaunchSignals() {
        if (disowned_) return;
        const ErrnoGuard keep_errno;
        for (const auto& saved : interrupts_) put_back(saved);
        drop_child_signals();
        put_back(child_);
        // A SIGCHLD of the caller's own children may have been among those dropped; one too many does no harm.
        if (child_.has_handler()) static_cast<void>(sys::kill(sys::getpid(), SIGCHLD));
    }
    LaunchSignals(const LaunchSignals&) = delete;
    LaunchSignals& operator=(const LaunchSignals&) = delete;

    /// In the daemon: the signals stay blocked until it is set up. SIGCHLD is what it was for the program, which may
    /// watch it; what is not the program's own is reset with all the rest.
    void disown() noexcept {
        put_back(child_);
        disowned_ = true;
        mask_.release();
    }

    /// In the launcher, after the forks: the waits hear of interrupts.
    void listen() noexcept {
        for (std::size_t i = 0; i < std::size(launch_interrupts); ++i) {
            set(
                launch_interrupts[i], [](int number) { launch_interrupted_by = number; },
                interrupts_[i]);
        }
    }

    /// From now on the waits hear of children, too. What has been told of the session leader is dropped; whether the
    /// daemon's own end was dropped with it is for the caller to see.
    void listen_to_children() noexcept {
        drop_child_signals();
        Saved again;
        set(
            SIGCHLD, [](int) {}, again);
        hears_children_ = true;
    }

    /// The mask for a wait: the caller's, with all let through that is listened to.
    sigset_t waiting_mask() const noexcept {
        sigset_t mask = mask_.previous();
        for (const int number : launch_interrupts) sigdelset(&mask, number);
        hears_children_ ? sigdelset(&mask, SIGCHLD) : sigaddset(&mask, SIGCHLD);
        return mask;
    }

    /// The signal that interrupts the start, or 0.
    static int interrupted_by() noexcept { return launch_interrupted_by; }

private:
    struct Saved {
        int number = 0;
        struct ::sigaction action {};
        bool has_handler() const noexcept {
            return number != 0 && ((action.sa_flags & SA_SIGINFO) != 0 ||
                                   (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN));
        }
    };

    static void set(int number, void (*handler)(int), Saved& saved) noexcept {
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
        if (saved.number != 0) return;
        saved.number = number;
        saved.action = before;
    }

    /// What waits behind the mask goes when the default is set.
    void drop_child_signals() noexcept { set(SIGCHLD, SIG_DFL, child_); }

    static void put_back(const Saved& saved) noexcept {
        if (saved.number == 0) return;
        static_cast<void>(sys::sigaction(saved.number, &saved.action, nullptr));
    }

    SignalMaskGuard mask_;
    Saved child_;
    Saved interrupts_[std::size(launch_interrupts)];
    bool hears_children_ = false;
    bool disowned_ = false;
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// DaemonGroup: the process group of a daemon that is not up yet, as its launcher knows it. Floor 3.
//
// The group's id is the session leader's pid. That number cannot become a stranger's here: as long as this process has
// not reaped the daemon, or else the session leader, it is taken. So a signal to the group reaches the daemon, what it
// has started, and nobody else, on every system.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/platform.hpp>
#include <daemonkit/detail/process_trace.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <csignal>
#include <string>

#include <sys/wait.h>

namespace daemonkit::detail {

/// How a process ended.
struct ProcessExit {
    bool by_signal = false;
    int number = 0;  ///< the signal, or the exit status
};

/// For the length of a scope, orphans of this process become its children, where the system has that (Linux).
///
/// A daemon's parent ends at once: the launcher can then wait for the daemon, whose end it could not see otherwise.
///
/// Source:   prctl(2) PR_SET_CHILD_SUBREAPER.
class SubreaperScope {
public:
    SubreaperScope() noexcept {
#if DAEMONKIT_OS_LINUX()
        int before = 0;
        const auto asked =
            sys::prctl(PR_GET_CHILD_SUBREAPER, reinterpret_cast<unsigned long>(&before));
        if (asked && before == 0) is_ours_ = !!sys::prctl(PR_SET_CHILD_SUBREAPER, 1);
        in_force_ = asked && (before != 0 || is_ours_);
#endif
    }
    ~SubreaperScope() {
#if DAEMONKIT_OS_LINUX()
        const ErrnoGuard keep_errno;
        if (is_ours_) static_cast<void>(sys::prctl(PR_SET_CHILD_SUBREAPER, 0));
#endif
    }
    SubreaperScope(const SubreaperScope&) = delete;
    SubreaperScope& operator=(const SubreaperScope&) = delete;

    /// True while orphans come here.
    bool in_force() const noexcept { return in_force_; }

    /// In the daemon, which has not inherited the attribute: nothing is put back.
    void disown() noexcept { is_ours_ = false; }

private:
    bool is_ours_ = false;
    bool in_force_ = false;
};

/// The daemon and what it has started, before it is ready.
class DaemonGroup {
public:
    enum class Sight { alive, ended, unknown };
    enum class Reaping { possible, impossible };

    DaemonGroup() noexcept = default;
    DaemonGroup(pid_t session_leader, Reaping reaping) noexcept
        : leader_(session_leader), can_reap_(reaping == Reaping::possible) {}

    /// Waits for the session leader, which ends at once. Where the daemon cannot be reaped the leader is left a
    /// zombie: the id of the group then stays taken.
    ProcessExit wait_for_leader() const noexcept {
        ::siginfo_t info{};
        const auto waited = retry([&] {
            return sys::waitid(P_PID, static_cast<id_t>(leader_), &info,
                               WEXITED | (can_reap_ ? 0 : WNOWAIT));
        });
        return waited ? exit_of(info) : ProcessExit{};
    }

    /// From now on the daemon is told from other orphans in its group, helpers that its start has left behind.
    void know_daemon(pid_t daemon) noexcept { daemon_ = daemon; }
    bool knows_daemon() const noexcept { return daemon_ != 0; }

    /// Makes `end_fd`, where the system has such descriptors and the pid cannot be another's by now.
    void watch_end() noexcept {
        if (!can_reap_ || !knows_daemon()) return;
        if (const auto opened = sys::pidfd_open(daemon_)) end_.reset(opened.value);
    }
    /// Readable once the daemon has ended; -1 where nothing but SIGCHLD tells that.
    int end_fd() const noexcept { return end_.get(); }
    void forget_end_fd() noexcept { end_.reset(); }

    /// Looks at the daemon without reaping it; `exit` is set when it has ended.
    ///
    /// As long as the daemon's pid is not known, the first process of its group that has ended is taken for it.
    Sight look(ProcessExit& exit) const noexcept {
        if (!can_reap_) return Sight::unknown;
        const bool is_known = daemon_ != 0;
        ::siginfo_t info{};
        const auto asked = retry([&] {
            return sys::waitid(is_known ? P_PID : P_PGID,
                               static_cast<id_t>(is_known ? daemon_ : leader_), &info,
                               WEXITED | WNOHANG | WNOWAIT);
        });
        if (!asked) return Sight::unknown;
        if (info.si_pid == 0) return Sight::alive;
        exit = exit_of(info);
        return Sight::ended;
    }

    /// Whether the daemon is on its way to its end, during which it closes what it has open and cannot be waited for yet.
    Sight foresee() const noexcept {
        const auto trace = trace_process(daemon_);
        if (trace.error == ESRCH) return Sight::ended;
        if (trace.error != 0) return Sight::unknown;
        return trace.value.is_ending || trace.value.has_ended ? Sight::ended : Sight::alive;
    }

    /// Signals the whole group; false when nothing is there that is certainly ours.
    bool signal(int number) const noexcept {
        ProcessExit exit;
        if (leader_ <= 1 || (can_reap_ && look(exit) == Sight::unknown)) return false;
        return !!sys::kill(-leader_, number);
    }

    /// Ends what a dead daemon has left in the group, then lets the id of the group go.
    void reap() const noexcept {
        static_cast<void>(signal(SIGKILL));
        ::siginfo_t info{};
        const auto reap_one = [&] {
            info = {};
            return sys::waitid(P_PGID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG);
        };
        while (retry(reap_one) && info.si_pid != 0) continue;
    }

private:
    static ProcessExit exit_of(const ::siginfo_t& info) noexcept {
        return {info.si_code != CLD_EXITED, info.si_status};
    }

    pid_t leader_ = 0;
    pid_t daemon_ = 0;
    bool can_reap_ = false;
    UniqueFd end_;
};

}  // namespace daemonkit::detail

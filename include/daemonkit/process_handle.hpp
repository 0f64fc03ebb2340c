// SPDX-License-Identifier: MIT
#pragma once
// ProcessHandle: another process, which is never mistaken for the next one with its number. Floor 5.

#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/process_trace.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/stop_schedule.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>

#include <poll.h>
#include <sys/types.h>  // pid_t

namespace daemonkit {

/// A process that is no child of this one: to look at, to signal, to stop.
///
/// A descriptor of the process (pidfd) stands for it, and for no later process that gets its number. Where the system
/// has no such descriptor, the time at which the process started is compared right before each signal: what is left
/// is a process that ends, and whose number is given away, between that look and the signal. Where /proc does not tell
/// that time either, the lock of the pid file is asked again each time; and a number alone is refused.
///
/// A process that has ended counts as ended whether its parent has taken notice or not. One that another user owns,
/// and that may not be signalled, is running.
///
/// Process:  any; in a forked process the handle means the same process.
/// Errors:   Step::find_process, Step::signal_process on `pid 71` or on the pid file.
/// Threads:  one at a time.
/// Source:   pidfd_open(2), pidfd_send_signal(2), proc_pid_stat(5).
class ProcessHandle {
public:
    /// The process that has this number now; where there is none, one that has ended.
    ///
    /// Errors:   EINVAL for what is no number of a process: 0, a negative one, that of a thread; ENOTSUP where nothing
    ///           but the number would tell it from another process.
    explicit ProcessHandle(pid_t pid) : ProcessHandle(pid, std::string()) {}

    /// The process that holds the lock of a pid file; nothing when nobody does, or there is no such file.
    ///
    /// The kernel names it, before and after the handle is made; what stands in the file is never read.
    ///
    /// Process:  any but the holder itself, which would lose its name by it.
    /// Errors:   as PidLock::holder; Step::find_process on the file, EWOULDBLOCK: somebody holds it whom the kernel
    ///           cannot name.
    static std::optional<ProcessHandle> holder_of(const std::string& pid_file) {
        constexpr int attempts = 64;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            const auto holder = named_holder(pid_file);
            if (!holder) return {};
            ProcessHandle handle(*holder, pid_file);
            // The number may have become another's before the handle was made. That one does not hold the lock.
            if (named_holder(pid_file) == holder) return handle;
        }
        throw Error(Step::find_process, pid_file, ESTALE, "the holder changes all the time");
    }

    /// The handle moves along; the other one is not to be used any more.
    ProcessHandle(ProcessHandle&&) noexcept = default;
    /// The same; what this one referred to is let go.
    ProcessHandle& operator=(ProcessHandle&&) noexcept = default;
    ProcessHandle(const ProcessHandle&) = delete;
    ProcessHandle& operator=(const ProcessHandle&) = delete;
    ~ProcessHandle() = default;

    /// Its number; another process's, maybe, once it has ended.
    pid_t pid() const noexcept { return pid_; }

    /// Readable when the process has ended; borrowed. Nothing where the system has no such descriptor.
    std::optional<int> native_handle() const noexcept {
        return fd_.is_open() ? std::optional(fd_.get()) : std::nullopt;
    }

    /// False when the process has ended; that stays so.
    bool is_running() {
        if (!has_ended_) has_ended_ = fd_.is_open() ? is_readable() : !is_the_same();
        return !has_ended_;
    }

    /// Sends the signal; false when the process has ended.
    ///
    /// Errors:   Step::signal_process: EPERM, also for pid 1 and for the calling process itself; EINVAL for what is no
    ///           signal.
    bool signal(int number) {
        if (pid_ == 1) refuse_signal("pid 1 is never signalled");
        if (pid_ == detail::sys::getpid()) refuse_signal("it is this very process");
        if (!is_running()) return false;
        auto sent = detail::Result<int>{-1, ENOSYS};
        if (fd_.is_open())
            sent = detail::retry([&] { return detail::sys::pidfd_send_signal(fd_.get(), number); });
        if (sent.error == ENOSYS) sent = detail::sys::kill(pid_, number);
        if (sent.error == ESRCH) has_ended_ = true;
        if (sent.error == EPERM) refuse_signal("it has rights that this process may not signal");
        if (!has_ended_) detail::check(sent, Step::signal_process, subject());
        return !has_ended_;
    }

    /// Waits no longer than that for the end; true when the process has ended. Takes any std::chrono::duration.
    bool wait_for(Timeout time) {
        const Nanoseconds until = detail::monotonic_after(time.in_nanoseconds());
        Nanoseconds doze = 500'000;
        while (is_running()) {
            const Nanoseconds left = until - detail::monotonic_now();
            if (left <= 0) return false;
            sleep(fd_.is_open() || left < doze ? left : doze);
            constexpr Nanoseconds longest_doze = 20'000'000;
            doze = doze * 2 < longest_doze ? doze * 2 : longest_doze;
        }
        return true;
    }

    /// Ends the process: each signal in turn, until the process has ended.
    ///
    /// SIGCONT follows each one, as a process that is stopped hears of nothing before. The lock of a pid file is free
    /// only when nothing that the daemon has left behind holds it: see PidLock::wait_until_free.
    ///
    /// Returns the signal after which it ended, the first one when it had ended before; nothing: it is still there.
    ///
    /// Errors:   as `signal`; Step::validate_options for a schedule without steps.
    std::optional<int> stop(const StopSchedule& schedule = {}) {
        if (schedule.steps.empty())
            throw Error(Step::validate_options, "stop schedule", EINVAL, "it has no steps");
        int last = schedule.steps.front().signal;
        for (const StopStep& step : schedule.steps) {
            if (!signal(step.signal)) return last;
            last = step.signal;
            if (step.signal != SIGKILL) signal(SIGCONT);
            if (wait_for(step.wait)) return last;
        }
        return {};
    }

private:
    using Nanoseconds = detail::Nanoseconds;

    ProcessHandle(pid_t pid, const std::string& pid_file) : pid_(pid) {
        if (pid < 1)
            throw Error(Step::find_process, subject(), EINVAL, "no process has that number");
        const auto opened = detail::retry([&] { return detail::sys::pidfd_open(pid); });
        switch (opened.error) {
            case 0: fd_.reset(opened.value); return;
            case ESRCH: has_ended_ = true; return;
            case EINVAL:
            case ENOENT:
                throw Error(Step::find_process, subject(), EINVAL, "it is a thread's number");
            // EPERM: a filter of system calls that does not know this one.
            case ENOSYS:
            case EPERM: break;
            default: throw Error(Step::find_process, subject(), opened.error);
        }
        const auto trace = detail::trace_process(pid);
        if (trace) started_ = trace.value.started;
        has_ended_ = trace.error == ESRCH || trace.value.has_ended;
        if (trace || has_ended_) return;
        if (trace.error == ENOTSUP && !pid_file.empty()) {
            pid_file_ = detail::absolute_path(pid_file);
            return;
        }
        throw Error(Step::find_process, subject(), trace.error,
                    "nothing here tells it from the next process with its number");
    }

    static std::optional<pid_t> named_holder(const std::string& pid_file) {
        const auto holder = PidLock::holder(pid_file);
        if (!holder) return {};
        if (!holder->pid)
            throw Error(Step::find_process, pid_file, EWOULDBLOCK,
                        "its holder cannot be named: it is starting, has outlived its daemon, or "
                        "lives in another pid namespace (see fuser)");
        return holder->pid;
    }

    bool is_readable() const {
        ::pollfd set{fd_.get(), POLLIN, 0};
        const auto asked = detail::retry([&] { return detail::sys::poll(&set, 1, 0); });
        detail::check(asked, Step::find_process, subject());
        if ((set.revents & POLLNVAL) != 0)
            throw Error(Step::find_process, subject(), EBADF, "somebody has closed its descriptor");
        return set.revents != 0;
    }

    bool is_the_same() const {
        if (!started_)
            return detail::sys::kill(pid_, 0).error != ESRCH && named_holder(pid_file_) == pid_;
        const auto trace = detail::trace_process(pid_);
        if (trace.error == ESRCH) return false;
        detail::check(trace, Step::find_process, subject());
        return trace.value.started == started_ && !trace.value.has_ended;
    }

    void sleep(Nanoseconds time) const {
        const struct ::timespec limit = detail::timespec_of(time);
        ::pollfd set{fd_.get(), POLLIN, 0};
        const auto woken = detail::sys::ppoll(&set, fd_.is_open() ? 1 : 0, &limit);
        if (woken.error != EINTR) detail::check(woken, Step::find_process, subject());
    }

    [[noreturn]] void refuse_signal(const char* why) const {
        throw Error(Step::signal_process, subject(), EPERM, why);
    }

    std::string subject() const { return "pid " + std::to_string(pid_); }

    pid_t pid_;
    detail::UniqueFd fd_;
    std::optional<std::uint64_t> started_;  // without fd_
    std::string pid_file_;                  // without either: its lock
    bool has_ended_ = false;
};

}  // namespace daemonkit

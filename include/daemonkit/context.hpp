// SPDX-License-Identifier: MIT
#pragma once
// DaemonContext: inside its scope the program is a daemon. Floor 8.
//
// Exactly one process leaves the constructor: the daemon if every step worked, or the launcher, with an exception, if
// any step failed. Three processes, three words: the launcher is the process that was started; the session leader is
// its child and lives for two system calls; the daemon is the session leader's child and runs the body.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/become_daemon.hpp>
#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/command.hpp>
#include <daemonkit/detail/fork_session_leader.hpp>
#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/launch_watch.hpp>
#include <daemonkit/detail/prepare_start.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/signal_mask_guard.hpp>
#include <daemonkit/detail/start_again.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/notify.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>     // std::fflush
#include <exception>  // std::exception, std::uncaught_exceptions
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>  // std::move
#include <vector>

#include <fcntl.h>  // FD_CLOEXEC

namespace daemonkit {

/// Turns the process into a daemon at construction and gives up what a daemon holds at the end of the scope.
///
/// Detached, the code after the constructor runs in another process than the code before it: the launcher has ended
/// with status 0, told that the daemon is up. In the foreground the same steps are done in this process. A fork cannot
/// be undone: at the end of the scope the process is still the daemon, without pid file and lock.
///
/// Process:  constructed in the launcher, before the first thread and at best first thing in main; a SignalSet made
///           before it is carried into the daemon, and then no signal of the start is lost.
/// Errors:   one Error, in the launcher (or in the foreground process), for whatever fails before the daemon is ready,
///           with everything put back: streams, umask, directory, dispositions, mask, lock. No daemon is left.
/// Undo:     the destructor removes the pid file while it is still locked, last of all; in the foreground it puts the
///           streams back before that.
/// Threads:  one.
/// Source:   daemon(7) "SysV Daemons"; PEP 3143.
class DaemonContext {
public:
    /// The calling process is the daemon that the options describe.
    explicit DaemonContext(const DaemonOptions& options = {}) try {
        begin_start(options);
        // What the start needed is given back by now: that was done while the launcher took in that all is ready.
        if (state_ == State::announced) settle();
    } catch (const std::exception& failure) {
        // All is put back by now, the variable too.
        static_cast<void>(Notifier(detail::manager_variable("NOTIFY_SOCKET")).failed(failure));
        throw;
    }

    ~DaemonContext() { close(); }
    DaemonContext(const DaemonContext&) = delete;
    DaemonContext& operator=(const DaemonContext&) = delete;

    /// The start is over: the launcher has been told and ends with status 0, and standard error leads to its target.
    /// After the launcher, a service manager is told by NOTIFY_SOCKET, and a supervisor by `notification_fd`.
    ///
    /// For ReadyWhen::notified; a second call does nothing. When the launcher is gone, or has given the start up, the
    /// daemon does not return from here: it gives up its lock and ends.
    ///
    /// Process:  daemon.
    /// Errors:   Step::redirect_stream, Step::report_ready; reported to the launcher as a failed start as well.
    void notify_ready() {
        if (state_ == State::ready || state_ == State::closed) return;
        try {
            announce();
        } catch (const std::exception& failure) {
            notify_failed(failure);
            throw;
        }
        settle();
    }

    /// The process becomes the program, with its pid, the lock of the pid file and all that the options made of it.
    ///
    /// For ReadyWhen::notified, in place of `notify_ready`: the exec itself tells the launcher that the daemon is up. Where
    /// the program has to last for a while, it is up after that; one that fails sooner is a failed start. The program
    /// inherits the descriptor of the pid file: it is locked until the program, and all it starts, have closed it. The file
    /// stays at the end, unlocked. A service manager is told just before the exec, and can be told more by the program:
    /// it gets NOTIFY_SOCKET back, where the options have left it.
    ///
    /// Shape:    the program, looked up in PATH where its name has no slash, and its arguments. Descriptors with the
    ///           close-on-exec flag do not come along, those of `keep_open` included.
    /// Process:  daemon. While a launcher waits, a failure is told there and the process ends.
    /// Errors:   Step::execute_program (ENOENT, EACCES — actionable; exit status 127, 126), Step::redirect_stream,
    ///           Step::lock_pid_file; Step::validate_options for no program. The daemon is what it was then.
    /// Source:   execve(2).
    [[noreturn]] void execute(const std::vector<std::string>& command,
                              Timeout has_to_last = Timeout::seconds(0)) {
        try {
            become_program(command, has_to_last);
        } catch (const std::exception& failure) {
            if (channel_.is_open()) {
                lock_.reset();
                fail(failure);
            }
            if (lock_)
                static_cast<void>(detail::sys::fcntl_setfd(lock_->native_handle(), FD_CLOEXEC));
            if (state_ == State::starting) setup_.put_back_streams();
            throw;
        }
    }

    /// What the daemon is doing: the launcher shows the text while it waits, a service manager shows the last one.
    ///
    /// Process:  daemon.
    void notify_status(std::string_view text) noexcept {
        static_cast<void>(notifier_.status(text));
        if (channel_.is_open()) {
            static_cast<void>(channel_.send(detail::FrameKind::status, 0, Step::application, text));
        }
    }

    /// The start may take that long from now on; for a service manager, whatever the daemon is about.
    ///
    /// Process:  daemon.
    void extend_timeout(Timeout timeout) noexcept {
        static_cast<void>(notifier_.extend_timeout(timeout));
        if (!channel_.is_open()) return;
        const std::int32_t milliseconds = in_frame(timeout);
        static_cast<void>(
            channel_.send(detail::FrameKind::extend, milliseconds > 0 ? milliseconds : 1));
    }

    /// The launcher throws this failure: step, subject and text; once the daemon is ready there is none. A service
    /// manager is told in either case. The program ends after it.
    ///
    /// Process:  daemon.
    void notify_failed(const std::exception& failure) noexcept {
        static_cast<void>(notifier_.failed(failure));
        if (!channel_.is_open()) return;
        detail::send_failure(channel_, failure);
        channel_.close();
    }

    /// For all else that a service manager wants to hear: the end that begins, a reload, a sign of life.
    const Notifier& notifier() const noexcept { return notifier_; }

    /// True while a launcher waits for this daemon to be ready; what fails now is told there.
    bool awaits_ready() const noexcept { return channel_.is_open(); }

    /// True in the daemon from construction until `close`.
    bool is_open() const noexcept { return state_ != State::closed; }

    /// Ends what the scope holds, as its end does; a second call does nothing.
    void close() noexcept {
        if (state_ == State::closed) return;
        state_ = State::closed;
        if (!has_duties()) return;
        if (owner_ != detail::sys::getpid()) {
            // A process forked by the daemon: its copies of the descriptors go, the daemon's files stay.
            channel_.close();
            lock_.reset();
            return;
        }
        if (channel_.is_open()) {
            detail::send_failure(channel_, ECANCELED, "daemon",
                                 std::uncaught_exceptions() > 0
                                     ? "an exception ended it before it was ready"
                                     : "the block was left before notify_ready");
            channel_.close();
        }
        static_cast<void>(notifier_.stopping());
        setup_.put_back_streams();
        lock_.reset();
    }

    /// The lock of the pid file; null without one.
    const PidLock* pid_lock() const noexcept { return lock_ ? &*lock_ : nullptr; }
    /// The same, to renew it where its file has lost its name.
    PidLock* pid_lock() noexcept { return lock_ ? &*lock_ : nullptr; }

    /// What Confinement::best_effort could not put in force, in words; empty when the confinement is whole. The
    /// launcher has shown it as a status.
    const std::string& unconfined() const noexcept { return unconfined_; }

    /// Whether the process detached, and the fact that decided it.
    const DetachDecision& detach_decision() const noexcept { return detach_decision_; }

private:
    enum class State { starting, announced, ready, closed };

    /// True when the end of the scope has something to tell or to undo, which is for the daemon's own process alone.
    bool has_duties() const noexcept {
        return channel_.is_open() || lock_ || notifier_.is_open() || setup_.has_saved_streams();
    }

    static constexpr int no_launcher = 71;  ///< EX_OSERR: it is no failure of the program's

    /// The start up to the daemon's word that it is ready, where the options do not leave that to the program.
    void begin_start(const DaemonOptions& options) {
        if (options.other_threads == OtherThreads::start_again) {
            if (auto line = detail::take_line_to_launcher()) {
                channel_ = detail::ReadyChannel(std::move(*line));
                return continue_start(options);
            }
            const bool detaches =
                detail::decide_detach(options.detach, options.notification_fd).choice ==
                Detach::always;
            if (detaches && detail::count_other_threads(detail::read_proc_status()) > 0) {
                launch_again(options);
            }
        }
        detail::PreparedStart start(options);
        detach_decision_ = start.detach;
        if (start.detaches()) {
            launch(start);
        } else {
            stay(start);
        }
    }

    /// Forks; returns in the daemon. The launcher ends here, or leaves with the exception of the start.
    void launch(detail::PreparedStart& start) {
        call(start.options.hooks.before_fork);
        detail::ReadyChannel launcher_end;
        detail::ReadyChannel::open(launcher_end, channel_);
        // What stands in a buffer now would come out once here and once in the daemon.
        static_cast<void>(std::fflush(nullptr));
        std::optional<detail::LaunchWatch> watch(std::in_place, start.status);
        const detail::Forked forked = detail::fork_daemon(channel_);
        if (!forked.is_daemon()) {
            end_as_launcher(watch, launcher_end, forked, start.options, start.lock);
        }
        watch->disown();
        launcher_end.close();
        run_as_daemon(start);
    }

    /// Forks and executes the program anew. Never returns: the daemon is another process image.
    [[noreturn]] void launch_again(const DaemonOptions& options) {
        detail::validate(options);
        detail::refuse_pid_one(detail::sys::getpid());
        call(options.hooks.before_fork);
        detail::ProgramImage program;
        detail::ReadyChannel launcher_end;
        detail::ReadyChannel::open(launcher_end, channel_);
        static_cast<void>(std::fflush(nullptr));
        std::optional<detail::LaunchWatch> watch(std::in_place, detail::read_proc_status());
        const detail::Forked forked = detail::fork_and_start_again(channel_, program);
        std::optional<PidLock> none;
        end_as_launcher(watch, launcher_end, forked, options, none);
    }

    /// In the program, started again: everything but the forks.
    void continue_start(const DaemonOptions& options) {
        std::optional<detail::PreparedStart> start;
        try {
            start.emplace(options, detail::Forks::made);
        } catch (const std::exception& failure) {
            fail(failure);
        }
        detach_decision_ = start->detach;
        run_as_daemon(*start);
    }

    [[noreturn]] void end_as_launcher(std::optional<detail::LaunchWatch>& watch,
                                      detail::ReadyChannel& line, const detail::Forked& forked,
                                      const DaemonOptions& options, std::optional<PidLock>& lock) {
        channel_.close();
        const auto outcome = watch->await(line, forked, options.ready_timeout);
        if (!outcome.failure) {
            try {
                call(options.hooks.in_launcher);
            } catch (...) {
                // The daemon is up, and the status has to say so.
            }
            detail::sys::exit_now(0);
        }
        line.close();
        // A daemon that may still be there has the lock too: its file is not ours to remove.
        if (lock && !outcome.daemon_is_gone) lock->abandon();
        lock.reset();
        watch.reset();
        if (outcome.interrupted_by != 0) {
            static_cast<void>(detail::sys::kill(detail::sys::getpid(), outcome.interrupted_by));
        }
        std::rethrow_exception(outcome.failure);
    }

    void run_as_daemon(detail::PreparedStart& start) {
        try {
            detail::signal_handlers_after_fork();
            detail::renew_signal_receivers();
            call_in_daemon(start);
            become(start, detail::DaemonState::Undo::pointless);
            start.filled.release();
            if (start.options.ready_when == ReadyWhen::constructed) {
                announce();
            } else if (!channel_.tie()) {
                leave(no_launcher);
            }
        } catch (const std::exception& failure) {
            start.lock.reset();
            fail(failure);
        } catch (...) {
            // Whatever it is: the launcher is the one that leaves the constructor with an exception.
            start.lock.reset();
            leave(detail::send_failure(channel_, ECANCELED, "", detail::thrown_without_words));
        }
    }

    /// The same steps without a fork.
    void stay(detail::PreparedStart& start) {
        call(start.options.hooks.before_fork);
        detail::SignalMaskGuard mask;
        try {
            call_in_daemon(start);
            become(start, detail::DaemonState::Undo::possible);
            if (start.options.ready_when == ReadyWhen::constructed) notify_ready();
        } catch (...) {
            // Before the mask lets signals in again, and before `start` closes the streams that it has opened.
            setup_.undo();
            throw;
        }
        start.filled.release();
        setup_.keep();
        mask.release();
    }

    void become(detail::PreparedStart& start, detail::DaemonState::Undo undo) {
        owner_ = detail::sys::getpid();
        unconfined_ = setup_.become(start, undo, channel_.native_handle());
        notifier_ = std::move(start.notifier);
        if (start.notification_fd != channel_.native_handle())
            notification_fd_ = start.notification_fd;
        if (!unconfined_.empty()) notify_status("not in force: " + unconfined_);
        if (start.lock) lock_.emplace(std::move(*start.lock));
        error_target_ = start.streams.take(Stream::err);
        sigset_t none;
        sigemptyset(&none);
        detail::check(detail::sys::pthread_sigmask(SIG_SETMASK, &none, nullptr),
                      Step::reset_signals, "signal mask");
    }

    /// All is done and the launcher is told so, but the daemon is not ready before it has been heard.
    void announce() {
        setup_.redirect(Stream::err, error_target_.get());
        detail::check(channel_.untie(), Step::report_ready, "");
        state_ = State::announced;
        if (!channel_.is_open()) return;
        // Before the launcher ends: a manager that takes it for the main process would see the service end.
        static_cast<void>(notifier_.main_process(owner_));
        if (!channel_.send(detail::FrameKind::ready, owner_)) leave(no_launcher);
    }

    /// Ready, heard: after it both sides know. Without the answer there is no daemon.
    void settle() noexcept {
        if (channel_.is_open() && !channel_.await_heard()) leave(no_launcher);
        channel_.close();
        error_target_.reset();
        state_ = State::ready;
        tell_managers();
    }

    /// Returns by an Error alone.
    [[noreturn]] void become_program(const std::vector<std::string>& command, Timeout has_to_last) {
        const detail::Command program(command, setup_.environment_of_service());
        const bool starts = state_ == State::starting;
        if (starts) setup_.redirect(Stream::err, error_target_.get());
        if (lock_) {
            detail::check(detail::sys::fcntl_setfd(lock_->native_handle(), 0), Step::lock_pid_file,
                          lock_->path());
        }
        static_cast<void>(std::fflush(nullptr));
        // No answer is waited for: should the launcher end before the exec, the tied line takes this process along.
        if (channel_.is_open() &&
            !channel_.send(detail::FrameKind::executes, in_frame(has_to_last))) {
            leave(no_launcher);
        }
        if (starts) {
            static_cast<void>(channel_.is_open() && notifier_.main_process(owner_));
            tell_managers();
        }
        const int error = program.execute();
        throw Error(Step::execute_program, program.program(), error,
                    detail::explain_execution(program.program(), error));
    }

    void tell_managers() noexcept {
        static_cast<void>(notifier_.ready());
        const detail::UniqueFd supervisor(std::exchange(notification_fd_, -1));
        constexpr detail::Nanoseconds bound = 100'000'000;
        if (supervisor.is_open())
            detail::write_before(supervisor.get(), "\n", detail::monotonic_after(bound));
    }

    /// Milliseconds from 0 to the most that a frame carries.
    static std::int32_t in_frame(Timeout timeout) noexcept {
        constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
        const std::int64_t wanted = timeout.in_milliseconds();
        if (wanted < 0) return 0;
        return wanted < most ? static_cast<std::int32_t>(wanted) : most;
    }

    static void call(const std::function<void()>& hook) {
        if (hook) hook();
    }

    static void call_in_daemon(detail::PreparedStart& start) {
        if (!start.options.hooks.in_daemon) return;
        // What it opens is nothing inherited, whatever number that gets.
        start.inherited.forget_closed();
        start.options.hooks.in_daemon();
    }

    [[noreturn]] void fail(const std::exception& failure) noexcept {
        leave(detail::send_failure(channel_, failure));
    }

    /// The end of a daemon that never was one: no destructor of the program runs.
    [[noreturn]] void leave(int status) noexcept {
        lock_.reset();
        detail::sys::exit_now(status);
    }

    std::optional<PidLock> lock_;  // first, so that it goes last
    State state_ = State::starting;
    pid_t owner_ = 0;
    DetachDecision detach_decision_;
    std::string unconfined_;
    detail::ReadyChannel channel_;
    detail::DaemonState setup_;
    detail::UniqueFd error_target_;
    Notifier notifier_;
    int notification_fd_ = -1;  // the supervisor's until the daemon is ready
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// LaunchedChild: a program in a new process, from its start to the taking of its end. Floor 5.

#include <daemonkit/child_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/child_image.hpp>
#include <daemonkit/detail/child_registry.hpp>
#include <daemonkit/detail/child_streams.hpp>
#include <daemonkit/detail/command.hpp>
#include <daemonkit/detail/mutex.hpp>
#include <daemonkit/detail/signal_mask_guard.hpp>
#include <daemonkit/detail/start_child.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/exit_status.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>  // std::move
#include <variant>
#include <vector>

#include <sys/types.h>  // pid_t
#include <sys/wait.h>   // waitid

namespace daemonkit::detail {

/// Refuses what can never work.
///
/// Errors:   Step::validate_options; Step::start_child where the kernel is told to forget how children ended.
inline void refuse_unstartable(const std::vector<std::string>& command,
                               const ChildOptions& options) {
    const auto refuse = [](const char* option, const char* why) {
        throw Error(Step::validate_options, option, EINVAL, why);
    };
    constexpr auto has_nul = [](const std::string& text) {
        return text.find('\0') != std::string::npos;
    };
    require_command(command);
    for (const auto& [name, value] : options.environment.set) {
        if (name.empty() || name.find('=') != std::string::npos || has_nul(name + value))
            refuse("environment", "a name is empty or holds a sign that ends it");
    }
    if (const auto& directory = options.working_directory) {
        if (directory->empty() || has_nul(*directory)) refuse("working_directory", "it is no path");
    }
    if (const auto& fd = options.end_when_readable) {
        if (!sys::fcntl_getfd(*fd)) refuse("end_when_readable", "the descriptor is not open");
    }
    struct ::sigaction now {};
    check(sys::sigaction(SIGCHLD, nullptr, &now), Step::start_child, "SIGCHLD");
    if (now.sa_handler != SIG_IGN && (now.sa_flags & SA_NOCLDWAIT) == 0) return;
    throw Error(Step::start_child, "SIGCHLD", ECHILD,
                "it is ignored, and so the kernel forgets how children end; set it to SIG_DFL");
}

/// What a new process said of its failure, in words that tell what to do; empty where the errno does.
inline std::string explain(const ChildFailure& failure, const std::string& program,
                           const ChildOptions& options) {
    switch (failure.step) {
        case ChildStep::session: return "the new process cannot start a session";
        case ChildStep::stream: return "the new process cannot redirect its streams";
        case ChildStep::signals: return "the new process cannot reset its signals";
        case ChildStep::directory:
            return "it cannot run in " + options.working_directory.value_or("");
        case ChildStep::none:
        case ChildStep::program: break;
    }
    return explain_execution(program, failure.error);
}

/// The leader of a process group that is ended, at the latest, with this object.
class LaunchedChild {
public:
    /// Errors:   as ChildProcess.
    LaunchedChild(const std::vector<std::string>& command, const ChildOptions& options) {
        refuse_unstartable(command, options);
        program_ = command.front();
        const UniqueFd in = std::visit(
            [](const auto& target) { return open_for_program(Stream::in, target); }, options.in);
        OutputEnds out_ends = open_output(Stream::out, options.out, program_);
        OutputEnds err_ends = open_output(Stream::err, options.err, program_);
        start(ChildImage(command, options.environment, options.working_directory,
                         {in.get(), out_ends.program.get(), err_ends.program.get()}),
              options);
        out = std::move(out_ends.own);
        err = std::move(err_ends.own);
        // Where there is none, for whatever reason, the program is looked after from time to time.
        if (const auto opened = sys::pidfd_open(pid())) process_fd_.reset(opened.value);
    }
    ~LaunchedChild() {
        const MutexLock lock(child_registry.mutex);
        child_registry.remove(child_);
        if (process_ != sys::getpid() || child_.status || is_lost_) return;
        // One that cannot be killed, for its rights, must not hold up this process for ever.
        const int options = sys::kill(-pid(), SIGKILL) ? 0 : WNOHANG;
        static_cast<void>(retry([&] { return sys::waitpid(pid(), nullptr, options); }));
    }
    LaunchedChild(const LaunchedChild&) = delete;
    LaunchedChild& operator=(const LaunchedChild&) = delete;

    UniqueFd out;  ///< what to read of its standard output, if anything
    UniqueFd err;  ///< what to read of its standard error, if anything

    pid_t pid() const noexcept { return child_.pid; }
    /// The process that has started it.
    pid_t process() const noexcept { return process_; }
    /// Readable when the program has ended; -1: this system has no such descriptor.
    int process_fd() const noexcept { return process_fd_.get(); }
    /// True when nobody will ever know how it ended.
    bool is_lost() const noexcept { return is_lost_; }

    /// True when the program has ended; its end is not taken, so that its group keeps its number.
    ///
    /// Errors:   Step::await_child.
    bool has_ended() {
        const MutexLock lock(child_registry.mutex);
        if (child_.status) return true;
        ::siginfo_t ended{};
        const auto id = static_cast<id_t>(pid());
        const auto looked =
            retry([&] { return sys::waitid(P_PID, id, &ended, WEXITED | WNOHANG | WNOWAIT); });
        if (!looked) {
            // The next child that gets the number is not this one.
            if (looked.error == ECHILD) child_registry.remove(child_);
            refuse_end(looked.error);
        }
        return ended.si_pid != 0;
    }

    /// Takes the end of a program that has ended, and ends what is to end with it.
    ///
    /// Errors:   Step::await_child.
    ExitStatus take_end() {
        const MutexLock lock(child_registry.mutex);
        if (!child_.status) {
            if (child_.ends_group) static_cast<void>(sys::kill(-pid(), SIGKILL));
            int status = 0;
            const auto taken = retry([&] { return sys::waitpid(pid(), &status, 0); });
            if (!taken) {
                if (taken.error == ECHILD) child_registry.remove(child_);
                refuse_end(taken.error);
            }
            child_.status = ExitStatus::from_wait(status);
        }
        child_registry.remove(child_);
        process_fd_.reset();
        return *child_.status;
    }

    /// From now on, the whole group ends when the program ends.
    void end_group_with_it() noexcept {
        const MutexLock lock(child_registry.mutex);
        child_.ends_group = true;
    }

    /// Signals the group, unless its number may be another's by now: a forked process is not told of its end.
    Result<int> signal_group(int number) const noexcept {
        if (process_ != sys::getpid()) return {-1, ESRCH};
        const MutexLock lock(child_registry.mutex);
        if (child_.status || is_lost_) return {-1, ESRCH};
        return sys::kill(-pid(), number);
    }

    /// Says that its end cannot be had; for good, where somebody else has taken it.
    [[noreturn]] void refuse_end(int error) {
        if (error == ECHILD) is_lost_ = true;
        const char* why = "";
        if (error == ECHILD)
            why = "something in this program waits for every child; it has to use reap_children";
        if (error == EPERM) why = "it has rights that this process cannot signal";
        throw Error(Step::await_child, program_, error, why);
    }

private:
    void start(const ChildImage& image, const ChildOptions& options) {
        // In the new process no handler runs; and in this one, nobody takes its end before it is listed.
        const SignalMaskGuard signals(Step::start_child);
        const MutexLock lock(child_registry.mutex);
        ChildFailure failure;
        const pid_t started = check(start_child(image, failure), Step::start_child, program_);
        if (failure.step != ChildStep::none) {
            static_cast<void>(retry([&] { return sys::waitpid(started, nullptr, 0); }));
            throw Error(Step::start_child, program_, failure.error,
                        explain(failure, program_, options));
        }
        child_.pid = started;
        child_registry.add(child_);
    }

    std::string program_;
    pid_t process_ = sys::getpid();
    OwnedChild child_;
    UniqueFd process_fd_;
    bool is_lost_ = false;
};

}  // namespace daemonkit::detail

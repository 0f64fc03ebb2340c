// SPDX-License-Identifier: MIT
#pragma once
// run_as_init: the first process of a container, for a program that is not made to be that. Floor 6.

#include <daemonkit/child_options.hpp>
#include <daemonkit/child_process.hpp>
#include <daemonkit/detail/child_registry.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/environment.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/exit_status.hpp>
#include <daemonkit/signal_info.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/stream_target.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace daemonkit {

/// What the second SIGTERM or SIGINT does.
enum class SecondStop : std::uint8_t {
    is_forwarded,  ///< the same as the first
    kills,         ///< SIGKILL, for the program and for all that is left
};

/// How the first process of a container runs its program.
struct InitOptions {
    /// The program's environment.
    Environment environment = {};

    /// The directory it runs in; absent: that of this process.
    std::optional<std::string> working_directory = {};

    /// The signals that are passed on. Not SIGWINCH: a terminal sends it when its window changes, and there are
    /// servers that take it for the order to end.
    std::vector<int> forwarded = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

    /// What a second SIGINT or SIGTERM does.
    SecondStop second_stop = SecondStop::is_forwarded;

    /// How long the processes that are left get to finish when the program has ended.
    Timeout grace = Timeout::seconds(2);
};

namespace detail {

/// One program and all its orphans.
class Init {
public:
    explicit Init(const InitOptions& options) : options_(options) {
        for (const int number : options.forwarded) {
            if (number == SIGCHLD)
                throw Error(Step::validate_options, "forwarded", EINVAL,
                            "SIGCHLD tells this process of its own children");
            signals_.on(number, [this](const SignalInfo& signal) { forward(signal.number); });
        }
    }

    ExitStatus run(const std::vector<std::string>& command) {
        program_.emplace(command, ChildOptions{.environment = options_.environment,
                                               .working_directory = options_.working_directory,
                                               .in = Inherit{},
                                               .out = Inherit{},
                                               .err = Inherit{},
                                               .grace = options_.grace});
        std::optional<ChildResult> result;
        // One child at a time: a signal does not wait until no more of them end.
        for (bool reaped = false; !result; result = program_->poll()) {
            const auto signal = reaped ? signals_.poll() : signals_.wait();
            if (signal) signals_.dispatch(*signal);
            reaped = reap_any().has_value();
        }
        return result->status;
    }

    /// Ends every other process of the container; where this is not pid 1, they are not its own to end.
    void end_strays() {
        if (sys::getpid() != 1) return;
        static_cast<void>(sys::kill(everybody_else, SIGTERM));
        static_cast<void>(sys::kill(everybody_else, SIGCONT));
        const Nanoseconds until = monotonic_after(options_.grace.in_nanoseconds());
        while (!is_killing() && has_company() && monotonic_now() < until) {
            // Whoever has entered the container from outside is no child, and no SIGCHLD tells of its end.
            const auto signal = signals_.wait_for(Timeout::milliseconds(50));
            if (signal) signals_.dispatch(*signal);
            while (reap_any()) continue;
        }
        static_cast<void>(sys::kill(everybody_else, SIGKILL));
    }

private:
    static constexpr pid_t everybody_else = -1;

    static bool has_company() noexcept { return sys::kill(everybody_else, 0).error != ESRCH; }

    bool is_killing() const noexcept {
        return options_.second_stop == SecondStop::kills && stops_ >= 2;
    }

    void forward(int number) noexcept {
        if (number == SIGTERM || number == SIGINT) ++stops_;
        program_->signal(is_killing() ? SIGKILL : number);
    }

    const InitOptions& options_;
    SignalSet signals_{SIGCHLD};  // before the program: one that ends at once is heard of
    std::optional<ChildProcess> program_;
    unsigned stops_ = 0;
};

}  // namespace detail

/// Runs a program as the first process of a container should, and returns the status for `main`.
///
/// <!-- region: examples/container_init.cpp init -->
///
///     return daemonkit::run_as_init(command, {.second_stop = daemonkit::SecondStop::kills});
///
/// The kernel sends pid 1 no signal that it has no handler for, and makes every orphan its child. So signals are passed
/// on to the program, which runs beside this process and gets the default of every signal; orphans are reaped as they
/// end. When the program ends, the others get SIGTERM, the grace, and SIGKILL.
///
/// The program has the environment and the standard streams of this process, no other descriptor, and leads a session
/// without a terminal. Signals go to its whole process group, without their sender and value. Where this is not pid 1,
/// all is the same but for the orphans: they are another process's, and are left alone.
///
/// A daemon that is pid 1 itself needs none of this: a SignalSet that watches SIGTERM, and `reap_children` on SIGCHLD.
///
/// Returns the program's status; 128 and the number of the signal that ended it.
///
/// Process:  one that does nothing else; pid 1, or any.
/// Errors:   as ChildProcess, before anything runs, with the exit status 127 for a program that is not found, 126 for
///           one that cannot be executed; Step::validate_options for `forwarded`; Step::watch_signals.
/// Threads:  one, which blocks none of the signals.
/// Source:   pid_namespaces(7), kill(2); the exit statuses of POSIX env(1) and of a shell.
inline int run_as_init(const std::vector<std::string>& command, const InitOptions& options = {}) {
    constexpr int cannot_execute = 126;
    constexpr int not_found = 127;
    constexpr int signalled = 128;
    detail::Init init(options);
    try {
        const ExitStatus status = init.run(command);
        init.end_strays();
        return status.code() ? *status.code() : signalled + *status.signal();
    } catch (const Error& error) {
        const int reason = error.code().value();
        const bool is_missing = reason == ENOENT || reason == ENOTDIR;
        const bool is_refused = reason == EACCES || reason == ENOEXEC;
        if (error.step() != Step::start_child || !(is_missing || is_refused)) throw;
        throw Error(error.step(), error.subject(), reason, error.explanation(),
                    is_missing ? not_found : cannot_execute);
    }
}

}  // namespace daemonkit

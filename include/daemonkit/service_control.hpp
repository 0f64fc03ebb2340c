// SPDX-License-Identifier: MIT
#pragma once
// ServiceControl: stop, reload and ask a daemon, and never the wrong process. Floor 9.

#include <daemonkit/control_client.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/service_files.hpp>
#include <daemonkit/detail/service_report.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/inspect.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/process_handle.hpp>
#include <daemonkit/service_options.hpp>
#include <daemonkit/service_result.hpp>
#include <daemonkit/service_status.hpp>
#include <daemonkit/stop_schedule.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>  // std::fprintf
#include <optional>
#include <string>
#include <utility>  // std::move
#include <vector>

#include <sys/stat.h>

namespace daemonkit {

/// Controls the daemon that the options describe, from any program: a Service, or one without a body.
///
/// Which process is meant, the lock of the pid file decides, as the kernel tells it. A number that stands in a file is
/// never read, so nothing but the daemon is ever signalled.
///
/// Process:  any but the daemon, as its user or root.
/// Errors:   none leaves a verb: what failed is in its result, with an exit status of LSB (ServiceExit).
/// Threads:  any number at once.
class ServiceControl {
public:
    /// Of the service that these describe; nothing is looked at yet.
    explicit ServiceControl(ServiceOptions options) : options_(std::move(options)) {}

    /// Ends the daemon by the schedule of the options; done when it has ended and the lock is free, or there is none.
    ServiceResult stop() const {
        return detail::result_of_verb([&]() -> ServiceResult {
            const auto files = detail::find_service_files(options_);
            auto daemon = await_daemon(files.pid_file);
            if (!daemon) return {ServiceExit::done, "not running"};
            return end(*daemon, files.pid_file);
        });
    }

    /// Has the daemon read its configuration again; done when the new one is in force, failed with the daemon's reason.
    ServiceResult reload() const {
        return detail::result_of_verb([&]() -> ServiceResult {
            const auto files = detail::find_service_files(options_);
            auto daemon = await_daemon(files.pid_file);
            if (!daemon) return not_running();
            if (!files.control.empty())
                return result_of(
                    daemonkit::ask(files.control, {"reload"}, options_.answer_timeout));
            if (!daemon->signal(SIGHUP)) return not_running();
            return {ServiceExit::done, "SIGHUP is sent to pid " + std::to_string(daemon->pid()) +
                                           "; without a control socket its outcome is not known"};
        });
    }

    /// Done when the daemon is ready, also where its start is under way; failed when it is not within that time.
    ServiceResult wait_ready(Timeout timeout) const {
        return detail::result_of_verb([&]() -> ServiceResult {
            const auto files = detail::find_service_files(options_);
            const auto since = detail::monotonic_now();
            const auto deadline = detail::monotonic_after(timeout.in_nanoseconds());
            for (;;) {
                const auto holder = PidLock::holder(files.pid_file);
                if (!holder) return not_running();
                if (!holder->pid && !may_get_name(*holder, since))
                    return {ServiceExit::failed, detail::explain_held(*holder)};
                if (holder->pid && is_ready(files, deadline))
                    return {ServiceExit::done, "running as pid " + std::to_string(*holder->pid)};
                if (detail::monotonic_now() > deadline)
                    return {ServiceExit::failed, "not ready within " +
                                                     std::to_string(timeout.in_milliseconds()) +
                                                     " ms: " + detail::explain_held(*holder)};
                wait_a_moment();
            }
        });
    }

    /// Asks the daemon for any of its verbs, with arguments; the status is that of the answer.
    ServiceResult ask(const std::vector<std::string>& words, Timeout timeout) const {
        return detail::result_of_verb([&]() -> ServiceResult {
            const auto files = detail::find_service_files(options_);
            if (!PidLock::holder(files.pid_file)) return not_running();
            if (files.control.empty())
                return {ServiceExit::not_offered, "this service has no control socket"};
            return result_of(daemonkit::ask(files.control, words, timeout));
        });
    }

    /// What the service is, from its lock, from the kernel, and from the daemon itself if it answers within 2 seconds.
    ServiceStatus status() const {
        ServiceStatus status{.name = options_.name};
        try {
            const auto files = detail::find_service_files(options_);
            const auto since = detail::monotonic_now();
            while (!look(status, files) && detail::monotonic_now() - since < moment)
                wait_a_moment();
            if (status.state == ServiceState::running) ask_report(status, files);
        } catch (const std::exception& failure) {
            status = {.name = options_.name, .reason = failure.what()};
        }
        return status;
    }

    /// What it was made from.
    const ServiceOptions& options() const noexcept { return options_; }

private:
    /// How long a lock changes hands at most: between one who has just ended, or has it without a name yet, and the next.
    static constexpr detail::Nanoseconds moment = 500'000'000;

    /// A wait for what nobody tells of.
    static void wait_a_moment() noexcept {
        constexpr detail::Nanoseconds interval = 10'000'000;
        const struct ::timespec limit = detail::timespec_of(interval);
        static_cast<void>(detail::sys::ppoll(nullptr, 0, &limit));
    }

    static ServiceResult not_running() { return {ServiceExit::not_running, "not running"}; }

    /// Without a control socket nobody can tell; a holder that has a name has come far.
    static bool is_ready(const detail::ServiceFiles& files, detail::Nanoseconds deadline) {
        if (files.control.empty()) return true;
        try {
            const Timeout left = Timeout::milliseconds(detail::milliseconds_until(deadline));
            const auto answer = daemonkit::ask(files.control, {"wait-ready"}, left);
            constexpr int no_permission = 77;
            if (answer.status == no_permission)
                throw Error(Step::ask_control_socket, files.control, EACCES, answer.text);
            return answer.status == 0;
        } catch (const Error& error) {
            // It does not listen yet, or any more; to whom it does not listen at all, waiting is of no use.
            if (error.code().value() == EACCES || error.code().value() == EPERM) throw;
            return false;
        }
    }

    static ServiceResult result_of(const ControlAnswer& answer) {
        return {service_exit_of(answer.status), answer.text};
    }

    /// Whether it is worth waiting for the name of who holds the lock: as long as a start takes, or for the moment
    /// in which its launcher may just have ended.
    bool may_get_name(const PidLockHolder& holder, detail::Nanoseconds since) const {
        const auto longest =
            holder.launcher ? options_.daemon.ready_timeout.in_nanoseconds() : moment;
        return detail::monotonic_now() - since < longest;
    }

    /// The daemon; nothing when there is none, not even one that is starting.
    std::optional<ProcessHandle> await_daemon(const std::string& pid_file) const {
        const auto since = detail::monotonic_now();
        for (;; wait_a_moment()) {
            const auto holder = PidLock::holder(pid_file);
            if (!holder) return {};
            if (!holder->pid && may_get_name(*holder, since)) continue;
            try {
                return ProcessHandle::holder_of(pid_file);
            } catch (const Error& error) {
                // It has ended in between, and somebody else has taken its place.
                const bool is_nameless =
                    error.step() == Step::find_process && error.code().value() == EWOULDBLOCK;
                if (!is_nameless || !holder->pid) throw;
            }
        }
    }

    /// Step by step, so that who waits hears of each signal that did not do.
    ServiceResult end(ProcessHandle& daemon, const std::string& pid_file) const {
        if (options_.stop.steps.empty())
            throw Error(Step::validate_options, "stop schedule", EINVAL, "it has no steps");
        const std::string pid = "pid " + std::to_string(daemon.pid());
        std::optional<int> ended_by;
        std::string last;
        for (const StopStep& step : options_.stop.steps) {
            if (!last.empty()) tell_escalation(pid, last, detail::signal_name(step.signal));
            last = detail::signal_name(step.signal);
            ended_by = daemon.stop({.steps = {step}});
            if (ended_by) break;
        }
        if (!ended_by) return {ServiceExit::failed, pid + " has not ended"};
        if (is_left_behind(pid_file, daemon.pid()))
            return {ServiceExit::failed, pid +
                                             " has ended, but a process that it has started holds "
                                             "its lock (see fuser)"};
        return {ServiceExit::done, ended_by == SIGKILL ? pid + " was killed" : "stopped"};
    }

    void tell_escalation(const std::string& pid, const std::string& last,
                         const std::string& next) const {
        static_cast<void>(std::fprintf(stderr, "%s: %s has not ended on %s; %s follows\n",
                                       options_.name.c_str(), pid.c_str(), last.c_str(),
                                       next.c_str()));
    }

    /// Whether the lock stays with somebody without a name; whoever has one has taken the place of the daemon.
    static bool is_left_behind(const std::string& pid_file, pid_t ended) {
        const auto until = detail::monotonic_after(2'000'000'000);
        for (;; wait_a_moment()) {
            const auto holder = PidLock::holder(pid_file);
            if (!holder || holder->launcher || (holder->pid && *holder->pid != ended)) return false;
            if (detail::monotonic_now() > until) return !holder->pid;
        }
    }

    /// False when it may be another thing in a moment: somebody else holds the lock by now, or nobody with a name.
    bool look(ServiceStatus& status, const detail::ServiceFiles& files) const {
        status = {.name = options_.name};
        const auto holder = PidLock::holder(files.pid_file);
        if (!holder) {
            struct ::stat left {};
            const bool is_left =
                detail::sys::stat(files.pid_file.c_str(), &left) && left.st_size > 0;
            status.state = is_left ? ServiceState::crashed : ServiceState::stopped;
            status.reason = is_left ? "its pid file was left behind: " + files.pid_file
                                    : "nobody holds " + files.pid_file;
            return true;
        }
        const auto& launcher = holder->launcher;
        if (holder->pid) {
            status.state = ServiceState::running;
            status.pid = holder->pid;
            try {
                status.process = inspect_vitals(*holder->pid);
            } catch (const Error&) {
                status.process.reset();  // hidden from this user, or gone
            }
        } else if (launcher) {
            status.state = ServiceState::starting;
            status.reason = "by pid " + std::to_string(*launcher);
        } else if (holder->is_elsewhere) {
            status.state = ServiceState::running;
            status.reason = "in another pid namespace, where its pid means nothing here";
        } else {
            status.state = ServiceState::orphaned;
            status.reason = "who holds " + files.pid_file +
                            " cannot be named, and has outlived its daemon (see fuser)";
            return false;
        }
        const auto after = PidLock::holder(files.pid_file);
        return after && after->pid == holder->pid && after->launcher == launcher &&
               after->is_elsewhere == holder->is_elsewhere;
    }

    static void ask_report(ServiceStatus& status, const detail::ServiceFiles& files) {
        if (files.control.empty()) return;
        try {
            const auto answer = daemonkit::ask(files.control, {"status"}, Timeout::seconds(2));
            if (answer.status == 0) status.report = detail::parse_report(answer.text);
            if (!status.report)
                status.silence =
                    "answered with " + std::to_string(answer.status) + ": " + answer.text;
        } catch (const Error& error) {
            status.silence = error.what();
        }
    }

    ServiceOptions options_;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// RunningService: what the body of a service waits with, and hears of stop, reload and its control socket by. Floor 9.

#include <daemonkit/context.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/name_keeper.hpp>
#include <daemonkit/detail/service_report.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/inspect.hpp>
#include <daemonkit/notify.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/reload_notifier.hpp>
#include <daemonkit/service_result.hpp>
#include <daemonkit/service_status.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <exception>  // std::exception
#include <functional>
#include <iterator>  // std::size
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>  // std::is_void_v
#include <utility>      // std::move
#include <vector>

#include <poll.h>
#include <time.h>  // timespec

namespace daemonkit {

/// The service, inside of the daemon: the body gets it, and waits with it.
///
/// While the body waits, SIGTERM, SIGINT and `stop` end the wait, SIGHUP and `reload` call the function of `on_reload`,
/// and clients of the control socket are answered: all of it in the thread that waits, one after the other. Between
/// two waits nobody is answered; work that takes long calls `poll` now and then. SIGPIPE is ignored.
///
/// A pid file that somebody removes is made again within a minute, where the daemon has the right to make it.
///
/// Process:  daemon, or the foreground process.
/// Errors:   as those of SignalSet and ControlSocket, when the system refuses to wait at all; Step::lock_pid_file when
///           another daemon is up because the pid file was removed: this one has to end.
/// Threads:  one; `request_stop` from any.
class RunningService {
public:
    /// For Service, which makes it. Without a control socket: null.
    RunningService(DaemonContext& daemon, SignalSet& signals, ControlSocket* control)
        : daemon_(daemon), signals_(signals), control_(control), name_(daemon.pid_lock()) {
        signals_.on(SIGHUP, [this] { static_cast<void>(reload()); });
        on(
            "status", [this](const ControlRequest&) { return answer_status(); },
            "what the service does, and how its reloads went");
        on(
            "reload", [this](const ControlRequest&) { return answer_reload(); },
            "reads the configuration again");
        on(
            "stop",
            [this](const ControlRequest&) {
                request_stop();
                return ControlAnswer{0, "stopping"};
            },
            "ends the service");
        on(
            "wait-ready", [this](const ControlRequest&) { return answer_ready(); },
            "answers when the service is ready");
    }
    RunningService(const RunningService&) = delete;
    RunningService& operator=(const RunningService&) = delete;

    /// The start is over; the first wait says so by itself. A second call does nothing.
    ///
    /// Errors:   as DaemonContext::notify_ready.
    void notify_ready() {
        if (is_ready_) return;
        daemon_.notify_ready();
        is_ready_ = true;
        if (control_ != nullptr) control_->look_again();
    }

    /// What the service is doing: shown by the launcher while it waits, by a service manager, and by `status`.
    void notify_status(std::string_view text) {
        doing_ = std::string(text);
        daemon_.notify_status(text);
    }

    /// The start may take that long from now on.
    void extend_timeout(Timeout timeout) noexcept { daemon_.extend_timeout(timeout); }

    /// SIGHUP and `reload` call this. It returns nothing, or an optional text: why what was in force stays, which is
    /// what Reloadable::reload returns. What it throws says the same.
    template <class Reload>
    void on_reload(Reload call) {
        reload_ = [call = std::move(call)]() mutable -> std::optional<std::string> {
            if constexpr (std::is_void_v<decltype(call())>) {
                call();
                return std::nullopt;
            } else {
                return call();
            }
        };
    }

    /// The verb `log-level` calls `set` with the severity that it is given, and without one tells which is in force. `set`
    /// is called now, with the one to begin with.
    void on_log_level(Severity level, std::function<void(Severity)> set) {
        set(level);
        log_level_ = level;
        on(
            "log-level",
            [this, set = std::move(set)](const ControlRequest& request) {
                return answer_log_level(request, set);
            },
            "[SEVERITY]: which messages are logged");
    }

    /// From now on the control socket answers that verb, also where it was answered before; the summary is for `help`.
    ///
    /// Errors:   as ControlSocket::on.
    void on(const std::string& verb, ControlSocket::Handler handler, std::string summary = {}) {
        if (control_ != nullptr) control_->on(verb, std::move(handler), std::move(summary));
    }

    /// Waits until the service is to stop.
    void wait() { static_cast<void>(wait_at_most(detail::forever)); }

    /// True as soon as the service is to stop, false when the time is over; takes any std::chrono::duration.
    bool wait_for(Timeout time) { return wait_at_most(time.in_nanoseconds()); }

    /// True as soon as the service is to stop, false at the deadline, a time_point of std::chrono::steady_clock.
    ///
    /// A deadline has no drift, and one that has passed still hears of a stop.
    template <class TimePoint>
    bool wait_until(const TimePoint& deadline) {
        static_assert(TimePoint::clock::is_steady,
                      "a deadline must not move when the clock is set");
        const auto now = TimePoint::clock::now();
        return wait_at_most(deadline > now ? detail::nanoseconds_in(deadline - now) : 0);
    }

    /// Does what has come up, and never waits; true when the service is to stop. Before the first wait it lets a long
    /// start be stopped.
    bool poll() {
        has_more_signals_ = heed_signals();
        if (signals_.stopped()) return true;
        if (control_ != nullptr) control_->serve();
        name_.look();
        return signals_.stopped();
    }

    /// Ends every wait, now and from now on; async-signal-safe.
    void request_stop() noexcept { signals_.stop(); }

    /// Reloads, as SIGHUP does; returns nothing, or why what was in force stays.
    std::optional<std::string> reload() {
        if (!reload_) return nothing_to_reload;
        const auto doing = doing_;
        ReloadNotifier manager(daemon_.notifier(), doing.value_or(""));
        ReloadGuard guard(manager);
        std::optional<std::string> failure;
        const ServiceResult called = detail::result_of_verb([&] {
            failure = reload_();
            return ServiceResult();
        });
        if (!called.success()) failure = called.text;
        ++(failure ? reloads_.failed : reloads_.succeeded);
        reloads_.last_error = failure;
        if (failure)
            guard.fail(*failure);
        else
            guard.succeed();
        // What the reload itself has said, which the end of it took back.
        if (!failure && doing_ != doing) daemon_.notify_status(*doing_);
        return failure;
    }

    /// How the reloads went until now.
    const ReloadStatus& reloads() const noexcept { return reloads_; }

    /// The signals of the service, for callbacks on others. One without a callback stops the service.
    SignalSet& signals() noexcept { return signals_; }

    /// For all else that a service manager wants to hear. A Watchdog needs it: where the definition has a `watchdog`, the
    /// manager ends a service that gives no sign of life.
    const Notifier& notifier() const noexcept { return daemon_.notifier(); }

    /// For an event loop of the program's own: when one of them is readable, call `poll`. Borrowed.
    std::vector<int> native_handles() {
        std::vector<int> all{signals_.native_handle()};
        if (control_ != nullptr) all.push_back(control_->native_handle());
        return all;
    }

private:
    static constexpr const char* nothing_to_reload = "this service has nothing to reload";

    // True: there may be more. A signal that comes over and over while it is heeded, SIGHUP during a long reload, must
    // keep neither clients nor the body waiting.
    bool heed_signals() {
        sigset_t heeded;
        sigemptyset(&heeded);
        // Not SignalSet::poll: a signal that this thread blocks counts as well.
        while (const auto signal = signals_.wait_for(Timeout::seconds(0))) {
            if (signal->number == 0) break;
            if (!signals_.dispatch(*signal)) request_stop();
            if (sigismember(&heeded, signal->number) == 1) return true;
            sigaddset(&heeded, signal->number);
        }
        return false;
    }

    bool wait_at_most(detail::Nanoseconds time) {
        // A kernel short of memory may refuse a wait now and then; what is refused for good is told.
        constexpr int most_refusals = 20;
        notify_ready();
        const auto deadline = detail::monotonic_after(time);
        const int control = control_ != nullptr ? control_->native_handle() : -1;
        ::pollfd set[] = {{signals_.native_handle(), POLLIN, 0}, {control, POLLIN, 0}};
        for (int refusals = 0;;) {
            if (poll()) return true;
            const auto left =
                deadline == detail::forever ? deadline : deadline - detail::monotonic_now();
            if (left <= 0) return false;
            auto nap = left < name_.longest_wait() ? left : name_.longest_wait();
            if (has_more_signals_) nap = 0;
            const struct ::timespec limit = detail::timespec_of(nap);
            const auto woken =
                detail::sys::ppoll(set, std::size(set), nap == detail::forever ? nullptr : &limit);
            if (woken || woken.error == EINTR) {
                refusals = 0;
            } else if (++refusals == most_refusals) {
                throw Error(Step::watch_signals, "wait", woken.error);
            }
        }
    }

    ControlAnswer answer_status() const {
        ServiceReport report{.doing = doing_, .reloads = reloads_};
        try {
            const auto vitals = inspect_vitals(detail::sys::getpid());
            if (vitals.descriptors) report.descriptors = *vitals.descriptors;
        } catch (const Error&) {
            // Not known, then.
        }
        return {0, detail::report_text(report)};
    }

    /// Nothing yet, while the start goes on.
    std::optional<ControlAnswer> answer_ready() const {
        if (!is_ready_) return std::nullopt;
        return ControlAnswer{0, "ready"};
    }

    ControlAnswer answer_reload() {
        if (!reload_) return {static_cast<int>(ServiceExit::not_offered), nothing_to_reload};
        const auto failure = reload();
        if (failure) return {static_cast<int>(ServiceExit::failed), *failure};
        return {0, "reloaded"};
    }

    ControlAnswer answer_log_level(const ControlRequest& request,
                                   const std::function<void(Severity)>& set) {
        constexpr int usage = 64;
        if (request.arguments.empty()) return {0, to_string(log_level_)};
        const auto level = severity_named(request.arguments.front());
        if (!level || request.arguments.size() > 1)
            return {usage,
                    "log-level takes one of emergency, alert, critical, error, warning, notice, "
                    "info and debug"};
        set(*level);
        log_level_ = *level;
        return {0, to_string(log_level_)};
    }

    DaemonContext& daemon_;
    SignalSet& signals_;
    ControlSocket* control_;
    detail::NameKeeper name_;
    std::function<std::optional<std::string>()> reload_;
    ReloadStatus reloads_;
    std::optional<std::string> doing_;
    Severity log_level_ = Severity::debug;
    bool is_ready_ = false;
    bool has_more_signals_ = false;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// Service: start, stop, restart, reload, status and run for any program, in a few lines. Floor 9.

#include <daemonkit/context.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/running_service.hpp>
#include <daemonkit/service_control.hpp>
#include <daemonkit/service_options.hpp>
#include <daemonkit/service_result.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>     // std::printf
#include <exception>  // std::exception
#include <functional>
#include <optional>
#include <string>
#include <utility>  // std::move

namespace daemonkit {

/// A daemon with the verbs of an init script: those of ServiceControl, and those that call the body, which is what the
/// daemon does. `service_main` gives them a command line.
///
/// Process:  `start`, `restart` and `run` are called where a DaemonContext could be made.
/// Errors:   as ServiceControl.
/// Threads:  one.
/// Source:   Linux Standard Base 5.0, Core, 22.2 "Init Script Actions".
class Service : public ServiceControl {
public:
    /// Nothing is done yet. The body takes a `RunningService&`, and returns an exit status or nothing.
    template <class Body>
    Service(ServiceOptions options, Body body)
        : ServiceControl(std::move(options)),
          body_([body = std::move(body)](RunningService& service) mutable {
              return detail::status_of_call([&] { return body(service); });
          }) {}

    /// Starts the daemon, unless it runs; done when it is ready, whoever has started it.
    ///
    /// Process:  the launcher that has started the daemon ends in here with status 0. What returns is a launcher that
    ///           has not; or the daemon, or the foreground process, at its end.
    ServiceResult start() const {
        return detail::result_of_verb([&]() -> ServiceResult {
            const auto files = detail::find_service_files(options());
            for (;;) {
                try {
                    // Not even the folder is touched where somebody runs: it may be that of the daemon's own user.
                    if (!PidLock::holder(files.pid_file))
                        return live(detail::make_service_files(options()), options().daemon.detach);
                } catch (const Error& error) {
                    if (!is_held(error, files)) throw;
                }
                ServiceResult other = wait_ready(options().daemon.ready_timeout);
                if (other.success()) other.text = "already " + other.text;
                if (other.exit_status != static_cast<int>(ServiceExit::not_running)) return other;
            }
        });
    }

    /// `stop`, then `start`; where `check` of the options throws, or a start would find no folder for its files, neither:
    /// what runs goes on.
    ///
    /// Process:  as `start`.
    ServiceResult restart() const {
        ServiceResult done = detail::result_of_verb(
            [&] {
                if (options().check) options().check();
                return ServiceResult();
            },
            [](const std::exception&) { return static_cast<int>(ServiceExit::not_configured); });
        if (done.success())
            done = detail::result_of_verb([&] {
                // The folder of a service that a manager runs as another user is none for a start by this one.
                static_cast<void>(detail::make_service_files(options()));
                return ServiceResult();
            });
        if (!done.success()) return {done.exit_status, "not restarted: " + done.text};
        done = stop();
        return done.success() ? start() : done;
    }

    /// The same daemon in the foreground, until its end. For service managers: its status is the body's, or that of the
    /// Error (sysexits.h).
    ServiceResult run() const {
        return detail::result_of_verb(
            [&] { return live(detail::make_service_files(options()), Detach::never); },
            [](const std::exception& failure) { return detail::status_of(failure); });
    }

private:
    /// Closes the socket at the end of the body: the lock goes last.
    struct CloseControl {
        std::optional<ControlSocket>& control;
        ~CloseControl() { control.reset(); }
    };

    /// Returns when the daemon, or the foreground process, is at its end.
    ///
    /// Errors:   those of the start, in the launcher.
    ServiceResult live(const detail::ServiceFiles& files, Detach detach) const {
        SignalSet signals({SIGTERM, SIGINT, SIGHUP});
        signals.ignore(SIGPIPE);
        std::optional<ControlSocket> control;
        DaemonOptions daemon = options().daemon;
        daemon.detach = detach;
        daemon.pid_file = files.pid_file;
        daemon.ready_when = ReadyWhen::notified;
        // The daemon's first act, while it has the right to make a file in the runtime directory, and the old root.
        daemon.hooks.in_daemon = [&] {
            if (!files.control.empty()) {
                ControlSocketOptions wanted = *options().control;
                wanted.path = files.control;
                control.emplace(wanted);
                for (const int fd : control->descriptors()) daemon.keep_open.push_back(fd);
            }
            if (options().daemon.hooks.in_daemon) options().daemon.hooks.in_daemon();
        };
        daemon.hooks.in_launcher = [&] {
            tell_started(files);
            if (options().daemon.hooks.in_launcher) options().daemon.hooks.in_launcher();
        };
        DaemonContext context(daemon);
        const auto serve = [&] {
            const CloseControl at_the_end{control};
            RunningService service(context, signals, control ? &*control : nullptr);
            return body_(service);
        };
        const auto tell = [&](const std::exception& failure) {
            if (!context.awaits_ready())
                return detail::tell_failure(options().name.c_str(), failure);
            context.notify_failed(failure);
            return detail::status_of(failure);
        };
        return {detail::handle_exceptions(serve, tell), ""};
    }

    void tell_started(const detail::ServiceFiles& files) const {
        const auto holder = PidLock::holder(files.pid_file);
        if (!holder || !holder->pid) return;
        std::printf("%s: started as pid %d\n", options().name.c_str(),
                    static_cast<int>(*holder->pid));
        static_cast<void>(std::fflush(stdout));
    }

    static bool is_held(const Error& error, const detail::ServiceFiles& files) {
        return error.step() == Step::lock_pid_file && error.subject() == files.pid_file &&
               error.code().value() == EWOULDBLOCK;
    }

    std::function<int(RunningService&)> body_;
};

}  // namespace daemonkit

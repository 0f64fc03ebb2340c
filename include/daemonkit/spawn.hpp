// SPDX-License-Identifier: MIT
#pragma once
// spawn: a daemon is started, and the program that starts it lives on. Floor 9.

#include <daemonkit/context.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/decide_detach.hpp>
#include <daemonkit/detail/prepare_start.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/run.hpp>

#include <cerrno>
#include <cstdio>  // std::fflush
#include <optional>
#include <string>

#include <poll.h>
#include <sys/wait.h>

namespace daemonkit {

namespace detail {

/// The process in the middle: the launcher of the daemon, which ends in the caller's place. Never returns.
///
/// Nor does anything unwind past it, a body that calls pthread_exit included: behind it is the caller's code.
template <class Body>
// NOLINTNEXTLINE(bugprone-exception-escape): to end the process is what noexcept is for here
[[noreturn]] void launch_for_caller(ReadyChannel& caller, const DaemonOptions& options,
                                    Body& body) noexcept {
    const auto be_daemon = [&] {
        DaemonContext context(options);
        // The daemon. The caller learns its pid from itself; that it is up, from the launcher.
        static_cast<void>(caller.send(FrameKind::hello, sys::getpid()));
        caller.close();
        return handle_exceptions(
            [&] { return call_body(body, context); },
            [&](const std::exception& failure) {
                if (context.awaits_ready())
                    context.notify_failed(failure);
                else
                    static_cast<void>(std::fprintf(stderr, "%s\n", failure.what()));
                return status_of(failure);
            });
    };
    const int status = handle_exceptions(
        be_daemon, [&](const std::exception& failure) { return send_failure(caller, failure); });
    // Whatever the caller has registered to run at its exit is the caller's.
    static_cast<void>(std::fflush(nullptr));
    sys::exit_now(status);
}

/// Reads what the two processes say until both have said it, or one of them that there will be no daemon.
///
/// Not until the end of the line: a child of the daemon may hold it for ever.
inline pid_t await_spawned(ReadyChannel& channel, pid_t launcher) {
    constexpr int most_failures = 20;
    std::optional<Error> failure;
    pid_t daemon = 0;
    bool is_up = false;
    bool line_ended = false;
    for (int failures = 0; !failure && !line_ended && !(is_up && daemon != 0);) {
        ::pollfd line{channel.native_handle(), POLLIN, 0};
        static_cast<void>(sys::poll(&line, 1, -1));
        const auto got = channel.fill();
        if (got.error != 0 && got.error != EAGAIN) ++failures;
        line_ended = got.value == 0 || failures == most_failures;
        for (Frame frame; channel.take(frame);) {
            if (frame.kind == FrameKind::hello) daemon = frame.number;
            if (frame.kind == FrameKind::ready) is_up = true;
            if (frame.kind == FrameKind::failed) {
                failure.emplace(frame.step, frame.subject, frame.number, frame.explanation);
            }
        }
    }
    // It ends at once. Its status says nothing that is not known, and a caller that ignores SIGCHLD gets none.
    static_cast<void>(retry([&] { return sys::waitpid(launcher, nullptr, 0); }));
    if (failure) throw *failure;
    if (!is_up) {
        throw Error(Step::await_ready, "daemon", ECANCELED,
                    "its launcher ended before it was ready");
    }
    if (daemon == 0)
        throw Error(Step::await_ready, "daemon", ECANCELED, "it ended as it got ready");
    return daemon;
}

}  // namespace detail

/// Starts the body as the daemon the options describe, and returns its pid when it is ready.
///
/// The body is called as by `run`, in a process of its own that ends with it: no code of the caller after this call,
/// no destructor and no atexit function of the caller runs there.
///
/// Process:  returns in the caller, which is not changed; one more process than a DaemonContext needs stands between.
///           options.detach is taken as Detach::always.
/// Errors:   as DaemonContext, thrown in the caller. No daemon is left.
/// Threads:  one, as for every fork.
template <class Body>
pid_t spawn(const DaemonOptions& options, Body body) {
    DaemonOptions detached = options;
    detached.detach = Detach::always;
    detail::validate(detached);
    detail::refuse_threads(detail::read_proc_status());
    // Now: the line to the caller may get that number.
    if (!detail::is_notification(options.notification_fd)) detached.notification_fd.reset();
    detail::ReadyChannel caller;
    detail::ReadyChannel launcher;
    detail::ReadyChannel::open(caller, launcher);
    detached.keep_open.push_back(launcher.native_handle());
    detached.hooks.in_launcher = [&launcher, &options] {
        try {
            if (options.hooks.in_launcher) options.hooks.in_launcher();
        } catch (...) {
            // The daemon is up, and the caller has to know.
        }
        static_cast<void>(launcher.send(detail::FrameKind::ready, 0));
    };
    static_cast<void>(std::fflush(nullptr));
    const pid_t forked = detail::check(detail::sys::fork(), Step::fork_session_leader, "");
    if (forked == 0) {
        caller.close();
        detail::launch_for_caller(launcher, detached, body);
    }
    launcher.close();
    return detail::await_spawned(caller, forked);
}

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// run: a whole daemon in one call, with its failures told where they belong. Floor 9.

#include <daemonkit/context.hpp>
#include <daemonkit/detail/write_signals_guard.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstdio>       // std::fprintf
#include <exception>    // std::exception, std::current_exception
#include <type_traits>  // std::is_invocable_v

namespace daemonkit {

namespace detail {

/// The exit status that tells what kind of failure this is.
inline int status_of(const std::exception& failure) noexcept {
    constexpr int software = 70;  // EX_SOFTWARE
    const auto* const error = dynamic_cast<const Error*>(&failure);
    return error != nullptr ? error->exit_status() : software;
}

/// Calls it; whatever is thrown goes to `handle` as a std::exception, and its status is returned.
template <class Call, class Handle>
int handle_exceptions(Call call, Handle handle) {
    try {
        return call();
    } catch (const std::exception& failure) {
        return handle(failure);
    } catch (...) {
        // The unwinding of pthread_exit and pthread_cancel is no exception, and must not be held up.
        if (!std::current_exception()) throw;
        return handle(Error(Step::application, "", ECANCELED, thrown_without_words));
    }
}

/// One line on standard error; where it cannot be written the status has to tell, so that is no reason to die of
/// SIGPIPE or SIGXFSZ.
inline int tell_failure(const char* program, const std::exception& failure) noexcept {
    const WriteSignalsGuard no_signal;
    static_cast<void>(std::fprintf(stderr, "%s: %s\n", program, failure.what()));
    return status_of(failure);
}

/// What the body returns as a status: 0 where it returns nothing.
template <class Call>
int status_of_call(Call call) {
    if constexpr (std::is_void_v<decltype(call())>) {
        call();
        return 0;
    } else {
        return call();
    }
}

/// Calls the body with the context if it takes one.
template <class Body>
int call_body(Body& body, DaemonContext& context) {
    if constexpr (std::is_invocable_v<Body&, DaemonContext&>) {
        return status_of_call([&] { return body(context); });
    } else {
        return status_of_call(body);
    }
}

}  // namespace detail

/// Runs the body as the daemon the options describe; returns the exit status for main.
///
/// The body is called with the context, or with nothing, and returns a status or nothing. With ReadyWhen::notified it
/// calls `notify_ready`. What it throws before that fails the start, and the launcher tells it: step, subject and text;
/// what it throws later goes to the daemon's standard error.
///
/// Shape:    `program` stands before the message, as in other programs' messages.
/// Process:  the body runs in the daemon or the foreground process; in the launcher the call returns only when the
///           start has failed, after one line on standard error.
/// Errors:   none leaves, whatever is thrown; the status follows sysexits.h, 70 for what is not an Error.
/// Threads:  a body that ends its thread (pthread_exit) leaves the scope, and run by unwinding.
template <class Body>
int run(const char* program, const DaemonOptions& options, Body body) {
    const auto tell = [&](const std::exception& failure) {
        return detail::tell_failure(program, failure);
    };
    const auto be_daemon = [&] {
        DaemonContext context(options);
        return detail::handle_exceptions([&] { return detail::call_body(body, context); },
                                         [&](const std::exception& failure) {
                                             const bool is_told = context.awaits_ready();
                                             context.notify_failed(failure);
                                             return is_told ? detail::status_of(failure)
                                                            : tell(failure);
                                         });
    };
    return detail::handle_exceptions(be_daemon, tell);
}

}  // namespace daemonkit

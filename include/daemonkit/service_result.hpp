// SPDX-License-Identifier: MIT
#pragma once
// ServiceResult: how a verb such as stop or reload went, with the exit statuses of init scripts. Floor 1.

#include <daemonkit/error.hpp>

#include <cerrno>
#include <exception>  // std::exception, std::current_exception
#include <string>
#include <utility>  // std::move

namespace daemonkit {

/// The exit statuses of every verb but `status` and `run`.
///
/// Source:   Linux Standard Base 5.0, Core, 22.2 "Init Script Actions".
enum class ServiceExit : int {
    done = 0,  ///< also where nothing had to be done: a start of what runs, a stop of what does not
    failed = 1,
    wrong_use = 2,       ///< of the command line
    not_offered = 3,     ///< a reload of a service that has nothing to reload
    not_permitted = 4,   ///< the user has not the rights
    not_installed = 5,   ///< a program, or a part of one, is not there
    not_configured = 6,  ///< an option or a configuration cannot work
    not_running = 7,
};

/// How a verb went, and what there is to say about it.
struct ServiceResult {
    /// A ServiceExit; of a daemon that has ended, and of `run`, what the program or sysexits.h says.
    int exit_status = 0;
    std::string text = {};  ///< one line, or nothing

    ServiceResult() = default;
    /// With a status that is the program's own.
    ServiceResult(int status, std::string words) : exit_status(status), text(std::move(words)) {}
    /// With one of the statuses of init scripts.
    ServiceResult(ServiceExit status, std::string words)
        : ServiceResult(static_cast<int>(status), std::move(words)) {}

    /// True when what was asked for is true now.
    bool success() const noexcept { return exit_status == 0; }
};

/// A status of sysexits.h as one of LSB, which keeps those from 8 to 99 for itself; any other status stays what it is.
constexpr int service_exit_of(int status) noexcept {
    constexpr int first_of_sysexits = 64;
    constexpr int last_of_sysexits = 78;
    if (status < first_of_sysexits || status > last_of_sysexits) return status;
    switch (status) {
        case 64: return static_cast<int>(ServiceExit::wrong_use);       // EX_USAGE
        case 77: return static_cast<int>(ServiceExit::not_permitted);   // EX_NOPERM
        case 78: return static_cast<int>(ServiceExit::not_configured);  // EX_CONFIG
        default: return static_cast<int>(ServiceExit::failed);
    }
}

/// The exit status of a verb that failed with this.
inline int service_exit_of(const std::exception& failure) noexcept {
    constexpr int software = 70;  // EX_SOFTWARE
    const auto* const error = dynamic_cast<const Error*>(&failure);
    return service_exit_of(error != nullptr ? error->exit_status() : software);
}

namespace detail {

/// What a verb returns, or the failure that it ends with: nothing that is thrown leaves it.
template <class Verb, class StatusOf>
ServiceResult result_of_verb(Verb verb, StatusOf status_of) {
    const auto fail = [&](const std::exception& failure) {
        return ServiceResult(status_of(failure), failure.what());
    };
    try {
        return verb();
    } catch (const std::exception& failure) {
        return fail(failure);
    } catch (...) {
        // The unwinding of pthread_exit and pthread_cancel is no exception, and must not be held up.
        if (!std::current_exception()) throw;
        return fail(Error(Step::application, "", ECANCELED,
                          "something was thrown that is no std::exception"));
    }
}

template <class Verb>
ServiceResult result_of_verb(Verb verb) {
    return result_of_verb(verb,
                          [](const std::exception& failure) { return service_exit_of(failure); });
}

}  // namespace detail

}  // namespace daemonkit

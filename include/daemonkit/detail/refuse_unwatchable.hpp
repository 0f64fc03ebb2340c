// SPDX-License-Identifier: MIT
#pragma once
// refuse_unwatchable: signals that no program can wait for. Floor 3.

#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>  // EINVAL
#include <csignal>

namespace daemonkit::detail {

/// Returns for a signal that can reach a program as a value; nothing is changed, either way.
///
/// Errors:   Step::watch_signals, subject the signal's name, EINVAL.
inline void refuse_unwatchable(int number) {
    const auto refuse = [number](const char* why) {
        throw Error(Step::watch_signals, signal_name(number), EINVAL, why);
    };
    switch (number) {
        case SIGKILL:
        case SIGSTOP: refuse("no program can catch it"); break;
        case SIGSEGV:
        case SIGBUS:
        case SIGFPE:
        case SIGILL:
        case SIGTRAP:
        case SIGSYS:
            refuse("it is raised by an instruction, which fails again after the handler");
            break;
        case SIGABRT: refuse("abort ends the process before anyone could hear of it"); break;
        default:
            if (standard_signal_name(number) == nullptr && !is_real_time_signal(number))
                refuse("not a signal that programs may use");
    }
}

}  // namespace daemonkit::detail

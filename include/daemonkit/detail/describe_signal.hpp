// SPDX-License-Identifier: MIT
#pragma once
// describe_signal: from the kernel's siginfo_t to a SignalInfo. Floor 1.

#include <daemonkit/signal_info.hpp>

#include <csignal>  // siginfo_t, SI_USER, SIGCHLD

namespace daemonkit::detail {

/// What the kernel says about a signal, without the fields that its code leaves unfilled.
///
/// The fields of a siginfo_t share memory: read under the wrong code, a timer's number is a pid.
///
/// Source:   sigaction(2).
inline SignalInfo describe_signal(int number, const siginfo_t& details) noexcept {
    SignalInfo signal;
    signal.number = number;
    signal.code = details.si_code;
    switch (signal.code) {
        case SI_QUEUE:
        case SI_MESGQ: signal.value = details.si_value.sival_int; [[fallthrough]];
#ifdef SI_TKILL
        case SI_TKILL:
#endif
        case SI_USER:
            signal.pid = details.si_pid;
            signal.uid = details.si_uid;
            break;
        case SI_TIMER: signal.value = details.si_value.sival_int; break;
        default:
            if (number != SIGCHLD) break;
            signal.pid = details.si_pid;
            signal.uid = details.si_uid;
            signal.value = details.si_status;
    }
    return signal;
}

}  // namespace daemonkit::detail

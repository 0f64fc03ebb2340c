// SPDX-License-Identifier: MIT
#pragma once
// SignalInfo: a signal as a value. Floor 0.

#include <sys/types.h>  // pid_t, uid_t

namespace daemonkit {

/// A signal that arrived, and what the kernel says about it; or, with the number 0, a request to stop.
///
/// Source:   sigaction(2), the fields of siginfo_t; those a code does not fill are 0 here.
struct SignalInfo {
    int number = 0;  ///< SIGTERM and so on; 0: `SignalSet::stop` was called
    int code = 0;  ///< how it came: SI_USER (kill), SI_QUEUE (sigqueue), SI_TIMER, CLD_EXITED, ...
    pid_t pid =
        0;  ///< the sender, for SIGCHLD the child; 0: the kernel, or a process not visible here
    uid_t uid = 0;  ///< the sender's real user
    int value = 0;  ///< sigqueue's or a timer's; for SIGCHLD the child's exit status or signal
};

}  // namespace daemonkit

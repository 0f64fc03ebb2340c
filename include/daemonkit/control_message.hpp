// SPDX-License-Identifier: MIT
#pragma once
// ControlRequest, ControlAnswer: what is said over a control socket. Floor 0.

#include <string>
#include <vector>

#include <sys/types.h>  // pid_t, uid_t, gid_t

namespace daemonkit {

/// Who asks, as the kernel had it when the client connected.
struct ControlPeer {
    pid_t pid =
        0;  ///< 0 where the system does not tell it, or the process is not in this pid namespace
    uid_t uid = static_cast<uid_t>(-1);  ///< the effective user
    gid_t gid = static_cast<gid_t>(-1);  ///< the effective group
};

/// One request: `verb argument argument...`.
struct ControlRequest {
    std::string verb;                    ///< UTF-8, as are the arguments; there is no NUL in them
    std::vector<std::string> arguments;  ///< each as it was meant, without its quotes
    ControlPeer peer;                    ///< who asks
};

/// What a request is answered with.
struct ControlAnswer {
    /// As an exit status: 0 when it was done, 64 for a wrong request, 77 when it is not allowed; 0 to 255.
    int status = 0;
    /// For a person or a program to read; any number of lines.
    std::string text = {};
};

}  // namespace daemonkit

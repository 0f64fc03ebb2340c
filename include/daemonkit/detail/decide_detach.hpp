// SPDX-License-Identifier: MIT
#pragma once
// decide_detach: whether this process leaves its caller, and the fact that decides it. Floor 3.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <charconv>  // std::from_chars
#include <cstdlib>   // std::getenv
#include <cstring>   // std::strlen
#include <string>

#include <sys/socket.h>
#include <unistd.h>  // STDIN_FILENO

namespace daemonkit {

/// Whether the process detaches, and why.
struct DetachDecision {
    Detach choice = Detach::always;  ///< always or never
    std::string reason;              ///< the fact, in words
};

namespace detail {

/// True when the environment variable holds this process's own pid.
inline bool names_this_process(const char* variable) noexcept {
    const char* const text = std::getenv(variable);
    if (text == nullptr) return false;
    pid_t pid = 0;
    const auto parsed = std::from_chars(text, text + std::strlen(text), pid);
    return parsed.ec == std::errc{} && *parsed.ptr == '\0' && pid == sys::getpid();
}

/// True when standard input is a socket.
///
/// A closed descriptor is not one; nor is the socket pair that sshd gives a command without a terminal a superserver's.
inline bool input_is_superserver_socket() noexcept {
    int type = 0;
    socklen_t size = sizeof type;
    return sys::getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) &&
           std::getenv("SSH_CONNECTION") == nullptr;
}

/// Decides from facts; a parent with pid 1 is none: a shell may be pid 1, and a reaper need not be.
inline DetachDecision decide_detach(Detach wanted) {
    if (wanted == Detach::always) return {Detach::always, "asked for"};
    if (wanted == Detach::never) return {Detach::never, "asked for"};
    if (sys::getpid() == 1) return {Detach::never, "this is pid 1: its end would end the daemon"};
    if (std::getenv("NOTIFY_SOCKET") != nullptr) {
        return {Detach::never, "NOTIFY_SOCKET is set: a service manager waits for this process"};
    }
    if (names_this_process("SYSTEMD_EXEC_PID") && std::getenv("INVOCATION_ID") != nullptr) {
        return {Detach::never, "SYSTEMD_EXEC_PID is this process: systemd started it"};
    }
    if (names_this_process("LISTEN_PID")) {
        return {Detach::never, "LISTEN_PID is this process: it was given sockets"};
    }
    if (input_is_superserver_socket()) {
        return {Detach::never, "standard input is a socket: a superserver started it"};
    }
    return {Detach::always, "nothing speaks for a service manager"};
}

}  // namespace detail
}  // namespace daemonkit

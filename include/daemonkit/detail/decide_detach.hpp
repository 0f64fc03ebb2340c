// SPDX-License-Identifier: MIT
#pragma once
// decide_detach: whether this process leaves its caller, and the fact that decides it. Floor 3.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <cstddef>  // std::size_t, offsetof
#include <optional>
#include <string>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>  // STDIN_FILENO

namespace daemonkit {

/// Whether the process detaches, and why.
struct DetachDecision {
    Detach choice = Detach::always;  ///< always or never
    std::string reason;              ///< the fact, in words
};

namespace detail {

/// True when standard input is a socket with an address, as a superserver listens on or accepts.
///
/// One end of a socket pair has none: sshd and many language runtimes give programs such a pair in place of a pipe.
inline bool input_is_superserver_socket() noexcept {
    ::sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (!sys::getsockname(STDIN_FILENO, &address, &size)) return false;
    if (address.ss_family != AF_UNIX) return true;
    const auto* const bytes = reinterpret_cast<const char*>(&address);
    const std::size_t end = size < sizeof address ? size : sizeof address;
    for (std::size_t i = offsetof(::sockaddr_un, sun_path); i < end; ++i) {
        if (bytes[i] != 0) return true;
    }
    return false;
}

/// True when a supervisor can wait at the other end of the descriptor.
inline bool is_notification(std::optional<int> fd) noexcept {
    struct ::stat status {};
    return fd && sys::fstat(*fd, &status) && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

/// Decides from facts; a parent with pid 1 is none: a shell may be pid 1, and a reaper need not be.
inline DetachDecision decide_detach(Detach wanted, std::optional<int> notification_fd = {},
                                    pid_t pid = sys::getpid()) {
    if (wanted == Detach::always) return {Detach::always, "asked for"};
    if (wanted == Detach::never) return {Detach::never, "asked for"};
    if (pid == 1) return {Detach::never, "this is pid 1: its end would end the daemon"};
    if (manager_variable("NOTIFY_SOCKET") != nullptr) {
        return {Detach::never, "NOTIFY_SOCKET is set: a service manager waits for this process"};
    }
    if (names_this_process("SYSTEMD_EXEC_PID") && manager_variable("INVOCATION_ID") != nullptr) {
        return {Detach::never, "SYSTEMD_EXEC_PID is this process: systemd started it"};
    }
    if (names_this_process("LISTEN_PID")) {
        return {Detach::never, "LISTEN_PID is this process: it was given sockets"};
    }
    if (is_notification(notification_fd)) {
        return {Detach::never,
                "a supervisor waits for a line on descriptor " + std::to_string(*notification_fd)};
    }
    if (input_is_superserver_socket()) {
        return {Detach::never, "standard input is a socket: a superserver started it"};
    }
    return {Detach::always, "nothing speaks for a service manager"};
}

}  // namespace detail
}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// ControlThread: a ControlSocket is served by a thread of its own. Floor 5.

#include <daemonkit/control_socket.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/own_pid.hpp>
#include <daemonkit/detail/signal_mask_guard.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/error.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <exception>  // std::exception

#include <poll.h>
#include <pthread.h>
#include <time.h>  // timespec

namespace daemonkit {

/// As long as this exists, a thread serves the socket: for a daemon whose loop cannot wait for a descriptor.
///
/// The handlers run in that thread, and share what they touch with the rest of the program. No signal is handled there:
/// all are blocked but those of a crash.
///
/// Process:  made in the daemon, after the DaemonContext, which would refuse to fork with it. A forked child has no such
///           thread.
/// Errors:   Step::open_control_socket: subject "thread", or the path where another process has made the socket.
/// Undo:     the destructor waits for the handler that is running, if one is, and for the end of the thread.
/// Threads:  every verb is set before this is made; afterwards only `look_again` is called. A handler must not end it.
class ControlThread {
public:
    /// The thread runs, and serves the socket, which outlives it.
    explicit ControlThread(ControlSocket& socket) : socket_(socket) {
        socket.require_own();
        const detail::SignalMaskGuard inherited(all_but_crashes(), Step::open_control_socket);
        detail::check(detail::sys::pthread_create(&thread_, &run, this), Step::open_control_socket,
                      "thread");
    }
    ~ControlThread() {
        if (process_ != detail::own_pid()) return;
        is_ending_ = true;
        socket_.look_again();
        static_cast<void>(::pthread_join(thread_, nullptr));
    }
    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;

private:
    static sigset_t all_but_crashes() noexcept {
        sigset_t signals;
        sigfillset(&signals);
        for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
            sigdelset(&signals, number);
        return signals;
    }

    static void* run(void* self) noexcept {
        static_cast<ControlThread*>(self)->serve();
        return nullptr;
    }

    /// A failed call is no reason to leave the daemon without its socket, nor to spin.
    void serve() noexcept {
        const struct ::timespec moment = detail::timespec_of(100'000'000);
        while (!is_ending_) {
            ::pollfd set{socket_.native_handle(), POLLIN, 0};
            const auto ready = detail::sys::poll(&set, 1, -1);
            if (!is_ending_ && !(ready && try_serve()) && ready.error != EINTR)
                static_cast<void>(detail::sys::ppoll(nullptr, 0, &moment));
        }
    }

    bool try_serve() noexcept {
        try {
            socket_.serve();
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }

    ControlSocket& socket_;
    const pid_t process_ = detail::own_pid();
    std::atomic<bool> is_ending_{false};
    ::pthread_t thread_{};
};

}  // namespace daemonkit

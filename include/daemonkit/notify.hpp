// SPDX-License-Identifier: MIT
#pragma once
// Notifier: what a service does, told to the service manager that wants to know it. Floor 5.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <cstddef>  // offsetof
#include <string>
#include <string_view>

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>  // pid_t
#include <sys/un.h>

namespace daemonkit {

namespace detail {

/// Where a service manager listens.
struct NotifyAddress {
    ::sockaddr_storage storage{};
    socklen_t size = 0;  ///< 0: nowhere

    /// An absolute path, or a name that begins with `@`; anything else is no address.
    static NotifyAddress parse(std::string_view text) noexcept {
        NotifyAddress address;
        auto& local = reinterpret_cast<::sockaddr_un&>(address.storage);
        const bool is_abstract = !text.empty() && text.front() == '@';
        const bool is_path = !text.empty() && text.front() == '/';
        const std::size_t room = sizeof local.sun_path - (is_path ? 1U : 0U);
        if ((!is_abstract && !is_path) || text.size() < 2 || text.size() > room) return address;
        local.sun_family = AF_UNIX;
        text.copy(local.sun_path, text.size());
        if (is_abstract) local.sun_path[0] = '\0';
        address.size = static_cast<socklen_t>(offsetof(::sockaddr_un, sun_path) + text.size() +
                                              (is_path ? 1U : 0U));
        return address;
    }
};

}  // namespace detail

/// Tells a service manager what the service does; systemd and all that speak its protocol.
///
/// Nobody need listen, and whoever listens can do no harm: nothing here throws, waits for longer than 0.1 seconds, or
/// ends in a signal. Every function returns whether the message was taken. A DaemonContext has one and tells ready,
/// status and end by itself; this is for all else.
///
/// Process:  the manager believes the service's main process, unless it was told otherwise (NotifyAccess=).
/// Threads:  any.
/// Source:   sd_notify(3).
class Notifier {
public:
    /// Nobody listens.
    Notifier() noexcept = default;

    /// Speaks to the address, as the variable NOTIFY_SOCKET has it; null, or what is no address, is nobody.
    ///
    /// The connection outlives a change of the root directory and of the user.
    explicit Notifier(const char* address) noexcept {
        const detail::ErrnoGuard keep_errno;
        if (address != nullptr) address_ = detail::NotifyAddress::parse(address);
        if (address_.size == 0) return;
        const auto made = detail::sys::socket_nonblocking(AF_UNIX, SOCK_DGRAM);
        if (!made) return;
        socket_.reset(made.value);
        if (!detail::above_standard(socket_)) socket_.reset();
        if (socket_.is_open()) static_cast<void>(connect());
    }

    /// True when there is a socket to speak through, whoever may hear it.
    bool is_open() const noexcept { return socket_.is_open(); }

    /// The descriptor, or -1; for those who close descriptors.
    int native_handle() const noexcept { return socket_.get(); }

    /// The service is up. With `main_pid` the manager learns in the same breath which process that is.
    bool ready(pid_t main_pid = 0) const noexcept {
        return tell([&] {
            return (main_pid > 0 ? "MAINPID=" + std::to_string(main_pid) + '\n' : std::string()) +
                   "READY=1";
        });
    }

    /// What the service is doing, as one line.
    bool status(std::string_view text) const noexcept {
        return tell([&] { return "STATUS=" + detail::one_line(std::string(text)); });
    }

    /// The service has begun to end.
    bool stopping() const noexcept { return send("STOPPING=1"); }

    /// A reload has begun; `ready` tells its end. Told with the time, which has to be later than that of the request.
    bool reloading() const noexcept {
        return tell([] {
            return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(detail::monotonic_now() / 1000);
        });
    }

    /// The service has failed, and will end with its exit status.
    bool failed(const Error& error) const noexcept {
        return tell([&] {
            return "STATUS=" + detail::one_line(error.what()) +
                   "\nERRNO=" + std::to_string(error.code().value()) +
                   "\nEXIT_STATUS=" + std::to_string(error.exit_status());
        });
    }

    /// What is going on (a start, a reload, an end) may take that long from now on.
    bool extend_timeout(Timeout time) const noexcept {
        return tell(
            [&] { return "EXTEND_TIMEOUT_USEC=" + std::to_string(time.in_nanoseconds() / 1000); });
    }

    /// The service is alive (WatchdogSec=).
    bool watchdog() const noexcept { return send("WATCHDOG=1"); }

    /// Assignments of any kind, one a line, in one message.
    bool send(std::string_view assignments) const noexcept {
        const detail::ErrnoGuard keep_errno;
        if (!is_open()) return false;
        constexpr detail::Nanoseconds bound = 100'000'000;
        const auto deadline = detail::monotonic_after(bound);
        for (bool connected_again = false;;) {
            const auto sent = detail::retry([&] {
                return detail::sys::send(socket_.get(), assignments.data(), assignments.size(), 0);
            });
            if (sent) return true;
            if (sent.error == EAGAIN) {
                if (!wait_for_room(deadline)) return false;
            } else if (connected_again || !connect()) {
                return false;
            } else {
                connected_again = true;  // another one may listen by the same name now
            }
        }
    }

private:
    /// What there is no memory for is not told.
    template <class Compose>
    bool tell(Compose compose) const noexcept try {
        return is_open() && send(compose());
    } catch (...) {
        return false;
    }

    bool connect() const noexcept {
        return !!detail::retry(
            [&] { return detail::sys::connect(socket_.get(), address_.storage, address_.size); });
    }

    bool wait_for_room(detail::Nanoseconds deadline) const noexcept {
        ::pollfd room{socket_.get(), POLLOUT, 0};
        const int left = detail::milliseconds_until(deadline);
        const auto ready = detail::sys::poll(&room, 1, left);
        if (ready.error == EINTR) return detail::monotonic_now() < deadline;
        return ready && ready.value > 0 && left > 0;
    }

    detail::NotifyAddress address_;
    detail::UniqueFd socket_;
};

}  // namespace daemonkit

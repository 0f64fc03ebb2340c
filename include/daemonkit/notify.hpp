// SPDX-License-Identifier: MIT
#pragma once
// Notifier: what a service does, told to the service manager that wants to know it. Floor 5.

#include <daemonkit/detail/cloexec_pipe.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/notify_address.hpp>
#include <daemonkit/detail/notify_socket.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include <sys/types.h>  // pid_t

namespace daemonkit {

/// How long a service manager keeps a descriptor that was stored.
enum class StoredUntil : std::uint8_t {
    hung_up,  ///< until its other end is closed, or it is taken out; for sockets
    removed,  ///< until it is taken out; for files, and for what a poll calls readable at once
};

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

    /// Speaks to the address, as the variable NOTIFY_SOCKET has it: a path, `@name`, or `vsock:CONTEXT:PORT`. Null, or
    /// what is no address, is nobody.
    ///
    /// The connection outlives a change of the root directory and of the user.
    explicit Notifier(const char* address) noexcept
        : socket_(detail::NotifyAddress::parse(address == nullptr ? "" : address)) {}

    /// True when there is a socket to speak through, whoever may hear it.
    bool is_open() const noexcept { return socket_.is_open(); }

    /// The descriptor, or -1; for those who close descriptors.
    int native_handle() const noexcept { return socket_.native_handle(); }

    /// The service is up, or a reload is over.
    bool ready() const noexcept { return send("READY=1"); }

    /// That, and what the service is doing, as one line, in one message. Where there is no memory for it, without.
    bool ready(std::string_view status) const noexcept {
        const auto compose = [&] {
            return "STATUS=" + detail::one_line(std::string(status)) + "\nREADY=1";
        };
        return tell(compose) || ready();
    }

    /// Another process is the service's main process from now on; it has to be one of the service's.
    ///
    /// Told by its pid, and where kernel and manager can (systemd 257) by a descriptor, for which no later process with
    /// that pid can be taken.
    bool main_process(pid_t pid) const noexcept {
        if (!is_open() || pid <= 0) return false;
        const detail::ErrnoGuard keep_errno;
        detail::UniqueFd process;
        if (socket_.passes_descriptors()) {
            const auto opened = detail::sys::pidfd_open(pid);  // close-on-exec by itself
            if (opened) process.reset(opened.value);
        }
        return tell(
            [&] {
                return "MAINPID=" + std::to_string(pid) +
                       (process.is_open() ? "\nMAINPIDFD=1" : "");
            },
            process.get());
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

    /// The service has failed, and will end with its exit status, 70 for what is no Error.
    bool failed(const std::exception& failure) const noexcept {
        return tell([&] {
            const auto* const error = dynamic_cast<const Error*>(&failure);
            constexpr int software = 70;  // EX_SOFTWARE
            return "STATUS=" + detail::one_line(failure.what()) +
                   (error == nullptr ? "" : "\nERRNO=" + std::to_string(error->code().value())) +
                   "\nEXIT_STATUS=" +
                   std::to_string(error == nullptr ? software : error->exit_status());
        });
    }

    /// What is going on (a start, a reload, an end) may take that long from now on.
    bool extend_timeout(Timeout time) const noexcept {
        return tell(
            [&] { return "EXTEND_TIMEOUT_USEC=" + std::to_string(time.in_nanoseconds() / 1000); });
    }

    /// The service is alive (WatchdogSec=).
    bool watchdog() const noexcept { return send("WATCHDOG=1"); }

    /// The service cannot go on: the manager does at once what it does when the sign of life is missing.
    bool watchdog_trigger() const noexcept { return send("WATCHDOG=trigger"); }

    /// The manager keeps a copy of the descriptor, and hands it over at the next start: ListenFds, by this name. For a
    /// service that is started anew without losing its connections (FileDescriptorStoreMax=).
    ///
    /// Shape:    1 to 255 printable ASCII characters, no colon; else nothing is sent.
    bool store(std::string_view name, int fd,
               StoredUntil until = StoredUntil::hung_up) const noexcept {
        return is_store_name(name) && fd >= 0 &&
               tell(
                   [&] {
                       return "FDSTORE=1\nFDNAME=" + std::string(name) +
                              (until == StoredUntil::removed ? "\nFDPOLL=0" : "");
                   },
                   fd);
    }

    /// The manager gives up what is stored by this name.
    bool remove_stored(std::string_view name) const noexcept {
        return is_store_name(name) &&
               tell([&] { return "FDSTOREREMOVE=1\nFDNAME=" + std::string(name); });
    }

    /// The manager has read all that was sent before; false when the time is over, or nobody listens.
    ///
    /// For a process that ends soon: a manager may not know any more to which service its message belongs.
    bool barrier(Timeout time) const noexcept {
        if (!is_open()) return false;
        const detail::ErrnoGuard keep_errno;
        const auto deadline = detail::monotonic_after(time.in_nanoseconds());
        // Where each message is waited for, it has been read.
        if (!socket_.passes_descriptors()) return socket_.send("BARRIER=1", no_fd, deadline);
        int ends[2] = {no_fd, no_fd};
        if (!detail::cloexec_pipe(ends, 0)) return false;
        const detail::UniqueFd ours(ends[0]);
        detail::UniqueFd theirs(ends[1]);
        if (!socket_.send("BARRIER=1", theirs.get(), deadline)) return false;
        theirs.reset();
        return detail::NotifySocket::wait(ours.get(), 0, deadline);  // until the manager closes it
    }

    /// Assignments of any kind, one a line, in one message.
    bool send(std::string_view assignments) const noexcept {
        return socket_.send(assignments, no_fd, detail::monotonic_after(bound));
    }

private:
    static constexpr int no_fd = -1;
    static constexpr detail::Nanoseconds bound = 100'000'000;

    /// What there is no memory for is not told.
    template <class Compose>
    bool tell(Compose compose, int fd = no_fd) const noexcept try {
        return is_open() && socket_.send(compose(), fd, detail::monotonic_after(bound));
    } catch (...) {
        return false;
    }

    static bool is_store_name(std::string_view name) noexcept {
        constexpr std::size_t longest = 255;
        if (name.empty() || name.size() > longest) return false;
        for (const char each : name)
            if (each < ' ' || each > '~' || each == ':') return false;
        return true;
    }

    detail::NotifySocket socket_;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// MemoryPressure: memory gets short, and the service manager wants the service to give back what it can. Floor 5.

#include <daemonkit/detail/base64.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/local_address.hpp>
#include <daemonkit/detail/pressure_file.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <cstdlib>  // std::getenv
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <fcntl.h>
#include <poll.h>  // POLLPRI, POLLIN
#include <sys/socket.h>
#include <sys/stat.h>

namespace daemonkit {

/// What a wait for memory pressure has ended with.
enum class PressureNews : std::uint8_t {
    none,      ///< nothing new
    pressure,  ///< memory is short: caches, idle workers and idle connections can go
    ended,     ///< nothing will be told any more: the descriptor is not to be waited for again
};

class MemoryPressure;
std::optional<MemoryPressure> watch_memory_pressure();

/// What tells of memory pressure, in the program's own loop; from watch_memory_pressure.
///
/// <!-- region: examples/guide/at_home.cpp wait -->
///
///     ::pollfd waits[] = {{signals.native_handle(), POLLIN, 0}, {-1, 0, 0}};
///     if (pressure) waits[1] = {pressure->native_handle(), pressure->events(), 0};
///     if (::poll(waits, 2, -1) == -1) continue;  // interrupted
///     if (signals.poll()) return;
///     const auto news =
///         pressure ? pressure->consume(waits[1].revents) : daemonkit::PressureNews::none;
///     if (news == daemonkit::PressureNews::pressure) empty_cache();
///     if (news == daemonkit::PressureNews::ended) pressure.reset();
///
/// Threads:  one at a time.
class MemoryPressure {
public:
    /// The descriptor to wait with, close-on-exec; borrowed.
    int native_handle() const noexcept { return fd_.get(); }

    /// What to wait for with poll(2), or epoll(7): POLLPRI where the kernel tells, POLLIN where somebody else does.
    short events() const noexcept { return events_; }

    /// What the wait has ended with, by the `revents` of poll(2); what was sent is read, and no longer there.
    PressureNews consume(short returned_events) {
        const bool is_told = (returned_events & events_) != 0;
        constexpr short failures = POLLERR | POLLHUP | POLLNVAL;
        if (is_told && events_ == POLLIN) return drain();
        // With the cgroup gone, or without a setting, the kernel says POLLPRI as well, at once and for ever.
        if ((returned_events & failures) != 0) return PressureNews::ended;
        return is_told ? PressureNews::pressure : PressureNews::none;
    }

private:
    friend std::optional<MemoryPressure> watch_memory_pressure();
    MemoryPressure(detail::UniqueFd fd, short events) noexcept
        : fd_(std::move(fd)), events_(events) {}

    /// Reads what is there, a bounded number of times: who sends without an end does not keep the loop here.
    PressureNews drain() const {
        constexpr int most = 64;
        char ignored[4096];
        for (int i = 0; i < most; ++i) {
            const auto got = detail::retry(
                [&] { return detail::sys::read(fd_.get(), ignored, sizeof ignored); });
            if (got.error == EAGAIN || got.error == EINTR)
                return i == 0 ? PressureNews::none : PressureNews::pressure;
            // What came before the end is told first; the next wait ends at once, with the end.
            if (!got || got.value == 0)
                return i == 0 ? PressureNews::ended : PressureNews::pressure;
        }
        return PressureNews::pressure;
    }

    detail::UniqueFd fd_;
    short events_;
};

namespace detail {

/// Errors:   Step::watch_memory.
[[noreturn]] inline void refuse_pressure(const std::string& path) {
    throw Error(Step::watch_memory, path, EINVAL,
                "$MEMORY_PRESSURE_WATCH has to name a file of the kernel, a FIFO or a socket");
}

/// A socket at that path, connected.
///
/// Errors:   Step::watch_memory.
inline UniqueFd connect_pressure(const std::string& path) {
    const LocalAddress address(path, Step::watch_memory);
    UniqueFd fd(check(sys::socket_nonblocking(AF_UNIX, SOCK_STREAM), Step::watch_memory, path));
    const auto connected =
        retry([&] { return sys::connect(fd.get(), address.storage, address.size); });
    if (connected.error != EISCONN) check(connected, Step::watch_memory, path);
    return fd;
}

/// The file or FIFO at that path, of the kind that was found there; a file that is not the kernel's is not touched.
///
/// Errors:   Step::watch_memory.
inline UniqueFd open_pressure(const std::string& path, mode_t kind) {
    constexpr Step step = Step::watch_memory;
    // For writing too: the kernel's file takes the setting, and a FIFO never ends when its writers do.
    constexpr int flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    UniqueFd fd(check(retry([&] { return sys::open(path.c_str(), flags); }), step, path));
    struct ::stat status {};
    check(sys::fstat(fd.get(), &status), step, path);
    const bool is_the_kernels =
        S_ISREG(status.st_mode) && check(is_pressure_file(fd.get()), step, path);
    if ((status.st_mode & S_IFMT) != (kind & S_IFMT) || (S_ISREG(kind) && !is_the_kernels))
        refuse_pressure(path);
    return fd;
}

/// What is to be written to what is watched; empty where nothing is.
///
/// Errors:   Step::watch_memory.
inline std::string pressure_setting(std::string_view encoded) {
    constexpr std::size_t longest = 4096;
    std::optional<std::string> setting;
    if (encoded.size() <= longest) setting = from_base64(encoded);
    if (!setting)
        throw Error(Step::watch_memory, "MEMORY_PRESSURE_WRITE", EINVAL,
                    "it has to be base64, of at most 4096 bytes");
    return std::move(*setting);
}

/// Errors:   Step::watch_memory.
inline void write_pressure_setting(int fd, mode_t kind, const std::string& setting,
                                   const std::string& path) {
    const auto written = retry([&] {
        return S_ISSOCK(kind) ? sys::send(fd, setting.data(), setting.size(), 0)
                              : sys::write(fd, setting.data(), setting.size());
    });
    const auto size = static_cast<std::size_t>(check(written, Step::watch_memory, path));
    if (size != setting.size())
        throw Error(Step::watch_memory, path, EAGAIN,
                    "it has not taken all of $MEMORY_PRESSURE_WRITE");
}

/// The value of the variable, which is gone then; empty where it is not set.
///
/// Errors:   Step::watch_memory.
inline std::string take_variable(const char* name) {
    const char* const value = std::getenv(name);
    std::string text = value != nullptr ? value : "";
    check(sys::unsetenv(name), Step::watch_memory, name);
    return text;
}

}  // namespace detail

/// What tells of memory pressure, as the service manager has set it up; nothing where it has not.
///
/// systemd does it for each service whose memory it accounts for (MemoryPressureWatch= of the unit), with the kernel's own
/// measure of the service's cgroup. The variables are gone after it: a second call finds nothing, and helpers do not
/// watch what is the service's.
///
/// What a FIFO is told first is the program's own setting, as the protocol has it: that is one `pressure` too many.
///
/// Process:  the daemon, before `privileges` where those would take the right to the file away.
/// Errors:   Step::watch_memory (EINVAL: a variable that makes no sense; what open(2), connect(2) and write(2) say). A
///           program that can do without catches it.
/// Threads:  before the first thread, because it changes the environment.
/// Source:   systemd.io/MEMORY_PRESSURE; the kernel's accounting/psi.
inline std::optional<MemoryPressure> watch_memory_pressure() {
    const std::string path = detail::take_variable("MEMORY_PRESSURE_WATCH");
    const std::string encoded = detail::take_variable("MEMORY_PRESSURE_WRITE");
    if (path.empty() || path == "/dev/null" || detail::sys::has_elevated_rights()) return {};
    if (path.front() != '/')
        throw Error(Step::watch_memory, path, EINVAL, "$MEMORY_PRESSURE_WATCH has to be absolute");
    const std::string setting = detail::pressure_setting(encoded);

    // A device is not even opened: that alone can do something.
    struct ::stat status {};
    detail::check(detail::sys::stat(path.c_str(), &status), Step::watch_memory, path);
    const mode_t kind = status.st_mode;
    if (!S_ISSOCK(kind) && !S_ISFIFO(kind) && !S_ISREG(kind)) detail::refuse_pressure(path);
    detail::UniqueFd fd =
        S_ISSOCK(kind) ? detail::connect_pressure(path) : detail::open_pressure(path, kind);
    if (!setting.empty()) detail::write_pressure_setting(fd.get(), kind, setting, path);
    return MemoryPressure(std::move(fd), S_ISREG(kind) ? POLLPRI : POLLIN);
}

}  // namespace daemonkit

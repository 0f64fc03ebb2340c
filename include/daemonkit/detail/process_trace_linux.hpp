// SPDX-License-Identifier: MIT
#pragma once
// trace_process by /proc/PID/stat. Floor 3 behind process_trace.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <cerrno>
#include <charconv>  // std::from_chars
#include <cstddef>   // std::size_t
#include <cstdint>
#include <string_view>

#include <fcntl.h>
#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// What a process's number alone does not say.
struct ProcessTrace {
    std::uint64_t started = 0;  ///< in ticks since the machine came up: a hundred a second
    bool is_ending = false;     ///< it runs nothing of its program any more
    bool has_ended = false;     ///< its parent has not taken its end yet
};

/// The trace in a whole /proc/PID/stat.
///
/// Errors:   ENOTSUP for any other text.
/// Source:   proc_pid_stat(5).
inline Result<ProcessTrace> parse_process_stat(std::string_view text) noexcept {
    constexpr Result<ProcessTrace> unknown{{}, ENOTSUP};
    // The name may hold blanks and parentheses; no field behind it does.
    const auto name_end = text.rfind(") ");
    if (name_end == text.npos || name_end + 3 > text.size()) return unknown;
    const char state = text[name_end + 2];
    text.remove_prefix(name_end + 3);
    std::uint64_t flags = 0;
    std::uint64_t threads = 0;
    std::uint64_t started = 0;
    constexpr int flags_field = 9;
    constexpr int threads_field = 20;
    constexpr int started_field = 22;
    for (int field = 4; field <= started_field; ++field) {
        if (text.empty() || text.front() != ' ') return unknown;
        text.remove_prefix(1);
        const auto end = text.find(' ');
        if (end == text.npos) return unknown;
        std::uint64_t* const wanted = field == flags_field     ? &flags
                                      : field == threads_field ? &threads
                                      : field == started_field ? &started
                                                               : nullptr;
        if (wanted != nullptr) {
            const auto parsed = std::from_chars(text.data(), text.data() + end, *wanted);
            if (parsed.ec != std::errc{} || parsed.ptr != text.data() + end) return unknown;
        }
        text.remove_prefix(end);
    }
    // A first thread that has ended looks like that, too, while others go on.
    const bool has_ended = (state == 'Z' || state == 'X') && threads <= 1;
    constexpr std::uint64_t exiting = 0x4;  // PF_EXITING of the kernel
    return {{started, (flags & exiting) != 0, has_ended}, 0};
}

/// Asks /proc.
///
/// Errors:   ESRCH: there is no process of that number; ENOTSUP: there is, and /proc does not tell.
inline Result<ProcessTrace> trace_process(pid_t pid) noexcept {
    BoundedText<40> path;
    path.append("/proc/");
    path.append_number(static_cast<unsigned>(pid));
    path.append("/stat");
    path.append('\0');
    const auto opened = retry([&] { return sys::open(path.view().data(), O_RDONLY | O_CLOEXEC); });
    // Not mounted, or hidden from this user.
    if (opened.error == ENOENT || opened.error == EACCES || opened.error == EPERM)
        return {{}, sys::kill(pid, 0).error == ESRCH ? ESRCH : ENOTSUP};
    if (!opened) return {{}, opened.error};
    const UniqueFd fd(opened.value);
    char text[2048];
    const auto got = retry([&] { return sys::read(fd.get(), text, sizeof text); });
    if (!got) return {{}, got.error};
    return parse_process_stat({text, static_cast<std::size_t>(got.value)});
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// ProcStatus: six questions about this process, answered by /proc/self/status. Floor 3.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <charconv>  // std::from_chars
#include <cstddef>   // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// What the kernel says of this process; bit n-1 of a set stands for signal n.
///
/// Source:   proc_pid_status(5).
struct ProcStatus {
    pid_t pid = 0;  ///< in its own namespace
    int threads = 1;
    int descriptor_slots = 0;  ///< no open descriptor has this number or a higher one
    std::uint64_t ignored = 0;
    std::uint64_t caught = 0;
    bool streams_are_open = false;  ///< 0–2 are, which the number tells that the file was opened at

    /// True when the signal is ignored.
    bool ignores(int signal) const noexcept {
        return (ignored >> static_cast<unsigned>(signal - 1) & 1U) != 0;
    }

    /// True when the signal is ignored or caught.
    bool differs_from_default(int signal) const noexcept {
        return ((ignored | caught) >> static_cast<unsigned>(signal - 1) & 1U) != 0;
    }
};

/// The number after `label`, nothing when there is none.
template <class Number>
std::optional<Number> proc_field(std::string_view text, std::string_view label, int base) {
    const auto at = text.find(label);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + label.size());
    text.remove_prefix(text.find_first_not_of(" \t") == std::string_view::npos
                           ? text.size()
                           : text.find_first_not_of(" \t"));
    Number number{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (parsed.ec != std::errc{}) return {};
    return number;
}

/// The pid of this process in its own namespace, which stands last in a line for each from that of /proc on.
///
/// Kernels before 4.1, and such as only look like Linux, do not have the line.
inline pid_t proc_pid(std::string_view text) noexcept {
    const auto at = text.find("\nNSpid:");
    if (at == std::string_view::npos) return sys::getpid();
    const auto line = text.substr(at, text.find('\n', at + 1) - at);
    const auto last = line.rfind('\t');
    if (last == std::string_view::npos) return sys::getpid();
    const auto pid = proc_field<pid_t>(line.substr(last), "\t", 10);
    return pid ? *pid : sys::getpid();
}

/// True when the last of the fields that are looked for is there.
inline bool has_all_fields(std::string_view status) noexcept {
    const auto last = status.find("\nSigCgt:");
    return last != std::string_view::npos && status.find('\n', last + 1) != std::string_view::npos;
}

/// The status of this process; nothing where there is no /proc, or it does not answer all of it.
inline std::optional<ProcStatus> read_proc_status() {
    const auto opened = retry([] { return sys::open("/proc/self/status", O_RDONLY | O_CLOEXEC); });
    if (!opened) return {};
    const UniqueFd fd(opened.value);
    // The supplementary groups stand before half of what is looked for, and there may be 65536 of them.
    constexpr std::size_t longest = std::size_t{1} << 20U;
    char part[4096];
    std::string longer;
    std::string_view text;
    do {
        const auto got = retry([&] { return sys::read(fd.get(), part, sizeof part); });
        if (!got) return {};
        if (got.value == 0) break;
        text = {part, static_cast<std::size_t>(got.value)};
        if (longer.empty() && has_all_fields(text)) break;  // nearly always
        text = longer.append(text);
    } while (!has_all_fields(text) && text.size() < longest);
    const auto threads = proc_field<int>(text, "\nThreads:", 10);
    const auto slots = proc_field<int>(text, "\nFDSize:", 10);
    const auto ignored = proc_field<std::uint64_t>(text, "\nSigIgn:", 16);
    const auto caught = proc_field<std::uint64_t>(text, "\nSigCgt:", 16);
    if (!threads || !slots || !ignored || !caught) return {};
    return ProcStatus{proc_pid(text), *threads, *slots,
                      *ignored,       *caught,  fd.get() >= lowest_own_fd};
}

}  // namespace daemonkit::detail

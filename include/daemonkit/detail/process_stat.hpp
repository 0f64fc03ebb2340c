// SPDX-License-Identifier: MIT
#pragma once
// ProcessStat: the one line of /proc/PID/stat. Floor 2. The name in it may hold `) R 1 (`: its end is the last bracket.

#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/process_report.hpp>

#include <array>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// What the line tells that is of use here.
///
/// Source:   proc_pid_stat(5).
struct ProcessStat {
    pid_t pid = 0;
    std::string name;
    ProcessState state = ProcessState::sleeping;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    unsigned terminal = 0;  ///< device number, 0: none
    pid_t foreground_group = -1;
    bool is_kernel_thread = false;
    int nice = 0;
    std::size_t threads = 0;
    std::uint64_t start_ticks = 0;
};

/// The line in its parts; nothing when one of them is not what it should be.
inline std::optional<ProcessStat> parse_stat_line(std::string_view text) {
    const auto name_begin = text.find(" (");
    const auto name_end = text.rfind(") ");
    if (name_begin == std::string_view::npos || name_end == std::string_view::npos ||
        name_end < name_begin + 2 || text.back() != '\n')
        return {};
    text.remove_suffix(1);
    ProcessStat stat;
    const auto pid = whole_number<pid_t>(text.substr(0, name_begin));
    stat.name = text.substr(name_begin + 2, name_end - name_begin - 2);
    text.remove_prefix(name_end + 2);
    const std::string_view state = take_word(text);
    // Fields 4 to 22 of the page, all numbers.
    std::array<std::int64_t, 23> field{};
    for (std::size_t place = 4; place < 22; ++place) {
        // Counters among them need all 64 bits; of those that are taken here none is negative for a real reason.
        const std::string_view word = take_word(text);
        const auto number = whole_number<std::int64_t>(word);
        if (!number && !whole_number<std::uint64_t>(word)) return {};
        field[place] = number.value_or(0);
    }
    const auto start = whole_number<std::uint64_t>(take_word(text));
    if (!pid || state.size() != 1 || !start) return {};
    stat.pid = *pid;
    stat.state = static_cast<ProcessState>(state.front());
    stat.parent = static_cast<pid_t>(field[4]);
    stat.group = static_cast<pid_t>(field[5]);
    stat.session = static_cast<pid_t>(field[6]);
    stat.terminal = static_cast<unsigned>(field[7]);
    stat.foreground_group = static_cast<pid_t>(field[8]);
    constexpr std::int64_t kernel_thread = 0x00200000;
    stat.is_kernel_thread = (field[9] & kernel_thread) != 0;
    stat.nice = static_cast<int>(field[19]);
    stat.threads = static_cast<std::size_t>(field[20]);
    stat.start_ticks = *start;
    return stat;
}

/// The terminal of a device number.
///
/// Source:   proc_pid_stat(5) tty_nr; the kernel's list of device numbers.
inline std::optional<ProcessTerminal> describe_terminal(unsigned number, pid_t foreground_group) {
    if (number == 0) return {};
    ProcessTerminal terminal;
    terminal.major_number = number >> 8U & 0xfffU;
    terminal.minor_number = (number & 0xffU) | (number >> 12U & 0xfff00U);
    if (foreground_group > 0) terminal.foreground_group = foreground_group;
    const unsigned major_number = terminal.major_number;
    const unsigned minor_number = terminal.minor_number;
    constexpr unsigned first_pts = 136;
    constexpr unsigned last_pts = 143;
    if (major_number >= first_pts && major_number <= last_pts) {
        terminal.name = "pts/" + std::to_string((major_number - first_pts) * 256 + minor_number);
    } else if (major_number == 4 && minor_number < 64) {
        terminal.name = "tty" + std::to_string(minor_number);
    } else if (major_number == 4) {
        terminal.name = "ttyS" + std::to_string(minor_number - 64);
    } else if (major_number == 5 && minor_number == 1) {
        terminal.name = "console";
    } else {
        terminal.name =
            "device " + std::to_string(major_number) + ":" + std::to_string(minor_number);
    }
    return terminal;
}

}  // namespace daemonkit::detail

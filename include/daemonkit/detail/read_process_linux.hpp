// SPDX-License-Identifier: MIT
#pragma once
// What /proc tells of a process. Floor 4 behind read_process.hpp.

#include <daemonkit/detail/open_process_linux.hpp>
#include <daemonkit/detail/proc_folder.hpp>
#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/detail/process_place.hpp>
#include <daemonkit/detail/process_stat.hpp>
#include <daemonkit/detail/process_status.hpp>
#include <daemonkit/detail/read_parts_linux.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/process_report.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move
#include <vector>

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

inline std::uint64_t uptime_since(std::uint64_t start_ticks) noexcept {
    const std::int64_t ticks = sys::ticks_of_a_second();
    if (ticks <= 0) return 0;
    const auto started = start_ticks / static_cast<std::uint64_t>(ticks);
    const auto now = static_cast<std::uint64_t>(sys::nanoseconds_since_boot() / 1'000'000'000);
    return now > started ? now - started : 0;
}

inline ProcessVitals vitals_of(const ProcessStat& stat) {
    ProcessVitals vitals;
    vitals.pid = stat.pid;
    vitals.name = stat.name;
    vitals.state = stat.state;
    vitals.start_ticks = stat.start_ticks;
    vitals.uptime_seconds = uptime_since(stat.start_ticks);
    vitals.threads = stat.threads;
    return vitals;
}

/// The name of another process; 0 is one that is not visible from here.
inline Known<std::string> name_of(pid_t pid) {
    if (pid == 0) return Known<std::string>::unknown(ENOENT);
    const auto folder = ProcFolder::open("/proc/" + std::to_string(pid));
    if (!folder)
        return Known<std::string>::unknown(folder.error() == ENOENT ? ESRCH : folder.error());
    auto stat = read_stat(*folder);
    if (!stat) return Known<std::string>::unknown(stat.error());
    if (has_ended(*stat)) return Known<std::string>::unknown(ESRCH);
    return std::move(stat->name);
}

/// The words that the process was started with, or has put into their place.
inline Known<std::vector<std::string>> read_command_line(const ProcFolder& folder) {
    using Words = Known<std::vector<std::string>>;
    constexpr std::size_t most = 65'536;
    const auto text = folder.begin_of("cmdline", most);
    if (!text) return Words::unknown(text.error());
    if (text->empty()) return Words::unknown(ENOENT);
    std::vector<std::string> words;
    std::string_view rest = *text;
    while (!rest.empty()) words.emplace_back(take_until(rest, '\0'));
    return words;
}

inline Known<int> read_number(const ProcFolder& folder, const std::string& name) {
    return parsed(folder.read(name),
                  [](std::string_view text) { return labelled_number<int>(text, ""); });
}

/// Where the file system of the directory is mounted, as the process itself sees it.
inline Known<std::string> read_directory_mount(const ProcFolder& folder,
                                               const ProcessReport& report) {
    using Path = Known<std::string>;
    if (!report.directory) return Path::unknown(report.directory.error());
    if (!report.root) return Path::unknown(report.root.error());
    constexpr std::size_t most = std::size_t{4} << 20U;
    const auto mounts = folder.read("mountinfo", most);
    if (!mounts) return Path::unknown(mounts.error());
    if (!is_within(*report.directory, *report.root)) return Path::unknown(ENOENT);
    const std::size_t above = *report.root == "/" ? 0 : report.root->size();
    const std::string inside = report.directory->substr(above);
    return parse_mount_point(*mounts, inside.empty() ? "/" : inside);
}

/// Its own memory, and whether it may be traced: what needs more than a look at the status.
inline void read_memory(ProcessReport& report, const ProcFolder& folder) {
    if (report.vitals.memory)
        report.vitals.memory->own = parsed(folder.read("smaps_rollup"), parse_own_memory);
    const auto owner = folder.owner_of("stat");
    if (!owner) {
        report.dumpable = Known<bool>::unknown(owner.error());
    } else if (report.users && report.users->effective != 0) {
        report.dumpable = *owner == report.users->effective;
    }
}

/// What a process has that has not ended.
inline void read_living(ProcessReport& report, const ProcFolder& folder, std::size_t most) {
    report.command_line = read_command_line(folder);
    report.executable = folder.link("exe");
    report.directory = folder.link("cwd");
    report.root = folder.link("root");
    report.directory_mount = read_directory_mount(folder, report);
    report.descriptors = read_descriptors(folder, most);
    report.vitals.descriptors = report.descriptors
                                    ? Known<std::size_t>(report.descriptors->count)
                                    : Known<std::size_t>::unknown(report.descriptors.error());
    if (report.is_kernel_thread) {
        forget(ENOENT, report.vitals.memory);
    } else {
        read_memory(report, folder);
    }
}

/// What one that has ended has no more; its first thread, that is: where others go on, nothing is told of them.
inline void forget_living(ProcessReport& report) {
    forget(ESRCH, report.command_line, report.executable, report.directory, report.directory_mount,
           report.root, report.descriptors, report.vitals.descriptors, report.vitals.memory,
           report.umask, report.signals, report.dumpable);
}

inline ProcessReport read_once(const ProcFolder& folder, const ProcessStat& stat,
                               std::size_t most) {
    ProcessReport report;
    report.vitals = vitals_of(stat);
    report.is_kernel_thread = stat.is_kernel_thread;
    report.parent = stat.parent;
    report.parent_name = name_of(stat.parent);
    report.group = stat.group;
    report.session = stat.session;
    report.session_leader_name = name_of(stat.session);
    report.terminal = describe_terminal(stat.terminal, stat.foreground_group);
    report.nice = stat.nice;
    const auto status = read_status(folder, stat.pid);
    fill_from_status(report, status);
    report.limits = parsed(folder.read("limits"), parse_limits);
    report.threads = read_threads(folder, most);
    report.children = read_children(folder, stat.pid, most);
    report.out_of_memory_adjustment = read_number(folder, "oom_score_adj");
    report.namespaces = read_namespaces(folder);
    report.cgroup = parsed(folder.read("cgroup"), parse_cgroup);
    if (has_ended(stat)) {
        forget_living(report);
    } else {
        read_living(report, folder, most);
    }
    return report;
}

/// Calls `read(folder, stat)` until the process is afterwards who it was before: alive, and of the same parent.
template <class Read>
auto read_settled(pid_t pid, Read read) {
    const ProcFolder folder = open_process(pid);
    // It ends only once; who gets a new parent all the time is reported with the last one.
    constexpr int attempts = 8;
    ProcessStat before = require_stat(folder, pid);
    for (int attempt = 1;; ++attempt) {
        auto result = read(folder, before);
        ProcessStat after = require_stat(folder, pid);
        if (attempt == attempts ||
            (has_ended(before) == has_ended(after) && before.parent == after.parent &&
             before.group == after.group && before.session == after.session))
            return result;
        before = std::move(after);
    }
}

/// The whole report, with no more than that many descriptors and threads in its lists.
inline ProcessReport read_process(pid_t pid, std::size_t most) {
    return read_settled(pid, [&](const ProcFolder& folder, const ProcessStat& stat) {
        return read_once(folder, stat, most);
    });
}

/// The few numbers of a status line.
inline ProcessVitals read_vitals(pid_t pid) {
    return read_settled(pid, [&](const ProcFolder& folder, const ProcessStat& stat) {
        ProcessVitals vitals = vitals_of(stat);
        const auto status = read_status(folder, pid);
        if (has_ended(stat)) {
            forget(ESRCH, vitals.memory, vitals.descriptors);
            return vitals;
        }
        vitals.memory = parsed(status, parse_memory);
        const auto descriptors = numbered_entries(folder, "fd", 0);
        vitals.descriptors = descriptors ? Known<std::size_t>(descriptors->count)
                                         : Known<std::size_t>::unknown(descriptors.error());
        return vitals;
    });
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// The lines of the checklist on descriptors, streams, umask, directory and files. Floor 2.

#include <daemonkit/checklist_line.hpp>
#include <daemonkit/detail/check_session.hpp>
#include <daemonkit/detail/measure_words.hpp>
#include <daemonkit/process_report.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <string>

#include <fcntl.h>  // O_CLOEXEC

namespace daemonkit::detail {

/// The mark of the kernel on a path that leads nowhere any more.
inline bool is_deleted(const std::string& path) noexcept { return ends_with(path, " (deleted)"); }

/// daemon(7) 1: nothing open that was left over, as far as it can be told: what passes on to every program it starts.
inline ChecklistLine check_descriptors(const ProcessReport& report) {
    const std::string what = "descriptors";
    if (!report.descriptors) return is_unknown(what, report.descriptors.why());
    constexpr std::size_t most_named = 4;
    std::size_t inherited = 0;
    std::string names;
    for (const ProcessDescriptor& descriptor : report.descriptors->listed) {
        if (descriptor.fd <= 2 || !descriptor.flags || (*descriptor.flags & O_CLOEXEC) != 0)
            continue;
        if (++inherited <= most_named)
            names += (names.empty() ? "" : ", ") + std::to_string(descriptor.fd) + " " +
                     descriptor.target;
    }
    const std::string all = std::to_string(report.descriptors->count) + " open";
    if (inherited == 0) return is_well(what, all + ", close-on-exec from 3 on");
    if (inherited > most_named) names += ", ...";
    return is_doubtful(what, all + ", of which every program that it starts gets " +
                                 std::to_string(inherited) + ": " + names);
}

/// Room for more descriptors.
inline ChecklistLine check_descriptor_room(const ProcessReport& report) {
    const std::string what = "descriptor limit";
    if (!report.descriptors) return is_unknown(what, report.descriptors.why());
    if (!report.limits) return is_unknown(what, report.limits.why());
    for (const ProcessLimit& limit : *report.limits) {
        if (limit.name != "Max open files") continue;
        const std::uint64_t count = report.descriptors->count;
        if (!limit.soft) return is_well(what, "unlimited");
        const std::string words = std::to_string(count) + " of " + std::to_string(*limit.soft);
        return count > *limit.soft - *limit.soft / 5
                   ? is_doubtful(what, words + ": soon none is left")
                   : is_well(what, words);
    }
    return is_unknown(what, "this kernel does not tell");
}

/// daemon(7) 9: a standard stream that leads to no terminal, and somewhere.
inline ChecklistLine check_stream(const ProcessReport& report, int fd) {
    const std::string what = fd == 0   ? "standard input"
                             : fd == 1 ? "standard output"
                                       : "standard error";
    if (!report.descriptors) return is_unknown(what, report.descriptors.why());
    const ProcessDescriptor* stream = nullptr;
    for (const ProcessDescriptor& descriptor : report.descriptors->listed)
        if (descriptor.fd == fd) stream = &descriptor;
    if (stream == nullptr)
        return is_doubtful(what, "closed: the next file that is opened takes its place");
    const std::string& target = stream->target;
    switch (stream->kind) {
        case DescriptorKind::terminal: return is_doubtful(what, target + ": a terminal");
        case DescriptorKind::file: break;
        default: return is_well(what, target);
    }
    if (is_deleted(target)) return is_doubtful(what, target + ": what is written there is lost");
    const int flags = stream->flags.value_or(O_APPEND);
    if (fd != 0 && (flags & O_APPEND) == 0)
        return is_doubtful(what,
                           target + ": without O_APPEND, a rotation leaves a hole of its old size");
    return is_well(what, target);
}

/// daemon(7) 10, where umask 0 is asked for: here, that nobody else can write what it makes.
inline ChecklistLine check_umask(const ProcessReport& report) {
    const std::string what = "umask";
    if (!report.umask) return is_unknown(what, report.umask.why());
    const std::string octal = umask_words(*report.umask);
    constexpr mode_t write_by_others = 0002;
    constexpr mode_t owner = 0600;
    if ((*report.umask & owner) != 0)
        return is_doubtful(what, octal + ": it cannot use files that it makes");
    if ((*report.umask & write_by_others) == 0)
        return is_doubtful(what, octal + ": everybody may write the files that it makes");
    return is_well(what, octal);
}

/// daemon(7) 11: no file system is kept busy.
inline ChecklistLine check_directory(const ProcessReport& report) {
    const std::string what = "directory";
    if (!report.directory) return is_unknown(what, report.directory.why());
    const std::string& directory = *report.directory;
    if (is_deleted(directory)) return is_doubtful(what, directory + ": no file can be made there");
    if (report.directory_mount && *report.directory_mount != "/")
        return is_doubtful(what, directory + ": " + *report.directory_mount +
                                     " cannot be unmounted while it runs");
    return is_well(what, directory);
}

/// The program that runs is the one that is installed.
inline ChecklistLine check_executable(const ProcessReport& report) {
    const std::string what = "executable";
    if (!report.executable) return is_unknown(what, report.executable.why());
    if (is_deleted(*report.executable))
        return is_doubtful(
            what, *report.executable + ": removed or replaced since; a restart runs the new one");
    return is_well(what, *report.executable);
}

/// daemon(7) 12: a pid file that is held open and locked.
inline ChecklistLine check_pid_file(const ProcessReport& report) {
    const std::string what = "pid file";
    if (report.descriptors) {
        for (const ProcessDescriptor& descriptor : report.descriptors->listed) {
            if (!descriptor.is_locked.value_or(false)) continue;
            if (ends_with(descriptor.target, ".pid"))
                return is_well(what, descriptor.target + ", locked");
            if (ends_with(descriptor.target, ".pid (deleted)"))
                return is_doubtful(what,
                                   descriptor.target + ": a second instance would not be refused");
        }
    }
    if (const std::string manager = service_manager(report); !manager.empty())
        return is_well(what, "needs none: " + manager);
    if (!report.descriptors) return is_unknown(what, report.descriptors.why());
    return is_unknown(what,
                      "none that it holds open and locked: one that only holds a number may exist");
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// The lists of /proc/PID: descriptors, threads, children, namespaces. Floor 4. Each is counted whole and kept in part.

#include <daemonkit/detail/descriptor_kind.hpp>
#include <daemonkit/detail/open_process_linux.hpp>
#include <daemonkit/detail/proc_folder.hpp>
#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/detail/process_place.hpp>
#include <daemonkit/detail/process_stat.hpp>
#include <daemonkit/process_report.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move
#include <vector>

namespace daemonkit::detail {

/// The numbers that a folder has as names: all counted, the lowest in order, no more than `most`.
struct NumberedEntries {
    std::size_t count = 0;
    std::vector<int> listed;
};

inline Known<NumberedEntries> numbered_entries(const ProcFolder& folder, const std::string& name,
                                               std::size_t most) {
    NumberedEntries entries;
    // The kernel lists them in order, so that the first are the lowest.
    const int error = folder.for_each(name, [&](const std::string& entry) {
        const auto number = whole_number<int>(entry);
        if (!number) return;
        ++entries.count;
        if (entries.listed.size() < most) entries.listed.push_back(*number);
    });
    if (error != 0) return Known<NumberedEntries>::unknown(error);
    return entries;
}

/// Room for the numbers of 100 000 children.
inline constexpr std::size_t longest_children = std::size_t{1} << 20U;

/// The open descriptors. One that is closed while it is looked at is counted and not listed.
inline Known<ProcessDescriptors> read_descriptors(const ProcFolder& folder, std::size_t most) {
    auto entries = numbered_entries(folder, "fd", most);
    if (!entries) return Known<ProcessDescriptors>::unknown(entries.error());
    ProcessDescriptors descriptors;
    descriptors.count = entries->count;
    for (const int fd : entries->listed) {
        ProcessDescriptor descriptor;
        descriptor.fd = fd;
        auto target = folder.link("fd/" + std::to_string(fd));
        if (target.error() == ENOENT) continue;
        if (target.error() == ENAMETOOLONG) target = std::string("(longer than a path may be)");
        if (!target) return Known<ProcessDescriptors>::unknown(target.error());
        descriptor.kind = descriptor_kind(*target);
        descriptor.target = std::move(*target);
        constexpr std::size_t enough = 1024;  // flags and locks stand at the beginning
        const auto text = folder.begin_of("fdinfo/" + std::to_string(fd), enough);
        if (text) {
            fill_from_fdinfo(descriptor, *text);
        } else {
            descriptor.flags = Known<int>::unknown(text.error());
            descriptor.is_locked = Known<bool>::unknown(text.error());
        }
        descriptors.listed.push_back(std::move(descriptor));
    }
    return descriptors;
}

/// The threads with their names, the first one first.
inline Known<ProcessThreads> read_threads(const ProcFolder& folder, std::size_t most) {
    auto entries = numbered_entries(folder, "task", most);
    if (!entries) return Known<ProcessThreads>::unknown(entries.error());
    ProcessThreads threads;
    threads.count = entries->count;
    for (const int id : entries->listed) {
        auto name = folder.read("task/" + std::to_string(id) + "/comm");
        if (!name && name.error() == ENOTSUP) continue;  // it has ended in between
        if (!name) return Known<ProcessThreads>::unknown(name.error());
        if (!name->empty() && name->back() == '\n') name->pop_back();
        threads.listed.push_back({id, std::move(*name)});
    }
    return threads;
}

/// The children of all threads. Needs a kernel with CONFIG_PROC_CHILDREN.
inline Known<ProcessChildren> read_children(const ProcFolder& folder, pid_t parent,
                                            std::size_t most_threads) {
    using Children = Known<ProcessChildren>;
    const auto threads = numbered_entries(folder, "task", most_threads);
    if (!threads) return Children::unknown(threads.error());
    if (threads->count > threads->listed.size()) return Children::unknown(EOVERFLOW);
    ProcessChildren children;
    for (const int thread : threads->listed) {
        const std::string task = "task/" + std::to_string(thread);
        const auto text = folder.read(task + "/children", longest_children);
        if (!text && text.error() == ENOTSUP && !folder.folder(task)) continue;  // it has ended
        if (!text) return Children::unknown(text.error());
        std::string_view list = *text;
        for (auto word = take_word(list); !word.empty(); word = take_word(list)) {
            const auto child = whole_number<pid_t>(word);
            if (!child) return Children::unknown(EBADMSG);
            ++children.count;
            const auto child_folder = ProcFolder::open("/proc/" + std::string(word));
            if (child_folder.error() == ENOENT) continue;  // it has ended, and was waited for
            if (!child_folder) return Children::unknown(child_folder.error());
            const auto stat = read_stat(*child_folder);
            if (!stat && stat.error() != ESRCH) return Children::unknown(stat.error());
            if (stat && stat->parent == parent && stat->state == ProcessState::zombie)
                children.zombies.push_back(*child);
        }
    }
    return children;
}

/// The namespaces, and whether this process shares them.
inline Known<std::vector<ProcessNamespace>> read_namespaces(const ProcFolder& folder) {
    using Namespaces = Known<std::vector<ProcessNamespace>>;
    const auto own = ProcFolder::open("/proc/self");
    if (!own) return Namespaces::unknown(own.error());
    std::vector<ProcessNamespace> namespaces;
    for (const char* const kind : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
        const std::string name = std::string("ns/") + kind;
        const auto link = folder.link(name);
        if (!link && link.error() == ENOENT) continue;  // older than this kind, or built without
        if (!link) return Namespaces::unknown(link.error());
        const auto number = parse_namespace(*link, kind);
        if (!number) return Namespaces::unknown(EBADMSG);
        const auto ours = own->link(name);
        if (!ours) return Namespaces::unknown(ours.error());
        namespaces.push_back({kind, *number, *ours == *link});
    }
    return namespaces;
}

}  // namespace daemonkit::detail

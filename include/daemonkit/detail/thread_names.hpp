// SPDX-License-Identifier: MIT
#pragma once
// thread_names: who the other threads are, for a message that can be acted on. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <string>

#include <fcntl.h>

namespace daemonkit::detail {

/// The names of the threads other than the first, separated by commas; empty where they cannot be told.
///
/// Source:   proc(5): /proc/self/task/TID/comm.
inline std::string other_thread_names() {
    std::string names;
    ::DIR* const tasks = sys::opendir("/proc/self/task");
    if (tasks == nullptr) return names;
    const std::string first = std::to_string(sys::getpid());
    while (const ::dirent* const task = sys::readdir(tasks)) {
        if (task->d_name == first || task->d_name[0] == '.') continue;
        const std::string path = std::string("/proc/self/task/") + task->d_name + "/comm";
        const auto opened = retry([&] { return sys::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
        if (!opened) continue;
        const UniqueFd fd(opened.value);
        char name[32];
        const auto got = retry([&] { return sys::read(fd.get(), name, sizeof name); });
        if (!got || got.value < 1) continue;
        if (!names.empty()) names += ", ";
        names.append(name, static_cast<std::size_t>(got.value) - 1);  // without the newline
    }
    sys::closedir(tasks);
    return names;
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// own_pid: the pid of this process without a system call, and right after every kind of fork. Floor 2.

#include <daemonkit/detail/syscall.hpp>

#include <atomic>
#include <new>

namespace daemonkit::detail {

/// Where the pid is kept: a page that the kernel empties in a forked child, however that was forked. Null where there
/// is no such page.
inline constinit std::atomic<std::atomic<pid_t>*> pid_page{nullptr};

/// From here on `own_pid` needs a system call only once in a process, where the system can do that: a getpid is a tenth
/// of what a line of the log costs.
inline void keep_own_pid() noexcept {
    if (pid_page.load() != nullptr) return;
    constexpr std::size_t size = 4096;
    void* const page = sys::mmap_private(size).value;
    if (page == sys::no_memory()) return;
    if (!sys::madvise_wipe_on_fork(page, size)) {
        static_cast<void>(sys::munmap(page, size));
        return;
    }
    std::atomic<pid_t>* none = nullptr;
    if (!pid_page.compare_exchange_strong(none, new (page) std::atomic<pid_t>(0)))
        static_cast<void>(sys::munmap(page, size));
}

/// The pid of this process.
inline pid_t own_pid() noexcept {
    auto* const kept = pid_page.load(std::memory_order_acquire);
    if (kept == nullptr) return sys::getpid();
    pid_t pid = kept->load(std::memory_order_relaxed);
    if (pid == 0) kept->store(pid = sys::getpid(), std::memory_order_relaxed);
    return pid;
}

}  // namespace daemonkit::detail

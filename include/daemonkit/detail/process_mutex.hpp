// SPDX-License-Identifier: MIT
#pragma once
// ProcessMutex: a mutex that a forked child always finds free. Floor 3.

#include <daemonkit/detail/own_pid.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <atomic>

#include <pthread.h>

namespace daemonkit::detail {

/// Excludes the other threads of this process.
///
/// A child forked while another thread held the mutex has no such thread, so its copy would stay locked for ever. The
/// first to lock it in a new process makes it anew; what it guards may be half changed then, and its owner has to see
/// to it, by the pid that `lock` returns.
class ProcessMutex {
public:
    ProcessMutex() noexcept : process_((keep_own_pid(), own_pid())) {}
    ProcessMutex(const ProcessMutex&) = delete;
    ProcessMutex& operator=(const ProcessMutex&) = delete;

    /// The mutex is held; returns the pid of this process.
    pid_t lock() noexcept {
        const pid_t self = own_pid();
        for (pid_t seen = process_.load(std::memory_order_acquire); seen != self;
             seen = process_.load(std::memory_order_acquire)) {
            constexpr int moment_ms = 1;
            if (seen == -self)  // another thread of this process is at it
                static_cast<void>(sys::poll(nullptr, 0, moment_ms));
            else if (process_.compare_exchange_strong(seen, -self)) {
                ::pthread_mutex_init(&mutex_, nullptr);
                process_.store(self, std::memory_order_release);
            }
        }
        ::pthread_mutex_lock(&mutex_);
        return self;
    }
    void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }

private:
    ::pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    std::atomic<pid_t> process_;
};

/// Holds a ProcessMutex for the length of a scope.
class ProcessLock {
public:
    explicit ProcessLock(ProcessMutex& mutex) noexcept : mutex_(mutex), pid_(mutex.lock()) {}
    ~ProcessLock() { mutex_.unlock(); }
    ProcessLock(const ProcessLock&) = delete;
    ProcessLock& operator=(const ProcessLock&) = delete;

    /// This process.
    pid_t pid() const noexcept { return pid_; }

private:
    ProcessMutex& mutex_;
    pid_t pid_;
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// Mutex: what std::mutex is, without <mutex>, which brings <chrono> and takes as long to compile as all of a small
// header. Floor 0.

#include <pthread.h>

namespace daemonkit::detail {

/// Excludes other threads; constant-initialized, never destroyed: an object of static storage can be used for ever.
class Mutex {
public:
    constexpr Mutex() noexcept = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    // Neither can fail: the mutex is whole, and none of its holders locks it twice.
    void lock() noexcept { ::pthread_mutex_lock(&mutex_); }
    void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }

private:
    ::pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

/// Holds a Mutex for the length of a scope.
class MutexLock {
public:
    explicit MutexLock(Mutex& mutex) noexcept : mutex_(mutex) { mutex_.lock(); }
    ~MutexLock() { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

private:
    Mutex& mutex_;
};

}  // namespace daemonkit::detail

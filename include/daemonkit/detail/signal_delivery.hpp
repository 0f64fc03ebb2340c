// SPDX-License-Identifier: MIT
#pragma once
// The one handler of the process, and the list of receivers it goes along. Floor 4.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/describe_signal.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/mutex.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/signal_info.hpp>

#include <atomic>
#include <csignal>  // sigaction, siginfo_t, ucontext_t

namespace daemonkit::detail {

/// What the handler hands signals to.
class SignalReceiver {
public:
    SignalReceiver() = default;
    SignalReceiver(const SignalReceiver&) = delete;
    SignalReceiver& operator=(const SignalReceiver&) = delete;

    /// The next on the list.
    std::atomic<SignalReceiver*> next{nullptr};

    /// Takes a watched signal in; `mask` is the one with which the calling thread goes on.
    ///
    /// Threads:  runs in handlers, in several threads at once: only what is async-signal-safe.
    virtual void receive(const SignalInfo& signal, sigset_t& mask) noexcept = 0;

    /// Forgets what another process was sent; runs in a forked child before any other thread or signal.
    virtual void forget() noexcept = 0;

    /// Opens anew, in a forked child, what `forget` gave up; without it that waits for the first use.
    virtual void renew() = 0;

    /// True for a descriptor without which nobody would hear of what is received.
    virtual bool needs(int fd) const noexcept = 0;

    /// Whether a signal is for this receiver.
    void watch(int number) noexcept { watched_[number] = true; }
    void unwatch(int number) noexcept { watched_[number] = false; }
    bool watches(int number) const noexcept { return watched_[number]; }

protected:
    ~SignalReceiver() = default;

private:
    std::atomic<bool> watched_[signal_numbers]{};
};

/// Guards what no handler changes; nobody holds it while the process forks.
inline constinit Mutex signal_mutex;

/// What the handler needs to know.
struct SignalDelivery {
    std::atomic<SignalReceiver*> first{nullptr};
    std::atomic<int> walkers{0};    // who may be looking at the list: mostly handlers
    std::atomic<pid_t> process{0};  // whose list it is; 0: there was no receiver yet
    sigset_t mask_at_fork{};
};
inline constinit SignalDelivery signal_delivery;

/// Calls `visit` with every receiver on the list; none of them ends meanwhile.
template <class Visit>
void for_each_receiver(Visit visit) noexcept {
    // Sequentially consistent, like the counterparts in ~SignalListing: either it sees the walker and waits, or
    // the walker does not see the receiver.
    ++signal_delivery.walkers;
    for (auto* each = signal_delivery.first.load(); each != nullptr; each = each->next)
        visit(*each);
    --signal_delivery.walkers;
}

/// Hands a signal to every receiver that watches it; `mask` is the one with which the calling thread goes on.
inline void deliver_signal(int number, const siginfo_t& details, sigset_t& mask) noexcept {
    const SignalInfo signal = describe_signal(number, details);
    for_each_receiver([&](SignalReceiver& each) {
        if (each.watches(number)) each.receive(signal, mask);
    });
}

/// The handler of every watched signal.
inline void handle_signal(int number, siginfo_t* details, void* context) noexcept {
    const ErrnoGuard keep_errno;
    // A child of vfork shares this memory, but what it is sent is not for this process.
    if (sys::getpid() != signal_delivery.process) return;
    deliver_signal(number, *details, static_cast<ucontext_t*>(context)->uc_sigmask);
}

/// True for the disposition of a signal that some SignalSet watches.
inline bool is_own_handler(const struct ::sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &handle_signal;
}

/// True for a descriptor that some SignalSet would be deaf without.
inline bool is_signal_descriptor(int fd) noexcept {
    bool needed = false;
    for_each_receiver([&](const SignalReceiver& each) { needed = needed || each.needs(fd); });
    return needed;
}

/// In a new process: what its parent was sent is the parent's, and nothing here rings there.
///
/// fork does this by itself; a process made in another way (clone, _Fork) calls it, all signals blocked and
/// before it has a second thread. A second call does nothing.
inline void signal_handlers_after_fork() noexcept {
    auto& delivery = signal_delivery;
    if (delivery.process == 0 || delivery.process == sys::getpid()) return;
    delivery.process = sys::getpid();
    delivery.walkers = 0;  // they were in other threads, which are not here
    for_each_receiver([](SignalReceiver& each) { each.forget(); });
}

/// After `signal_handlers_after_fork`: every receiver can be heard again, or says now that it cannot.
///
/// Errors:   Step::watch_signals.
inline void renew_signal_receivers() {
    for (auto* each = signal_delivery.first.load(); each != nullptr; each = each->next) {
        each->renew();
    }
}

/// Before a fork: the list is whole, and no signal is handled until the child has forgotten the parent's.
inline void suspend_delivery() noexcept {
    signal_mutex.lock();
    sigset_t all;
    sigfillset(&all);
    static_cast<void>(sys::pthread_sigmask(SIG_SETMASK, &all, &signal_delivery.mask_at_fork));
}

/// After a fork, in both processes.
inline void resume_delivery() noexcept {
    signal_handlers_after_fork();
    const sigset_t mask = signal_delivery.mask_at_fork;
    signal_mutex.unlock();
    static_cast<void>(sys::pthread_sigmask(SIG_SETMASK, &mask, nullptr));
}

/// A receiver is on the list, for the length of a scope.
class SignalListing {
public:
    explicit SignalListing(SignalReceiver& receiver) : receiver_(receiver) {
        auto& delivery = signal_delivery;
        const MutexLock lock(signal_mutex);
        if (delivery.process == 0) {
            check(sys::pthread_atfork(suspend_delivery, resume_delivery, resume_delivery),
                  Step::watch_signals, "fork handlers");
            delivery.process = sys::getpid();
        }
        receiver_.next = delivery.first.load();
        delivery.first = &receiver_;
    }
    ~SignalListing() {
        const ErrnoGuard keep_errno;
        auto& delivery = signal_delivery;
        {
            const MutexLock lock(signal_mutex);
            auto* link = &delivery.first;
            while (*link != &receiver_) link = &link->load()->next;
            *link = receiver_.next.load();
        }
        while (delivery.walkers != 0) static_cast<void>(sys::poll(nullptr, 0, 1));
    }
    SignalListing(const SignalListing&) = delete;
    SignalListing& operator=(const SignalListing&) = delete;

private:
    SignalReceiver& receiver_;
};

}  // namespace daemonkit::detail

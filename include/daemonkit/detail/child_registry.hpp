// SPDX-License-Identifier: MIT
#pragma once
// The children that an object of this program waits for, so that whoever waits for every child leaves them their end.
// Floor 3.
//
// The kernel hands out the end of a child once, and waiting for any child cannot leave some out. So `reap_any` asks
// who has ended before it takes the end away, and gives the end of a listed child to its owner.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/mutex.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/exit_status.hpp>

#include <cerrno>
#include <csignal>  // siginfo_t, SIGKILL
#include <optional>

#include <sys/types.h>  // pid_t
#include <sys/wait.h>   // waitid, WNOWAIT

namespace daemonkit::detail {

/// One child and its owner's wishes.
struct OwnedChild {
    pid_t pid = 0;
    std::optional<ExitStatus>
        status;               ///< once somebody has taken it; from then on the pid may be another's
    bool ends_group = false;  ///< what is left of its process group ends with it
    OwnedChild* next = nullptr;
};

/// All children that have owners; `mutex` is held from before a fork until its child is listed.
struct ChildRegistry {
    Mutex mutex;
    OwnedChild* first = nullptr;

    /// Under the mutex.
    void add(OwnedChild& child) noexcept {
        child.next = first;
        first = &child;
    }
    /// Under the mutex.
    void remove(const OwnedChild& child) noexcept {
        OwnedChild** link = &first;
        while (*link != nullptr && *link != &child) link = &(*link)->next;
        if (*link != nullptr) *link = child.next;
    }
    /// Under the mutex.
    OwnedChild* find(pid_t pid) const noexcept {
        OwnedChild* each = first;
        while (each != nullptr && (each->pid != pid || each->status)) each = each->next;
        return each;
    }
};
inline constinit ChildRegistry child_registry;

/// A child's end, when it has been taken.
struct TakenEnd {
    pid_t pid = 0;
    ExitStatus status = ExitStatus::exited(0);
    bool is_owned = false;
};

/// Takes the end of some child that has ended, to its owner if it has one; nothing when none has.
///
/// Errors:   Step::await_child.
inline std::optional<TakenEnd> reap_any() {
    const MutexLock lock(child_registry.mutex);
    for (;;) {
        ::siginfo_t ended{};
        const auto looked =
            retry([&] { return sys::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT); });
        if (looked.error == ECHILD) return {};
        check(looked, Step::await_child, "");
        if (ended.si_pid == 0) return {};
        OwnedChild* const owned = child_registry.find(ended.si_pid);
        // Now, while the dead child still keeps the group's number from becoming another's.
        if (owned != nullptr && owned->ends_group)
            static_cast<void>(sys::kill(-ended.si_pid, SIGKILL));
        int status = 0;
        const auto taken = retry([&] { return sys::waitpid(ended.si_pid, &status, WNOHANG); });
        if (taken.error == ECHILD) continue;  // somebody else has waited for it meanwhile
        check(taken, Step::await_child, "");
        if (taken.value == 0) continue;
        if (owned != nullptr) owned->status = ExitStatus::from_wait(status);
        return TakenEnd{ended.si_pid, ExitStatus::from_wait(status), owned != nullptr};
    }
}

}  // namespace daemonkit::detail

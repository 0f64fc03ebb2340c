// SPDX-License-Identifier: MIT
#pragma once
// limit_name: a resource limit as systemd and the shell's users call it. Floor 0.

#include <sys/resource.h>

namespace daemonkit::detail {

/// `NOFILE` for RLIMIT_NOFILE; null for a number without a name.
///
/// Source:   getrlimit(2).
constexpr const char* limit_name(int resource) noexcept {
    struct Named {
        int resource;
        const char* name;
    };
    constexpr Named all[] = {
        {RLIMIT_CPU, "CPU"},
        {RLIMIT_FSIZE, "FSIZE"},
        {RLIMIT_DATA, "DATA"},
        {RLIMIT_STACK, "STACK"},
        {RLIMIT_CORE, "CORE"},
        {RLIMIT_NOFILE, "NOFILE"},
#ifdef RLIMIT_AS
        {RLIMIT_AS, "AS"},
#endif
#ifdef RLIMIT_RSS
        {RLIMIT_RSS, "RSS"},
#endif
#ifdef RLIMIT_NPROC
        {RLIMIT_NPROC, "NPROC"},
#endif
#ifdef RLIMIT_MEMLOCK
        {RLIMIT_MEMLOCK, "MEMLOCK"},
#endif
#ifdef RLIMIT_LOCKS
        {RLIMIT_LOCKS, "LOCKS"},
#endif
#ifdef RLIMIT_SIGPENDING
        {RLIMIT_SIGPENDING, "SIGPENDING"},
#endif
#ifdef RLIMIT_MSGQUEUE
        {RLIMIT_MSGQUEUE, "MSGQUEUE"},
#endif
#ifdef RLIMIT_NICE
        {RLIMIT_NICE, "NICE"},
#endif
#ifdef RLIMIT_RTPRIO
        {RLIMIT_RTPRIO, "RTPRIO"},
#endif
#ifdef RLIMIT_RTTIME
        {RLIMIT_RTTIME, "RTTIME"},
#endif
    };
    for (const Named& each : all)
        if (each.resource == resource) return each.name;
    return nullptr;
}

}  // namespace daemonkit::detail

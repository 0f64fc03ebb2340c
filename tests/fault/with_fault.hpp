// SPDX-License-Identifier: MIT
#pragma once
// with_fault: an action under a fault, and what came of it.

#include <daemonkit/error.hpp>

#include "fault/fail_syscall.hpp"

#include <cstdint>
#include <optional>

#include <fcntl.h>

namespace daemonkit::testkit {

/// What came of an action: the Error it threw, and how many calls the fault hit.
struct Outcome {
    std::optional<Error> error;
    std::uint32_t hits = 0;
};

/// Does the action while the call fails, from that occurrence on or only then.
template <class Action>
Outcome with_fault(const char* name, std::uint32_t occurrence, int error, fault::Repeat repeat,
                   Action action) {
    const fault::Fault fault(name, occurrence, error, repeat);
    Outcome outcome;
    try {
        action();
    } catch (const Error& thrown) {
        outcome.error = thrown;
    }
    outcome.hits = fault.hits();
    return outcome;
}

/// How many descriptors are open.
inline int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd)
        if (::fcntl(fd, F_GETFD) != -1) ++count;
    return count;
}

}  // namespace daemonkit::testkit

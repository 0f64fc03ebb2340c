// SPDX-License-Identifier: MIT
#pragma once
// confine where there is nothing to confine with. Floor 3 behind confine.hpp.

#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>

#include <cerrno>

namespace daemonkit::detail {

/// Refuses what this system cannot do, unless that is good enough.
inline void confine(const Privileges& wanted) {
    const bool asks = wanted.new_privileges == NewPrivileges::forbidden || wanted.paths ||
                      !wanted.forbidden_system_calls.empty();
    if (asks && wanted.confinement == Confinement::required) {
        throw Error(Step::confine, "sandbox", ENOTSUP,
                    "Linux alone has no_new_privs, Landlock and seccomp");
    }
}

}  // namespace daemonkit::detail

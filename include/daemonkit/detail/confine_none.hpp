// SPDX-License-Identifier: MIT
#pragma once
// confine where there is nothing to confine with. Floor 3 behind confine.hpp.

#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>

#include <cerrno>
#include <string>

namespace daemonkit::detail {

/// Refuses what this system cannot do, unless that is good enough.
///
/// Errors:   Step::drop_privileges, Step::confine.
inline void require_confinement(const Privileges& wanted) {
    if (wanted.new_privileges == NewPrivileges::forbidden)
        throw Error(Step::drop_privileges, "no_new_privs", ENOTSUP, "Linux alone has it");
    const bool asks = wanted.paths || !wanted.forbidden_system_calls.empty();
    if (asks && wanted.confinement == Confinement::required)
        throw Error(Step::confine, "sandbox", ENOTSUP, "Linux alone has Landlock and seccomp");
}

/// Nothing to do.
inline void forbid_new_privileges() {}

/// Nothing to do; says so where something was asked for.
inline std::string confine(const Privileges& wanted) {
    const bool asks = wanted.paths || !wanted.forbidden_system_calls.empty();
    return asks ? "Linux alone has Landlock and seccomp" : "";
}

}  // namespace daemonkit::detail

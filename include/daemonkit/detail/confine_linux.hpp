// SPDX-License-Identifier: MIT
#pragma once
// confine on Linux: no_new_privs, Landlock and seccomp. Floor 3 behind confine.hpp.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/landlock_linux.hpp>
#include <daemonkit/detail/seccomp_linux.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>

#include <cerrno>
#include <initializer_list>
#include <string>

#include <sys/prctl.h>

namespace daemonkit::detail {

/// Refuses what can never be put in force.
///
/// Errors:   Step::validate_options.
inline void require_confinement(const Privileges& wanted) {
    if (wanted.paths) require_path_rules(*wanted.paths);
    require_system_calls(wanted.forbidden_system_calls);
}

/// No program that the process starts has more rights than it has itself.
///
/// Errors:   Step::drop_privileges.
/// Source:   prctl(2) PR_SET_NO_NEW_PRIVS.
inline void forbid_new_privileges() {
    check(sys::prctl(PR_SET_NO_NEW_PRIVS, 1), Step::drop_privileges, "no_new_privs");
}

/// The process is confined as the options say, for good, with all it starts. Returns what is not in force, in words.
///
/// Errors:   Step::confine; with Confinement::best_effort not where the kernel lacks the means.
inline std::string confine(const Privileges& wanted) {
    std::string missing;
    const auto as_far_as_possible = [&](std::initializer_list<int> lacking, auto step) {
        try {
            step();
        } catch (const Error& error) {
            bool kernel_lacks_it = false;
            for (const int each : lacking)
                kernel_lacks_it = kernel_lacks_it || error.code().value() == each;
            if (wanted.confinement == Confinement::required || !kernel_lacks_it) throw;
            missing += (missing.empty() ? "" : "; ") + std::string(error.what());
        }
    };
    if (wanted.paths) {
        as_far_as_possible({ENOSYS, EOPNOTSUPP}, [&] { confine_paths(*wanted.paths); });
    }
    // Last: it may forbid the calls that the others need.
    if (!wanted.forbidden_system_calls.empty()) {
        as_far_as_possible({ENOSYS, ENOTSUP, EINVAL},
                           [&] { forbid_system_calls(wanted.forbidden_system_calls); });
    }
    return missing;
}

}  // namespace daemonkit::detail

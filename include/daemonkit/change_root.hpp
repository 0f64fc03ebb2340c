// SPDX-License-Identifier: MIT
#pragma once
// change_root: a directory becomes the root, for a program that does without all else of a daemon. Floor 4.

#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cstdlib>  // std::getenv
#include <string>

#include <time.h>  // tzset

namespace daemonkit {

/// The process sees `root` as its root directory, and stands in `directory`, a path inside.
///
/// A relative `directory` begins at the new root. The time zone stays: libc reads it once for a zone that is named in
/// the environment and anew with every localtime(3) for one that is not, so TZ is set where it was not. A descriptor of
/// a directory outside still leads out: close those; and root itself finds a way out: drop privileges next, with a
/// PrivilegeDrop made before, while the databases of users could be read.
///
/// Process:  root's, or one with CAP_SYS_CHROOT.
/// Errors:   Step::resolve_path, Step::set_environment, Step::change_root; nothing has changed then.
///           Step::change_directory; the process is then in neither place: it must end.
/// Undo:     none.
/// Threads:  one: root, directory and environment are those of the process.
/// Source:   chroot(2).
inline void change_root(const std::string& root, const std::string& directory = "/") {
    const std::string from = detail::absolute_path(root);
    const std::string to =
        detail::absolute_path(directory.rfind('/', 0) == 0 ? directory : '/' + directory);
    constexpr const char* zone = "TZ";
    const bool names_zone = std::getenv(zone) != nullptr;
    if (!names_zone) {
        detail::check(detail::sys::setenv(zone, ":/etc/localtime"), Step::set_environment, zone);
    }
    ::tzset();
    const auto changed = detail::sys::chroot(from.c_str());
    if (!changed && !names_zone) static_cast<void>(detail::sys::unsetenv(zone));
    detail::check(changed, Step::change_root, from);
    detail::check(detail::sys::chdir(to.c_str()), Step::change_directory, to);
}

}  // namespace daemonkit

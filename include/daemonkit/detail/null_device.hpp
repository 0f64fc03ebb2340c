// SPDX-License-Identifier: MIT
#pragma once
// The null device, and nothing that only stands in its place. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/platform.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>

#include <fcntl.h>     // O_*
#include <sys/stat.h>  // S_ISCHR
#if DAEMONKIT_OS_LINUX()
#include <sys/sysmacros.h>  // makedev
#endif

namespace daemonkit::detail {

/// Where the null device stands.
inline constexpr const char* null_device_path = "/dev/null";

/// The null device, open for reading and writing, close-on-exec, at the lowest free number.
///
/// A plain file in its place fills the disk, and whoever made it reads what the daemon throws away.
///
/// Errors:   `step` on /dev/null: ENOENT when it is missing, ENODEV when something else stands there.
/// Source:   null(4): on Linux the character device 1, 3; other systems number it as they like.
inline UniqueFd open_null_device(Step step) {
    const auto opened =
        retry([] { return sys::open(null_device_path, O_RDWR | O_CLOEXEC | O_NOCTTY); });
    if (opened.error == ENOENT)
        throw Error(step, null_device_path, ENOENT,
                    "there is no null device; a chroot or container needs one");
    UniqueFd fd(check(opened, step, null_device_path));
    struct ::stat status {};
    check(retry([&] { return sys::fstat(fd.get(), &status); }), step, null_device_path);
    bool genuine = S_ISCHR(status.st_mode);
#if DAEMONKIT_OS_LINUX()
    genuine = genuine && status.st_rdev == makedev(1, 3);
#endif
    if (!genuine)
        throw Error(step, null_device_path, ENODEV,
                    "this is not the null device; remove it and make the device again");
    return fd;
}

}  // namespace daemonkit::detail

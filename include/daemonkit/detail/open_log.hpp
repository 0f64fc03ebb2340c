// SPDX-License-Identifier: MIT
#pragma once
// open_log: a plain file to append to, and nothing that somebody else has put in its place. Floor 4.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/open_target.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>     // O_*
#include <sys/stat.h>  // S_ISREG

namespace daemonkit::detail {

/// An open file, and what it was when it was opened.
struct OpenLog {
    UniqueFd fd;
    struct ::stat status {};
};

/// What becomes of a name without a file.
enum class Missing { is_made, is_an_error };

/// True when both are the same file, by whatever name.
inline bool is_same_file(const struct ::stat& one, const struct ::stat& other) noexcept {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// True when the file does not end with a whole line: its writer was killed, or found no room.
inline bool ends_within_line(int fd, off_t size) noexcept {
    char last = '\n';
    if (size <= 0) return false;
    const auto got = retry([&] { return sys::pread(fd, &last, 1, size - 1); });
    return got && got.value == 1 && last != '\n';
}

/// The file of that name, open for appending, close-on-exec, above descriptor 2.
///
/// A symbolic link as the last part is followed only in a folder that nobody but root and the user of this process can
/// change, and so is a second name of the file: in a shared folder it may be another's way to have a third file written.
///
/// Shape:    a plain file; an absolute path.
/// Errors:   Step::open_log_file. EINVAL: it is no plain file.
inline OpenLog open_log(const std::string& path, Missing missing, mode_t mode) {
    const auto require_plain = [&](const struct ::stat& status) {
        if (S_ISREG(status.st_mode)) return;
        throw Error(Step::open_log_file, path, EINVAL, "a log is a plain file, and this is none");
    };
    OpenLog log;
    // Opening alone has an effect on a pipe or a device.
    if (sys::stat(path.c_str(), &log.status)) require_plain(log.status);
    const int flags = O_APPEND | (missing == Missing::is_made ? O_CREAT : 0);
    const auto open_for = [&](int access) {
        return open_file(path, access | flags, mode, Step::open_log_file);
    };
    try {
        log.fd = open_for(O_RDWR);  // reading tells whether the file ends with a whole line
    } catch (const Error& error) {
        if (error.code().value() != EACCES && error.code().value() != EPERM) throw;
        log.fd = open_for(O_WRONLY);
    }
    check(retry([&] { return sys::fstat(log.fd.get(), &log.status); }), Step::open_log_file, path);
    require_plain(log.status);
    if (log.status.st_nlink > 1 && !folder_is_ours_alone(path))
        throw Error(Step::open_log_file, path, EMLINK,
                    "it has a second name, and its folder can be changed by others");
    return log;
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// open_target: the descriptor behind a StreamTarget, opened before anything has changed. Floor 4.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/null_device.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>
#include <string>
#include <variant>

#include <fcntl.h>     // O_*
#include <sys/stat.h>  // S_ISDIR, S_ISLNK, S_IWGRP, S_IWOTH

namespace daemonkit::detail {

/// True when nobody but root and the user of this process can put an entry into the folder of `path`.
inline bool folder_is_ours_alone(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    struct ::stat status {};
    if (!sys::stat(folder.c_str(), &status)) return false;
    const bool owner_is_trusted = status.st_uid == 0 || status.st_uid == sys::geteuid();
    return owner_is_trusted && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// What to do about an errno of open(2), where the errno alone does not say it.
inline std::string explain_open(const std::string& path, int error, bool makes) {
    struct ::stat status {};
    const bool is_link = sys::lstat(path.c_str(), &status) && S_ISLNK(status.st_mode);
    switch (error) {
        case ENOENT:
            if (is_link) return "it is a symbolic link, and what it points to does not exist";
            return makes ? "its folder does not exist" : "";
        case EISDIR: return "it is a folder; name a file";
        case ENXIO:
            return "nobody reads this pipe, or it is a socket; "
                   "Inherit or Duplicate take a stream that is open already";
        case ELOOP:
            if (!is_link || folder_is_ours_alone(path)) return {};
            return "it is a symbolic link in a folder that others can change; "
                   "name the file it points to";
        default: return {};
    }
}

/// Opens a file for a stream or a log; never waits for the other end of a pipe.
inline UniqueFd open_file(const std::string& path, int flags, mode_t mode,
                          Step step = Step::open_stream) {
    // A pipe without a reader would hold up the start for ever: O_NONBLOCK makes that an error.
    flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    auto opened = retry([&] { return sys::open(path.c_str(), flags | O_NOFOLLOW, mode); });
    // FreeBSD says EMLINK, NetBSD says EFTYPE where POSIX has ELOOP.
    const bool perhaps_link = opened.error == ELOOP || opened.error == EMLINK
#if defined(EFTYPE)
                              || opened.error == EFTYPE
#endif
        ;
    if (perhaps_link && folder_is_ours_alone(path))
        opened = retry([&] { return sys::open(path.c_str(), flags, mode); });
    if (!opened)
        throw Error(step, path, opened.error,
                    explain_open(path, opened.error, (flags & O_CREAT) != 0));
    UniqueFd fd(opened.value);
    check(above_standard(fd), step, path);

    // From here on the stream blocks, as programs expect of stdin, stdout and stderr.
    const auto state = retry([&] { return sys::fcntl_getfl(fd.get()); });
    check(state, step, path);
    check(retry([&] { return sys::fcntl_setfl(fd.get(), state.value & ~O_NONBLOCK); }), step, path);
    return fd;
}

/// The open target: close-on-exec from birth, above descriptor 2; none for Inherit and DefaultTarget.
///
/// A relative path starts from the directory of this moment. A symbolic link as the last part of a path is followed
/// only in a folder that nobody but root and the user of this process can change: in a shared folder somebody else may
/// have put it there to have another file written. A named pipe is not waited for; one to write to must have a reader.
///
/// Process:  launcher, before any fork: a log that cannot be opened ends the start there.
/// Errors:   Step::resolve_path; Step::open_stream on the path, or on the stream where there is no path. EINVAL for a
///           target that the stream cannot use (stdin appended to, output read from, a mode above 0777).
/// Source:   open(2), fcntl(2) F_DUPFD_CLOEXEC.
inline UniqueFd open_target(Stream stream, const StreamTarget& target) {
    if (std::holds_alternative<NullDevice>(target)) {
        UniqueFd fd = open_null_device(Step::open_stream);
        check(above_standard(fd), Step::open_stream, null_device_path);
        return fd;
    }
    if (const auto* append = std::get_if<AppendTo>(&target)) {
        if (stream == Stream::in)
            throw Error(Step::open_stream, append->path, EINVAL, "stdin cannot be appended to");
        if ((append->mode & ~mode_t{0777}) != 0)
            throw Error(Step::open_stream, append->path, EINVAL, "the mode is not in 0000-0777");
        return open_file(absolute_path(append->path), O_WRONLY | O_CREAT | O_APPEND, append->mode);
    }
    if (const auto* read = std::get_if<ReadFrom>(&target)) {
        if (stream != Stream::in)
            throw Error(Step::open_stream, read->path, EINVAL, "only stdin can be read from");
        const std::string path = absolute_path(read->path);
        UniqueFd fd = open_file(path, O_RDONLY, 0);
        struct ::stat status {};
        check(retry([&] { return sys::fstat(fd.get(), &status); }), Step::open_stream, path);
        if (S_ISDIR(status.st_mode))
            throw Error(Step::open_stream, path, EISDIR, explain_open(path, EISDIR, false));
        return fd;
    }
    if (const auto* duplicate = std::get_if<Duplicate>(&target)) {
        const int source = duplicate->fd;
        const auto fd = retry([&] { return sys::fcntl_dupfd_cloexec(source, lowest_own_fd); });
        if (fd.error == EBADF)
            throw Error(Step::open_stream, to_string(stream), EBADF,
                        "descriptor " + std::to_string(source) + " is not open");
        return UniqueFd(check(fd, Step::open_stream, to_string(stream)));
    }
    return {};
}

}  // namespace daemonkit::detail

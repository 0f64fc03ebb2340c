// SPDX-License-Identifier: MIT
#pragma once
// PidFile: the file under the lock, which is never mistaken for another of its name or of its descriptor. Floor 4.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/network_file_system.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/detail/write_signals_guard.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <fcntl.h>
#include <sys/resource.h>  // RLIMIT_FSIZE
#include <sys/stat.h>

namespace daemonkit::detail {

/// What a name or a descriptor leads to.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileIdentity&) const noexcept = default;
};

inline FileIdentity identity_of(const struct ::stat& status) noexcept {
    return {status.st_dev, status.st_ino};
}

/// What to do about an errno of open(2), where the errno alone does not say it.
inline std::string explain_open_pid_file(int error) {
    if (error == ELOOP || error == EMLINK) return "a symbolic link is not followed";
    if (error == ENXIO) return "not a regular file";  // a socket, or a device without a driver
    return error == ENOENT ? "the directory has to be made first" : "";
}

/// A plain file with one name, opened for its lock.
///
/// Errors:   Step::open_pid_file.
class PidFile {
public:
    explicit PidFile(std::string absolute_path) : path_(std::move(absolute_path)) {
        struct ::stat root {};
        if (sys::stat("/", &root)) root_ = identity_of(root);
    }

    /// A file that is there, to look at; not open where there is none.
    static UniqueFd open_to_look(const std::string& path) {
        const auto opened = retry([&] { return sys::open(path.c_str(), O_RDONLY | flags); });
        if (opened.error == ENOENT || opened.error == ENOTDIR) return {};
        UniqueFd fd(require_open(opened, path));
        require_lockable(fd.get(), path);
        return fd;
    }

    /// Opens the file of that name, making it if needed.
    void open(mode_t mode) {
        const auto opened =
            retry([&] { return sys::open(path_.c_str(), O_RDWR | O_CREAT | flags, mode); });
        fd_.reset(require_open(opened, path_));
        check(above_standard(fd_), Step::open_pid_file, path_);
        file_ = identity_of(require_lockable(fd_.get(), path_));
    }

    const std::string& path() const noexcept { return path_; }
    int fd() const noexcept { return fd_.get(); }
    bool is_open() const noexcept { return fd_.is_open(); }

    /// The file is what was looked at.
    bool is(const struct ::stat& status) const noexcept { return file_ == identity_of(status); }

    /// The path leads to the file.
    bool has_its_name() const noexcept {
        struct ::stat named {};
        return sys::lstat(path_.c_str(), &named) && is(named);
    }

    /// The path leads elsewhere than at the construction.
    bool is_in_another_root() const noexcept {
        struct ::stat root {};
        return root_ && sys::stat("/", &root) && identity_of(root) != *root_;
    }

    /// The file has lost its name. Where the path cannot be followed, as in another root, only a removal counts.
    bool is_nameless() const noexcept {
        struct ::stat status {};
        const bool is_here = root_ && !is_in_another_root();
        const auto looked = sys::lstat(path_.c_str(), &status);
        if (is_here && looked) return !is(status);
        if (is_here && (looked.error == ENOENT || looked.error == ENOTDIR)) return true;
        return !sys::fstat(fd_.get(), &status) || status.st_nlink == 0;
    }

    /// Somebody has closed every descriptor, and the number may lead to a file of the program's by now.
    bool is_lost() const noexcept {
        struct ::stat status {};
        const auto looked = sys::fstat(fd_.get(), &status);
        return looked.error == EBADF || (looked && !is(status));
    }

    /// Removes the file where the path leads to it.
    bool remove() const noexcept { return has_its_name() && sys::unlink(path_.c_str()); }

    Result<int> empty() const noexcept {
        return retry([&] { return sys::ftruncate(fd_.get(), 0); });
    }

    /// Writes from the start of the file; EFBIG where a limit would raise SIGXFSZ.
    Result<ssize_t> write(std::string_view text) const noexcept {
        struct ::rlimit limit {};
        const bool is_unlimited =
            sys::getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur == RLIM_INFINITY;
        std::optional<WriteSignalsGuard> no_signal;
        if (!is_unlimited) no_signal.emplace();
        return retry([&] { return sys::pwrite(fd_.get(), text.data(), text.size(), 0); });
    }

    /// Closes the descriptor, unless it is somebody else's by now.
    void close() noexcept {
        if (!is_open()) return;
        if (is_lost())
            static_cast<void>(fd_.release());
        else
            fd_.reset();
    }

private:
    // O_NONBLOCK: a FIFO of that name must not hang the start. O_NOCTTY: nor may a terminal become ours.
    static constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

    static int require_open(const Result<int>& opened, const std::string& path) {
        if (opened) return opened.value;
        throw Error(Step::open_pid_file, path, opened.error, explain_open_pid_file(opened.error));
    }

    static struct ::stat require_lockable(int fd, const std::string& path) {
        struct ::stat status {};
        check(sys::fstat(fd, &status), Step::open_pid_file, path);
        if (!S_ISREG(status.st_mode))
            throw Error(Step::open_pid_file, path, EINVAL, "not a regular file");
        if (status.st_nlink > 1)
            throw Error(Step::open_pid_file, path, EMLINK, "the file has a second name");
        if (const char* const network = network_file_system(fd))
            throw Error(Step::open_pid_file, path, ENOTSUP,
                        std::string("it is on ") + network +
                            ", where locks and pids are not this machine's alone: put it in /run");
        return status;
    }

    std::string path_;
    UniqueFd fd_;
    FileIdentity file_;
    std::optional<FileIdentity> root_;  // at the construction
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// SocketNursery: a place where a socket is made before anybody can find it. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>

#include <fcntl.h>  // O_*
#include <sys/stat.h>

namespace daemonkit::detail {

/// A folder beside the path, which this user alone can enter; it is gone again with the object.
class SocketNursery {
public:
    static constexpr const char* folder_suffix = ".new";
    static constexpr const char* name = "s";
    static constexpr std::size_t suffix_size = 6;  // of both, with the slash between

    explicit SocketNursery(const std::string& path) : path_(path + folder_suffix) {
        auto made = sys::mkdir(path_.c_str(), 0700);
        if (made.error == EEXIST) {
            remove_leftover();
            made = sys::mkdir(path_.c_str(), 0700);
        }
        if (made.error == ENOENT)
            throw Error(Step::open_control_socket, path, ENOENT,
                        "the directory has to be made first");
        check(made, Step::open_control_socket, path_);
        try {
            open();
        } catch (...) {
            static_cast<void>(sys::rmdir(path_.c_str()));
            throw;
        }
    }
    ~SocketNursery() {
        const ErrnoGuard keep_errno;
        empty();
    }
    SocketNursery(const SocketNursery&) = delete;
    SocketNursery& operator=(const SocketNursery&) = delete;

    int folder() const noexcept { return folder_.get(); }
    std::string socket_path() const { return path_ + '/' + name; }

private:
    /// What a maker has left that was killed at its work; anything else stays.
    void remove_leftover() {
        struct ::stat status {};
        const auto looked = sys::lstat(path_.c_str(), &status);
        if (looked.error == ENOENT) return;
        if (!looked || !S_ISDIR(status.st_mode) || status.st_uid != sys::geteuid())
            throw Error(Step::open_control_socket, path_, EEXIST,
                        "it stands in the way, and has to be removed");
        open();
        empty();
        folder_.reset();
    }

    void open() {
        constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        const auto attempt = [&] { return sys::open(path_.c_str(), flags); };
        auto opened = retry(attempt);
        // The umask keeps its own user from opening it.
        if (opened.error == EACCES && is_sheltered() && sys::chmod(path_.c_str(), 0700))
            opened = retry(attempt);
        if (opened.error == EACCES)
            throw Error(
                Step::open_control_socket, path_, EACCES,
                "the umask keeps its own user from reading it, and others may put something "
                "else in its place");
        folder_.reset(check(opened, Step::open_control_socket, path_));
        struct ::stat status {};
        check(sys::fstat(folder_.get(), &status), Step::open_control_socket, path_);
        if (status.st_uid != sys::geteuid() || (status.st_mode & 0077U) != 0)
            throw Error(Step::open_control_socket, path_, EPERM,
                        "somebody else has put it there: the directory belongs to others as well");
        // What the umask has taken away; through the descriptor, as a name can be made to lead elsewhere.
        if ((status.st_mode & 0700U) != 0700U)
            check(sys::fchmod(folder_.get(), 0700), Step::open_control_socket, path_);
    }

    /// Nobody else can put another thing in the place of what this user has made there.
    bool is_sheltered() const {
        const std::string parent = path_.substr(0, path_.rfind('/') + 1);
        struct ::stat status {};
        if (!sys::stat(parent.c_str(), &status)) return false;
        const bool is_own = status.st_uid == sys::geteuid() || status.st_uid == 0;
        return is_own && ((status.st_mode & 0022U) == 0 || (status.st_mode & S_ISVTX) != 0);
    }

    void empty() noexcept {
        static_cast<void>(sys::unlinkat(folder_.get(), name));
        static_cast<void>(sys::rmdir(path_.c_str()));
    }

    std::string path_;
    UniqueFd folder_;
};

}  // namespace daemonkit::detail

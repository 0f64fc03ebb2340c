// SPDX-License-Identifier: MIT
#pragma once
// NamedSocket: a listening socket at a path, from the moment it is safe to connect to until its maker ends. Floor 5.
//
// It gets its name last. Made in a folder that only this user can enter, it has its mode and its group and listens before
// the path leads to it: nobody connects in between, and a socket that refuses is one whose maker is dead.

#include <daemonkit/control_message.hpp>
#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/local_address.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/own_pid.hpp>
#include <daemonkit/detail/peer_credentials.hpp>
#include <daemonkit/detail/socket_nursery.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/pid_lock.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>  // std::move

#include <sys/socket.h>
#include <sys/stat.h>

namespace daemonkit::detail {

/// Listens at a path.
///
/// Errors:   Step::open_control_socket: EADDRINUSE when somebody listens there — actionable; EEXIST for a file that is no
///           socket.
/// Process:  the one that made it removes its name; a forked child only closes its copy.
/// Undo:     the destructor removes the name, where the path still leads to this socket, then closes.
class NamedSocket {
public:
    NamedSocket(const std::string& path, mode_t mode, std::optional<gid_t> group)
        : path_(absolute_path(path)) {
        if (path_.size() > longest_local_path - SocketNursery::suffix_size) throw_too_long();
        keep_own_pid();
        const PidLock lock = lock_name();
        require_nobody_there();
        make(mode, group);
        owner_ = own_pid();
    }
    ~NamedSocket() { release(); }
    NamedSocket(const NamedSocket&) = delete;
    NamedSocket& operator=(const NamedSocket&) = delete;

    const std::string& path() const noexcept { return path_; }
    int fd() const noexcept { return socket_.get(); }

    /// True in the process that made it.
    bool is_own() const noexcept { return owner_ == own_pid(); }

    /// Nobody can connect any more. The name goes first: a successor that finds it finds somebody listening.
    void release() noexcept {
        const ErrnoGuard keep_errno;
        if (!socket_.is_open()) return;
        struct ::stat named {};
        if (is_own() && sys::lstat(path_.c_str(), &named) && named.st_dev == device_ &&
            named.st_ino == inode_)
            static_cast<void>(sys::unlink(path_.c_str()));
        socket_.reset();
    }

private:
    [[noreturn]] void throw_too_long() const {
        throw Error(Step::open_control_socket, path_, ENAMETOOLONG,
                    "a socket's path has at most " +
                        std::to_string(longest_local_path - SocketNursery::suffix_size) +
                        " bytes here");
    }

    /// From the look at the path to the new name there, no other maker does the same.
    PidLock lock_name() const {
        constexpr Nanoseconds longest = 5'000'000'000;
        constexpr int moment_ms = 2;
        const std::string name = path_ + ".lock";
        const Nanoseconds until = monotonic_after(longest);
        try {
            for (;;) {
                auto lock = PidLock::try_acquire(name, {.mode = 0600});
                if (lock) return std::move(*lock);
                if (monotonic_now() > until) break;
                static_cast<void>(sys::poll(nullptr, 0, moment_ms));
            }
        } catch (const Error& error) {
            throw Error(Step::open_control_socket, name, error.code().value(), error.explanation());
        }
        throw Error(Step::open_control_socket, name, EADDRINUSE,
                    "another start has been at it for 5 seconds");
    }

    void require_nobody_there() const {
        struct ::stat status {};
        const auto looked = sys::lstat(path_.c_str(), &status);
        if (looked.error == ENOENT) return;
        check(looked, Step::open_control_socket, path_);
        if (!S_ISSOCK(status.st_mode))
            throw Error(Step::open_control_socket, path_, EEXIST,
                        "a file that is no socket stands there, and is left alone");
        const UniqueFd probe(
            check(sys::socket_nonblocking(AF_UNIX, SOCK_STREAM), Step::open_control_socket, path_));
        const LocalAddress address(path_, Step::open_control_socket);
        const auto connected =
            retry([&] { return sys::connect(probe.get(), address.storage, address.size); });
        if (connected.error == ECONNREFUSED || connected.error == ENOENT) return;
        if (connected.error == 0 || connected.error == EAGAIN)
            throw Error(Step::open_control_socket, path_, EADDRINUSE, explain_live(probe.get()));
        throw Error(Step::open_control_socket, path_, connected.error,
                    "whether anybody listens there cannot be told");
    }

    /// A child that was forked, and has executed nothing, keeps its daemon's socket open. Nobody serves it then.
    static std::string explain_live(int probe) {
        const pid_t pid = peer_credentials(probe).value.pid;
        if (pid <= 0) return "already running";
        if (sys::kill(pid, 0).error == ESRCH)
            return "a process that the dead daemon " + std::to_string(pid) +
                   " has left behind holds the socket (see fuser)";
        return "already running as pid " + std::to_string(pid);
    }

    void make(mode_t mode, std::optional<gid_t> group) {
        constexpr Step step = Step::open_control_socket;
        const SocketNursery nursery(path_);
        UniqueFd made(check(sys::socket_nonblocking(AF_UNIX, SOCK_STREAM), step, path_));
        check(above_standard(made), step, path_);
        const LocalAddress address(nursery.socket_path(), step);
        check(sys::bind(made.get(), address.storage, address.size), step, path_);
        if (group) {
            const auto given = sys::fchownat_group(nursery.folder(), SocketNursery::name, *group);
            if (given.error == EPERM)
                throw Error(step, path_, EPERM,
                            "only root, or a member, can give the socket to that group");
            check(given, step, path_);
        }
        check(sys::fchmodat(nursery.folder(), SocketNursery::name, mode), step, path_);
        check(sys::listen(made.get(), SOMAXCONN), step, path_);
        struct ::stat status {};
        check(sys::fstatat(nursery.folder(), SocketNursery::name, &status), step, path_);
        check(sys::renameat(nursery.folder(), SocketNursery::name, path_.c_str()), step, path_);
        device_ = status.st_dev;
        inode_ = status.st_ino;
        socket_ = std::move(made);
    }

    std::string path_;
    UniqueFd socket_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    pid_t owner_ = 0;
};

}  // namespace daemonkit::detail

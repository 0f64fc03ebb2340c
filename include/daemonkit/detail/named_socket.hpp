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
#include <daemonkit/detail/pid_file.hpp>
#include <daemonkit/detail/socket_nursery.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/pid_lock.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>  // std::exchange, std::move

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
        : path_(absolute_path(path)), mode_(mode), group_(group) {
        constexpr Nanoseconds longest_wait = 5'000'000'000;
        if (path_.size() > longest_local_path - SocketNursery::suffix_size) throw_too_long();
        keep_own_pid();
        struct ::stat root {};
        if (sys::stat("/", &root)) root_ = identity_of(root);
        socket_ = make_named(longest_wait);
        owner_ = own_pid();
    }
    ~NamedSocket() { release(); }
    NamedSocket(const NamedSocket&) = delete;
    NamedSocket& operator=(const NamedSocket&) = delete;

    const std::string& path() const noexcept { return path_; }
    int fd() const noexcept { return socket_.get(); }

    /// True in the process that made it.
    bool is_own() const noexcept { return owner_ == own_pid(); }

    /// False when the path leads to this socket no more. Where it cannot be followed, or leads into another root than it
    /// did, nothing is known, and nothing is wrong.
    bool is_named() const noexcept {
        if (!socket_.is_open()) return false;
        struct ::stat root {};
        if (!root_ || !sys::stat("/", &root) || identity_of(root) != *root_) return true;
        struct ::stat named {};
        const auto looked = sys::lstat(path_.c_str(), &named);
        if (looked) return identity_of(named) == file_;
        return looked.error != ENOENT && looked.error != ENOTDIR;
    }

    /// Listens at the path again, with a new socket; returns the old one, which nobody finds.
    ///
    /// Errors:   as the constructor, and then nothing has changed; it does not wait for another maker.
    UniqueFd renew() { return std::exchange(socket_, make_named(0)); }

    /// Nobody can connect any more. The name goes first: a successor that finds it finds somebody listening.
    void release() noexcept {
        const ErrnoGuard keep_errno;
        if (!socket_.is_open()) return;
        struct ::stat named {};
        if (is_own() && sys::lstat(path_.c_str(), &named) && identity_of(named) == file_)
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

    UniqueFd make_named(Nanoseconds longest_wait) {
        const PidLock lock = lock_name(longest_wait);
        require_nobody_there();
        return make();
    }

    /// From the look at the path to the new name there, no other maker does the same.
    PidLock lock_name(Nanoseconds longest_wait) const {
        constexpr int moment_ms = 2;
        const std::string name = path_ + ".lock";
        const Nanoseconds until = monotonic_after(longest_wait);
        try {
            for (;;) {
                auto lock = PidLock::try_acquire(name, {.mode = 0600});
                if (lock) return std::move(*lock);
                if (monotonic_now() >= until) break;
                static_cast<void>(sys::poll(nullptr, 0, moment_ms));
            }
        } catch (const Error& error) {
            throw Error(Step::open_control_socket, name, error.code().value(), error.explanation());
        }
        throw Error(Step::open_control_socket, name, EADDRINUSE,
                    longest_wait > 0 ? "another start has been at it for 5 seconds"
                                     : "another start is at it");
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

    UniqueFd make() {
        constexpr Step step = Step::open_control_socket;
        const SocketNursery nursery(path_);
        UniqueFd made(check(sys::socket_nonblocking(AF_UNIX, SOCK_STREAM), step, path_));
        check(above_standard(made), step, path_);
        const LocalAddress address(nursery.socket_path(), step);
        check(sys::bind(made.get(), address.storage, address.size), step, path_);
        if (group_) {
            const auto given = sys::fchownat_group(nursery.folder(), SocketNursery::name, *group_);
            if (given.error == EPERM)
                throw Error(step, path_, EPERM,
                            "only root, or a member, can give the socket to that group");
            check(given, step, path_);
        }
        check(sys::fchmodat(nursery.folder(), SocketNursery::name, mode_), step, path_);
        check(sys::listen(made.get(), SOMAXCONN), step, path_);
        struct ::stat status {};
        check(sys::fstatat(nursery.folder(), SocketNursery::name, &status), step, path_);
        check(sys::renameat(nursery.folder(), SocketNursery::name, path_.c_str()), step, path_);
        file_ = identity_of(status);
        return made;
    }

    std::string path_;
    mode_t mode_;
    std::optional<gid_t> group_;
    std::optional<FileIdentity> root_;  // at the construction
    UniqueFd socket_;
    FileIdentity file_;
    pid_t owner_ = 0;
};

}  // namespace daemonkit::detail

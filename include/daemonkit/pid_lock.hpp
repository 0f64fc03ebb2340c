// SPDX-License-Identifier: MIT
#pragma once
// PidLock: one instance of a daemon, by a lock that the kernel keeps. Floor 5.
//
// The lock is the truth and the file is its name: the number in the file is for `kill $(cat FILE)`, and nothing
// here ever believes it. Two phases: the lock is taken before the forks, where a conflict can still be told to the
// shell; the pid is written after them, by the daemon.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/pid_text.hpp>
#include <daemonkit/detail/record_lock.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/detail/write_signals_guard.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move, std::exchange

#include <fcntl.h>
#include <sys/file.h>      // LOCK_EX
#include <sys/resource.h>  // RLIMIT_FSIZE
#include <sys/stat.h>

namespace daemonkit {

/// How a pid file is made.
struct PidLockOptions {
    mode_t mode = 0644;  ///< of the file, whatever the umask; anyone may read the pid by default
};

/// Who holds a lock.
struct PidLockHolder {
    /// The holder as the kernel names it; nothing while it has not written its pid yet, lives in another pid
    /// namespace, or is a child that a daemon has left behind.
    std::optional<pid_t> pid;
};

namespace detail {

/// Why a lock is not to be had.
inline std::string explain_held(const PidLockHolder& holder) {
    if (holder.pid) return "already running as pid " + std::to_string(*holder.pid);
    return "already running; the process cannot be named: it is starting, or has outlived its "
           "daemon (see fuser)";
}

}  // namespace detail

/// Holds the lock of a pid file; while it does, no other process does.
///
/// `flock` keeps others out and survives the forks. After them `write_pid` adds a record lock, whose owner the
/// kernel tells to anyone who asks (`holder`): that names the process, never the number in the file. A record
/// lock goes when any descriptor of the file is closed in the process, so a daemon that opens its own pid file
/// stays the only one but can no longer be named. A child that a daemon has forked holds the lock as well.
///
/// Shape:    a regular file with one name, never through a symbolic link; it belongs to the effective user
///           (a stranger's file is replaced while locked, or refused where that is not allowed). A relative path
///           resolves once, at construction.
/// Errors:   Step::open_pid_file; Step::lock_pid_file (EWOULDBLOCK: another process holds it — actionable).
/// Undo:     the destructor removes the file while it is still locked, and only where the path still names the
///           locked file and this process is the owner; where it cannot be removed it is emptied. Then the lock goes.
/// Threads:  one at a time.
/// Source:   flock(2), fcntl(2) "Advisory record locking".
class PidLock {
public:
    /// Locks the file, making it if needed; what stood in it is gone.
    explicit PidLock(const std::string& path, PidLockOptions options = {})
        : PidLock(path, options, Held::is_an_error) {}

    /// Like the constructor, with "another process holds it" as a value: nothing.
    static std::optional<PidLock> try_acquire(const std::string& path,
                                              PidLockOptions options = {}) {
        PidLock lock(path, options, Held::is_a_value);
        if (lock.owner_ == 0) return {};
        return lock;
    }

    /// The holder of the lock, or nothing when no process holds it (or there is no such file).
    ///
    /// Asks the kernel and locks nothing, so that a look never gets in the way of a start.
    ///
    /// Process:  any but the holder itself, which would lose its name by it.
    /// Errors:   Step::open_pid_file (EACCES: the file cannot be read — actionable); Step::lock_pid_file when the
    ///           kernel does not tell.
    static std::optional<PidLockHolder> holder(const std::string& path) {
        const std::string file = detail::absolute_path(path);
        const auto opened =
            detail::retry([&] { return detail::sys::open(file.c_str(), O_RDONLY | open_flags); });
        if (opened.error == ENOENT || opened.error == ENOTDIR) return {};
        const detail::UniqueFd fd(detail::check(opened, Step::open_pid_file, file));
        require_regular(fd.get(), file);
        const auto holder = ask_holder(fd.get());
        if (!holder) throw Error(Step::lock_pid_file, file, holder.error, "the holder is not told");
        return holder.value;
    }

    ~PidLock() { release(); }
    PidLock(PidLock&& other) noexcept
        : path_(std::move(other.path_)),
          fd_(std::move(other.fd_)),
          owner_(std::exchange(other.owner_, 0)) {}
    PidLock& operator=(PidLock&&) = delete;
    PidLock(const PidLock&) = delete;
    PidLock& operator=(const PidLock&) = delete;

    /// Makes the calling process the owner: the kernel names it as the holder and the file holds its pid.
    ///
    /// Process:  the daemon, after the forks; at the earliest moment at which the pid is the right one.
    /// Errors:   Step::lock_pid_file; Step::write_pid_file (ENOSPC, EFBIG), and the file is empty then.
    void write_pid() {
        take_name_tag(detail::NameTag::daemon);
        owner_ = detail::sys::getpid();
        const detail::PidText text(owner_);
        // A longer text, such as the launcher's pid, would show its end behind the new one: `kill` takes two numbers.
        detail::check(detail::retry([&] { return detail::sys::ftruncate(fd_.get(), 0); }),
                      Step::write_pid_file, path_);
        const auto written = pwrite_despite_limit(text.view());
        if (written.error == 0 && written.value == static_cast<ssize_t>(text.view().size())) return;
        static_cast<void>(detail::sys::ftruncate(fd_.get(), 0));
        const int error = written.error != 0 ? written.error : ENOSPC;
        throw Error(Step::write_pid_file, path_, error,
                    error == EFBIG ? "the file size limit forbids it: SIGXFSZ" : "");
    }

    /// True until `release` or `abandon`.
    bool is_held() const noexcept { return owner_ != 0 && fd_.is_open(); }

    /// The absolute path of the file.
    const std::string& path() const noexcept { return path_; }

    /// The locked descriptor, close-on-exec; borrowed.
    int native_handle() const noexcept { return fd_.get(); }

    /// Removes the file while it is locked, then gives the lock up; does nothing in a process that is not the
    /// owner but close its own descriptor.
    void release() noexcept {
        if (!fd_.is_open()) return;
        const detail::ErrnoGuard keep_errno;
        // The order is the protocol: unlink, then close. The other way round, a file that another process has just
        // locked would be removed.
        if (owner_ == detail::sys::getpid() && !remove_own_file()) {
            static_cast<void>(detail::sys::ftruncate(fd_.get(), 0));
        }
        fd_.reset();
    }

    /// Closes the descriptor and leaves the file as it is: the lock lives on in whoever inherited it.
    void abandon() noexcept { fd_.reset(); }

private:
    enum class Held { is_an_error, is_a_value };
    enum class Attempt { locked, replaced, held_elsewhere };
    // O_NONBLOCK: a FIFO of that name must not hang the start. O_NOCTTY: nor may a terminal become ours.
    static constexpr int open_flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

    PidLock(const std::string& path, PidLockOptions options, Held held)
        : path_(detail::absolute_path(path)) {
        // A holder that ends between our open and our lock removes the file we hold open; then the name is looked
        // up again. Among many short-lived holders that was seen more than 100 times in a row; somebody who replaces
        // the file for ever is met with an error and not with a loop.
        constexpr int attempts = 1024;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            struct ::stat status {};
            switch (lock_once(options, status)) {
                case Attempt::locked: claim(options, status); return;
                case Attempt::replaced: continue;
                case Attempt::held_elsewhere:
                    if (held == Held::is_an_error) throw_held();
                    return;
            }
        }
        throw Error(Step::lock_pid_file, path_, ESTALE, "the file is replaced all the time");
    }

    Attempt lock_once(const PidLockOptions& options, struct ::stat& named) {
        fd_ = open_file(options.mode);
        const struct ::stat opened = require_regular(fd_.get(), path_);
        const auto locked =
            detail::retry([&] { return detail::sys::flock(fd_.get(), LOCK_EX | LOCK_NB); });
        if (locked.error == EWOULDBLOCK) return Attempt::held_elsewhere;
        detail::check(locked, Step::lock_pid_file, path_);

        // The second look: a lock on a file that has lost its name keeps nobody out.
        const auto looked =
            detail::retry([&] { return detail::sys::lstat(path_.c_str(), &named); });
        if (looked.error == ENOENT) return Attempt::replaced;
        if (!looked) {
            static_cast<void>(remove_own_file());
            throw Error(Step::lock_pid_file, path_, looked.error);
        }
        if (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino)
            return Attempt::replaced;
        if (named.st_uid == detail::sys::geteuid()) return Attempt::locked;
        // A stranger's file could be rewritten or locked by its owner at any time.
        const auto removed = detail::sys::unlink(path_.c_str());
        if (!removed) {
            throw Error(Step::open_pid_file, path_, removed.error,
                        "the file belongs to another user and cannot be replaced");
        }
        return Attempt::replaced;
    }

    void claim(const PidLockOptions& options, const struct ::stat& status) {
        owner_ = detail::sys::getpid();
        try {
            take_name_tag(detail::NameTag::launcher);
            require_tag(detail::set_nameless_tag(fd_.get()));
            if ((status.st_mode & 07777U) != options.mode) {
                detail::check(detail::sys::fchmod(fd_.get(), options.mode), Step::open_pid_file,
                              path_);
            }
            // The last owner's number goes before anyone can take it for ours.
            if (status.st_size > 0) {
                detail::check(detail::retry([&] { return detail::sys::ftruncate(fd_.get(), 0); }),
                              Step::write_pid_file, path_);
            }
        } catch (...) {
            release();
            throw;
        }
    }

    [[noreturn]] void throw_held() const {
        const auto holder = ask_holder(fd_.get()).value;
        throw Error(Step::lock_pid_file, path_, EWOULDBLOCK,
                    detail::explain_held(holder.value_or(PidLockHolder{})));
    }

    detail::UniqueFd open_file(mode_t mode) const {
        const auto opened = detail::retry(
            [&] { return detail::sys::open(path_.c_str(), O_RDWR | O_CREAT | open_flags, mode); });
        if (opened.error == ELOOP || opened.error == EMLINK) {
            throw Error(Step::open_pid_file, path_, opened.error,
                        "a symbolic link is not followed");
        }
        if (opened.error == ENOENT) {
            throw Error(Step::open_pid_file, path_, ENOENT, "the directory has to be made first");
        }
        detail::UniqueFd fd(detail::check(opened, Step::open_pid_file, path_));
        detail::check(detail::above_standard(fd), Step::open_pid_file, path_);
        return fd;
    }

    static struct ::stat require_regular(int fd, const std::string& path) {
        struct ::stat status {};
        detail::check(detail::sys::fstat(fd, &status), Step::open_pid_file, path);
        if (!S_ISREG(status.st_mode)) {
            throw Error(Step::open_pid_file, path, EINVAL, "not a regular file");
        }
        if (status.st_nlink > 1) {
            throw Error(Step::open_pid_file, path, EMLINK, "the file has a second name");
        }
        return status;
    }

    void take_name_tag(detail::NameTag tag) { require_tag(detail::set_name_tag(fd_.get(), tag)); }

    void require_tag(const detail::Result<bool>& set) const {
        if (set.error != 0) throw Error(Step::lock_pid_file, path_, set.error, "no record lock");
    }

    static detail::Result<std::optional<PidLockHolder>> ask_holder(int fd) noexcept {
        // In this order: between the two questions a launcher may end and leave its daemon as the holder. The other
        // way round, a start that comes to its end would look like nobody.
        const auto launcher = detail::name_tag_owner(fd, detail::NameTag::launcher);
        if (!launcher) return {{}, launcher.error};
        const auto daemon = detail::name_tag_owner(fd, detail::NameTag::daemon);
        if (!daemon) return {{}, daemon.error};
        if (daemon.value && *daemon.value != 0) return {PidLockHolder{daemon.value}, 0};
        if (daemon.value || launcher.value) return {PidLockHolder{}, 0};
        const auto somebody = detail::name_tag_owner(fd, detail::NameTag::nobody);
        if (!somebody) return {{}, somebody.error};
        return {somebody.value ? std::optional(PidLockHolder{}) : std::nullopt, 0};
    }

    detail::Result<ssize_t> pwrite_despite_limit(std::string_view text) noexcept {
        struct ::rlimit limit {};
        const bool is_unlimited = detail::sys::getrlimit(RLIMIT_FSIZE, &limit).error == 0 &&
                                  limit.rlim_cur == RLIM_INFINITY;
        std::optional<detail::WriteSignalsGuard> no_signal;
        if (!is_unlimited) no_signal.emplace();
        return detail::retry(
            [&] { return detail::sys::pwrite(fd_.get(), text.data(), text.size(), 0); });
    }

    bool remove_own_file() const noexcept {
        struct ::stat ours {};
        struct ::stat named {};
        if (detail::sys::fstat(fd_.get(), &ours).error != 0) return false;
        if (detail::sys::lstat(path_.c_str(), &named).error != 0) return false;
        if (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino) return false;
        return detail::sys::unlink(path_.c_str()).error == 0;
    }

    std::string path_;
    detail::UniqueFd fd_;
    pid_t owner_ = 0;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// PidLock: one instance of a daemon, by a lock that the kernel keeps. Floor 5.
//
// The lock is the truth and the file is its name: the number in the file is for `kill $(cat FILE)`, and nothing
// here ever believes it. Two phases: the lock is taken before the forks, where a conflict can still be told to the
// shell; the pid is written after them, by the daemon.

#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/pid_file.hpp>
#include <daemonkit/detail/pid_text.hpp>
#include <daemonkit/detail/record_lock.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>  // std::move, std::exchange

#include <sys/file.h>  // LOCK_EX
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
    std::optional<pid_t> pid = {};
    /// While it has not: the launcher, whose start is under way. Nothing where the kernel does not name that one.
    std::optional<pid_t> launcher = {};
    /// The daemon runs in another pid namespace, where its number means nothing here.
    bool is_elsewhere = false;
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
///           (a stranger's file is replaced while locked, or refused where that is not allowed). Not on a network file
///           system, where a lock may be known to one machine alone and a pid means nothing to another. A relative
///           path resolves once, at construction.
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
        const detail::UniqueFd fd = detail::PidFile::open_to_look(file);
        if (!fd.is_open()) return {};
        const auto holder = ask_holder(fd.get());
        if (!holder) throw Error(Step::lock_pid_file, file, holder.error, "the holder is not told");
        return holder.value;
    }

    /// Waits no longer than that until no process holds the lock, and tells whether it is so. For whoever has ended a
    /// daemon: a child that it has left behind holds the lock as well, and so does the next daemon, if it is quick. Takes
    /// any std::chrono::duration.
    ///
    /// Process, Errors:   as `holder`.
    static bool wait_until_free(const std::string& path, Timeout time) {
        const detail::Nanoseconds until = detail::monotonic_after(time.in_nanoseconds());
        detail::Nanoseconds doze = 500'000;
        while (holder(path)) {
            const detail::Nanoseconds left = until - detail::monotonic_now();
            if (left <= 0) return false;
            const struct ::timespec limit = detail::timespec_of(left < doze ? left : doze);
            static_cast<void>(detail::sys::ppoll(nullptr, 0, &limit));
            constexpr detail::Nanoseconds longest_doze = 20'000'000;
            doze = doze * 2 < longest_doze ? doze * 2 : longest_doze;
        }
        return true;
    }

    ~PidLock() { release(); }
    /// The lock moves along; the other one holds nothing any more.
    PidLock(PidLock&& other) noexcept
        : file_(std::move(other.file_)),
          options_(other.options_),
          owner_(std::exchange(other.owner_, 0)) {}
    PidLock& operator=(PidLock&&) = delete;
    PidLock(const PidLock&) = delete;
    PidLock& operator=(const PidLock&) = delete;

    /// Makes the calling process the owner: the kernel names it as the holder and the file holds its pid.
    ///
    /// Process:  the daemon, after the forks; at the earliest moment at which the pid is the right one.
    /// Errors:   Step::lock_pid_file; Step::write_pid_file (ENOSPC, EFBIG), and the file is empty then.
    void write_pid() {
        if (file_.is_lost())
            throw Error(Step::write_pid_file, path(), EBADF,
                        "something in this program has closed its descriptor");
        take_name_tag(detail::NameTag::daemon);
        owner_ = detail::sys::getpid();
        const detail::PidText text(owner_);
        // A longer text, such as the launcher's pid, would show its end behind the new one: `kill` takes two numbers.
        detail::check(file_.empty(), Step::write_pid_file, path());
        const auto written = file_.write(text.view());
        if (written && written.value == static_cast<ssize_t>(text.view().size())) return;
        static_cast<void>(file_.empty());
        const int error = written ? ENOSPC : written.error;
        throw Error(Step::write_pid_file, path(), error,
                    error == EFBIG ? "the file size limit forbids it: SIGXFSZ" : "");
    }

    /// False when somebody has removed the file, or put another one in its place: the lock keeps nobody out then, and
    /// the next start makes a second daemon. To be asked from time to time; `renew` mends it.
    ///
    /// In another root than that of the construction, where the path leads elsewhere, only a removal is noticed.
    bool is_named() const noexcept { return is_held() && !file_.is_lost() && !file_.is_nameless(); }

    /// Makes the file again and takes its lock, where `is_named` says no; the file then holds the pid.
    ///
    /// A file that has lost its name cannot have it back: this is a new one. A child that holds the old lock does not
    /// hold the new one.
    ///
    /// Process:  the owner alone; in any other, nothing happens.
    /// Errors:   as the constructor and `write_pid`, and then nothing has changed. EWOULDBLOCK: another process has the
    ///           name by now. This one is no longer the only one of its kind, and has to end.
    void renew() {
        if (owner_ != detail::sys::getpid() || is_named()) return;
        if (file_.is_in_another_root())
            throw Error(Step::open_pid_file, path(), ESTALE,
                        "the root directory is another one: the file cannot be made where it was");
        PidLock next(path(), options_);
        next.write_pid();
        // Under whatever name the old file goes, it holds no number of ours.
        if (!file_.is_lost()) static_cast<void>(file_.empty());
        file_.close();
        file_ = std::move(next.file_);
    }

    /// True until `release` or `abandon`.
    bool is_held() const noexcept { return owner_ != 0 && file_.is_open(); }

    /// The absolute path of the file.
    const std::string& path() const noexcept { return file_.path(); }

    /// The locked descriptor, close-on-exec; borrowed.
    int native_handle() const noexcept { return file_.fd(); }

    /// Removes the file while it is locked, then gives the lock up; does nothing in a process that is not the
    /// owner but close its own descriptor.
    void release() noexcept {
        if (!file_.is_open()) return;
        const detail::ErrnoGuard keep_errno;
        // The order is the protocol: unlink, then close. The other way round, a file that another process has just
        // locked would be removed.
        const bool is_owner = owner_ == detail::sys::getpid() && !file_.is_lost();
        if (is_owner && !file_.remove()) static_cast<void>(file_.empty());
        file_.close();
    }

    /// Closes the descriptor and leaves the file as it is: the lock lives on in whoever inherited it.
    void abandon() noexcept { file_.close(); }

private:
    enum class Held { is_an_error, is_a_value };
    enum class Attempt { locked, replaced, held_elsewhere };

    PidLock(const std::string& path, PidLockOptions options, Held held)
        : file_(detail::absolute_path(path)), options_(options) {
        // A holder that ends between our open and our lock removes the file we hold open; then the name is looked
        // up again. Among many short-lived holders that was seen more than 100 times in a row; somebody who replaces
        // the file for ever is met with an error and not with a loop.
        constexpr int attempts = 1024;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            struct ::stat status {};
            switch (lock_once(status)) {
                case Attempt::locked: claim(status); return;
                case Attempt::replaced: continue;
                case Attempt::held_elsewhere:
                    if (held == Held::is_an_error) throw_held();
                    return;
            }
        }
        throw Error(Step::lock_pid_file, file_.path(), ESTALE, "the file is replaced all the time");
    }

    Attempt lock_once(struct ::stat& named) {
        file_.open(options_.mode);
        const auto locked =
            detail::retry([&] { return detail::sys::flock(file_.fd(), LOCK_EX | LOCK_NB); });
        if (locked.error == EWOULDBLOCK) return Attempt::held_elsewhere;
        detail::check(locked, Step::lock_pid_file, path());

        // The second look: a lock on a file that has lost its name keeps nobody out.
        const auto looked =
            detail::retry([&] { return detail::sys::lstat(path().c_str(), &named); });
        if (looked.error == ENOENT) return Attempt::replaced;
        if (!looked) {
            static_cast<void>(file_.remove());
            throw Error(Step::lock_pid_file, path(), looked.error);
        }
        if (!file_.is(named)) return Attempt::replaced;
        if (named.st_uid == detail::sys::geteuid()) return Attempt::locked;
        // A stranger's file could be rewritten or locked by its owner at any time.
        const auto removed = detail::sys::unlink(path().c_str());
        if (!removed) {
            throw Error(Step::open_pid_file, path(), removed.error,
                        "the file belongs to another user and cannot be replaced");
        }
        return Attempt::replaced;
    }

    void claim(const struct ::stat& status) {
        owner_ = detail::sys::getpid();
        try {
            take_name_tag(detail::NameTag::launcher);
            require_tag(detail::set_nameless_tag(file_.fd()));
            if ((status.st_mode & 07777U) != options_.mode) {
                detail::check(detail::sys::fchmod(file_.fd(), options_.mode), Step::open_pid_file,
                              path());
            }
            // The last owner's number goes before anyone can take it for ours.
            if (status.st_size > 0) detail::check(file_.empty(), Step::write_pid_file, path());
        } catch (...) {
            release();
            throw;
        }
    }

    [[noreturn]] void throw_held() const {
        const auto holder = ask_holder(file_.fd()).value;
        throw Error(Step::lock_pid_file, path(), EWOULDBLOCK,
                    detail::explain_held(holder.value_or(PidLockHolder{})));
    }

    void take_name_tag(detail::NameTag tag) { require_tag(detail::set_name_tag(file_.fd(), tag)); }

    void require_tag(const detail::Result<bool>& set) const {
        if (set.error != 0) throw Error(Step::lock_pid_file, path(), set.error, "no record lock");
    }

    static detail::Result<std::optional<PidLockHolder>> ask_holder(int fd) noexcept {
        // In this order: between the two questions a launcher may end and leave its daemon as the holder. The other
        // way round, a start that comes to its end would look like nobody.
        const auto launcher = detail::name_tag_owner(fd, detail::NameTag::launcher);
        if (!launcher) return {{}, launcher.error};
        const auto daemon = detail::name_tag_owner(fd, detail::NameTag::daemon);
        if (!daemon) return {{}, daemon.error};
        if (daemon.value && *daemon.value != 0) return {PidLockHolder{.pid = daemon.value}, 0};
        if (launcher.value && *launcher.value != 0)
            return {PidLockHolder{.launcher = launcher.value}, 0};
        if (daemon.value || launcher.value)
            return {PidLockHolder{.is_elsewhere = daemon.value.has_value()}, 0};
        const auto somebody = detail::name_tag_owner(fd, detail::NameTag::nobody);
        if (!somebody) return {{}, somebody.error};
        return {somebody.value ? std::optional(PidLockHolder{}) : std::nullopt, 0};
    }

    detail::PidFile file_;
    PidLockOptions options_;
    pid_t owner_ = 0;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// RotatedFile: the file of a log, which this process and others rename, remove or truncate while it is written. Floor 4.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/open_log.hpp>
#include <daemonkit/detail/rotate_files.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/detail/write_signals_guard.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <sys/resource.h>  // RLIMIT_FSIZE
#include <sys/stat.h>

namespace daemonkit::detail {

/// The file that is appended to, and its name.
///
/// They part when somebody renames the file; `look` brings them together again. What fails leaves the file as it was.
///
/// Threads:  one at a time. In a process forked in the middle of a change, `look` comes before anything else.
class RotatedFile {
public:
    static constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();

    struct Habits {
        mode_t mode;
        std::uint64_t rotate_at;  ///< bytes, or `no_limit`
        unsigned keep;
    };

    /// Opens the file, or makes it.
    ///
    /// Errors:   Step::open_log_file.
    RotatedFile(std::string path, const Habits& habits) : path_(std::move(path)), habits_(habits) {
        reopen();
        look_at_limit();
    }

    // -- lines ----------------------------------------------------------------------------------------------------

    /// Appends, and takes what was written off the front; 0, or the errno with which the rest was refused.
    int write(std::string_view& rest) noexcept {
        // Others may have brought the file to its limit since the last look.
        std::optional<WriteSignalsGuard> no_signal;
        if (limit_ != no_limit) no_signal.emplace();
        while (!rest.empty()) {
            if (size_ + rest.size() > limit_) return looked_at_ = -1, EFBIG;
            const auto written =
                retry([&] { return sys::write(fd_.get(), rest.data(), rest.size()); });
            if (!written) return written.error;
            if (written.value == 0) return ENOSPC;
            const auto count = static_cast<std::size_t>(written.value);
            rest.remove_prefix(count);
            size_ += count;
            unlooked_ += count;
            is_torn_ = false;
        }
        return 0;
    }

    /// True when the file ends within a line, which nobody is going to complete.
    bool is_torn() const noexcept { return is_torn_; }

    /// A place in a file.
    struct Place {
        dev_t device = 0;
        ino_t inode = 0;
        off_t offset = 0;
        friend bool operator==(const Place&, const Place&) = default;
    };

    /// The end of the file, wherever others have moved it.
    Place end() const noexcept {
        struct ::stat status {};
        static_cast<void>(retry([&] { return sys::fstat(fd_.get(), &status); }));
        return {status.st_dev, status.st_ino, status.st_size};
    }

    int native_handle() const noexcept { return fd_.get(); }

    // -- the name -------------------------------------------------------------------------------------------------

    /// True when others may have done something that matters: a second has passed, or much was written.
    bool is_look_due(std::int64_t second) const noexcept {
        return second != looked_at_ || unlooked_ >= habits_.rotate_at / 16;
    }

    /// Finds out how large the file is and whether the name still leads to it, and opens the one it leads to. False: the
    /// name leads nowhere.
    ///
    /// Errors:   Step::open_log_file.
    bool look(std::int64_t second) {
        looked_at_ = second;
        unlooked_ = 0;
        may_rotate_ = true;
        look_at_limit();
        if (!is_still_own()) {
            static_cast<void>(fd_.release());  // a stranger's, or nobody's
            return adopt(open(Missing::is_made)), true;
        }
        struct ::stat named {};
        const auto found = sys::stat(path_.c_str(), &named);
        const bool is_missing = found.error == ENOENT;
        if (!is_missing) missing_since_.reset();
        if (found && !is_same_file(named, own_)) adopt(open(Missing::is_an_error));
        if (!is_missing) return found.error == 0;
        // Between a rename and the new file somebody else may need a moment, and be confused by one of ours.
        if (!missing_since_ || *missing_since_ > second) missing_since_ = second;
        if (second - *missing_since_ < 2) return false;
        adopt(open(Missing::is_made));
        return true;
    }

    /// False when somebody has closed the descriptor, and perhaps opened something else by its number.
    bool is_still_own() noexcept {
        struct ::stat status {};
        const auto found = retry([&] { return sys::fstat(fd_.get(), &status); });
        if (!found) return found.error != EBADF;
        if (!is_same_file(status, own_)) return false;
        size_ = static_cast<std::uint64_t>(status.st_size);
        return true;
    }

    /// The file that has the name is this one from now on.
    ///
    /// Errors:   Step::open_log_file.
    void reopen() {
        struct ::stat named {};
        const bool is_named = sys::stat(path_.c_str(), &named) && is_same_file(named, own_);
        // A file that cannot be opened any more, after a change of user, need not be.
        if (!is_named || !is_still_own()) adopt(open(Missing::is_made));
    }

    // -- rotation -------------------------------------------------------------------------------------------------

    /// Rotates if so many bytes more are too many; true when that was done. After a failure not before the next look.
    ///
    /// Errors:   Step::rotate_log_file, Step::open_log_file.
    bool rotate_if_full(std::size_t more) {
        if (habits_.rotate_at == no_limit || size_ == 0 || !may_rotate_) return false;
        const std::uint64_t most = habits_.rotate_at < limit_ ? habits_.rotate_at : limit_;
        if (size_ + more <= most) return false;
        may_rotate_ = false;
        return rotate({.least = most > more ? most - more + 1 : 1,
                       .missing = Missing::is_an_error,
                       .locked = Locked::is_left_alone,
                       .patience_ms = 1});
    }

    /// Rotates a file that is not empty.
    ///
    /// Errors:   Step::rotate_log_file, Step::open_log_file.
    void rotate_by_hand() {
        static_cast<void>(rotate({.least = 1,
                                  .missing = Missing::is_made,
                                  .locked = Locked::is_an_error,
                                  .patience_ms = 100}));
    }

private:
    /// What becomes of a file that somebody keeps locked.
    enum class Locked { is_left_alone, is_an_error };

    struct Rotation {
        std::uint64_t least;  ///< bytes that the file has to have
        Missing missing;
        Locked locked;
        int patience_ms;  ///< with another process that is at it: it may need the processor
    };

    /// If another process has rotated the file, that one's new file is this one from now on.
    bool rotate(const Rotation& rotation) {
        OpenLog named = open(rotation.missing);
        if (!is_same_file(named.status, own_)) return adopt(std::move(named)), true;
        const RotationLock lock(named.fd.get(), rotation.patience_ms);
        if (lock.error() == EWOULDBLOCK && rotation.locked == Locked::is_left_alone) return false;
        if (lock.error() != 0)
            throw Error(Step::rotate_log_file, path_, lock.error(), "not locked");
        // Who had the lock before may have rotated it.
        struct ::stat status {};
        check(retry([&] { return sys::lstat(path_.c_str(), &status); }), Step::rotate_log_file,
              path_);
        if (S_ISLNK(status.st_mode))
            throw Error(Step::rotate_log_file, path_, ELOOP,
                        "it is a symbolic link; name the file it points to");
        if (is_same_file(status, own_)) {
            size_ = static_cast<std::uint64_t>(status.st_size);
            if (size_ < rotation.least) return false;
            rotate_files(path_, habits_.keep);
        }
        adopt(open(Missing::is_made));
        return true;
    }

    OpenLog open(Missing missing) const { return open_log(path_, missing, habits_.mode); }

    void adopt(OpenLog opened) noexcept {
        own_ = opened.status;
        fd_ = std::move(opened.fd);
        size_ = static_cast<std::uint64_t>(own_.st_size);
        is_torn_ = ends_within_line(fd_.get(), own_.st_size);
        if (is_torn_) {
            // Or another process is in the middle of its write: the size grows by pages.
            constexpr int moment_ms = 10;
            static_cast<void>(sys::poll(nullptr, 0, moment_ms));
            is_torn_ = is_still_own() && size_ == static_cast<std::uint64_t>(own_.st_size);
        }
        unlooked_ = 0;
        may_rotate_ = true;
        missing_since_.reset();
    }

    /// Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ, which kills.
    void look_at_limit() noexcept {
        struct ::rlimit limit {};
        const bool is_limited =
            sys::getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY;
        limit_ = is_limited ? static_cast<std::uint64_t>(limit.rlim_cur) : no_limit;
    }

    const std::string path_;
    const Habits habits_;
    UniqueFd fd_;
    struct ::stat own_ {};    // what the descriptor was when it was opened
    std::uint64_t size_ = 0;  // as far as is known: others write, too
    std::uint64_t limit_ = no_limit;
    std::int64_t looked_at_ = -1;
    std::uint64_t unlooked_ = 0;  // bytes written since then
    std::optional<std::int64_t> missing_since_;
    bool may_rotate_ = true;
    bool is_torn_ = false;
};

}  // namespace daemonkit::detail

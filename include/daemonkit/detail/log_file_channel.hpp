// SPDX-License-Identifier: MIT
#pragma once
// LogFileChannel: messages from many threads into one RotatedFile, every loss counted and told. Floor 5.

#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/log_file_form.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/detail/rotated_file.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/severity.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>  // std::move

#include <time.h>  // timespec

namespace daemonkit::detail {

/// The way of messages to a log file.
///
/// Each line is one write(2) with O_APPEND, and stands as a whole between those of other processes. The mutex keeps the
/// threads of this one apart, for what they share: the line, the descriptor, the counts.
///
/// Threads:  any.
class LogFileChannel {
public:
    LogFileChannel(std::string path, const RotatedFile::Habits& habits, std::string ident)
        : pid_(sys::getpid()), form_(std::move(ident)), file_(std::move(path), habits) {}

    /// Writes what is still to be told.
    ~LogFileChannel() {
        const ErrnoGuard keep_errno;
        const ProcessLock lock(mutex_);
        static_cast<void>(settle(look_around(lock.pid())));
    }
    LogFileChannel(const LogFileChannel&) = delete;
    LogFileChannel& operator=(const LogFileChannel&) = delete;

    /// The message is in the file, or counted as dropped.
    void send(Severity severity, std::string_view given) noexcept {
        const ErrnoGuard keep_errno;
        const LogText text(given);
        const ProcessLock lock(mutex_);
        const Moment now = look_around(lock.pid());
        const std::size_t more = text.view().size() + longest_log_file_head;
        attempt(rotation_, [&] { return file_.rotate_if_full(more); });
        if (!settle(now) || !append(severity, text.view(), now)) ++dropped_;
    }

    /// The file with that name is the log; or the one of before is, and it and the caller are told why.
    std::optional<Error> reopen() {
        return act(opening_, [&] { file_.reopen(); });
    }

    /// The file is the first of the old ones; or it goes on, and it and the caller are told why.
    std::optional<Error> rotate() {
        return act(rotation_, [&] { file_.rotate_by_hand(); });
    }

    std::uint64_t dropped() const noexcept { return dropped_.load(); }

    int native_handle() noexcept {
        const ProcessLock lock(mutex_);
        return file_.native_handle();
    }

private:
    struct Moment {
        struct ::timespec time {};
        pid_t pid = 0;
    };

    /// Something that is tried again and again, and its failure told once.
    struct Endeavour {
        std::string_view failure;
        bool is_told = false;
    };

    // All that follows is done with the mutex held.

    /// The time; now and then, and in a new process, what else may have changed.
    Moment look_around(pid_t pid) noexcept {
        Moment now{{}, pid};
        sys::clock_gettime(CLOCK_REALTIME, &now.time);
        const bool is_new_process = pid != pid_;
        if (is_new_process) {
            // A forked child, whose copy of all this may be from the middle of another thread's change.
            pid_ = pid;
            is_owed_ = false;
            to_tell_.shrink(0);
            dropped_ = told_ = 0;
        }
        if (is_new_process || file_.is_look_due(now.time.tv_sec))
            attempt(opening_, [&] { return file_.look(now.time.tv_sec); });
        return now;
    }

    // -- lines ----------------------------------------------------------------------------------------------------

    /// What is owed to the file is there: the rest of a line, and what there is to tell. False: there is no room.
    bool settle(const Moment& now) noexcept {
        if (is_owed_) {
            // In another file, or behind a line of somebody else, the rest alone would make no sense.
            if (file_.end() != owed_at_) rest_ = line_.view();
            if (!put()) return false;
        }
        if (const std::uint64_t count = dropped_ - told_; count > 0) {
            BoundedText<200> text;
            text.append_number(static_cast<unsigned long>(count));
            text.append(" messages dropped: ");
            append_reason(text, failure_);
            if (!append(Severity::warning, text.view(), now)) return false;
            told_ += count;
        }
        if (to_tell_.size() > 0) {
            if (!append(Severity::warning, to_tell_.view(), now)) return false;
            to_tell_.shrink(0);
        }
        return true;
    }

    /// The line is in the file, or a part of it, and the rest is owed. False: nothing of it is.
    bool append(Severity severity, std::string_view text, const Moment& now) noexcept {
        if (is_owed_) return false;
        line_.shrink(0);
        if (file_.is_torn()) {
            line_.append(LogText::cut_mark);
            line_.append('\n');
        }
        form_.write(line_, severity, text, now.time, now.pid);
        rest_ = line_.view();
        return put() || is_owed_;
    }

    /// The rest of the line is in the file. False: as much of it as there was room for.
    bool put() noexcept {
        const std::size_t before = rest_.size();
        int error = file_.write(rest_);
        if (error == EBADF && !file_.is_still_own()) {
            rest_ = line_.view();
            attempt(opening_, [&] { return file_.look(-1); });
            error = file_.write(rest_);
        }
        if (error != 0) failure_ = error;
        if (rest_.size() < before) {
            is_owed_ = !rest_.empty();
            owed_at_ = is_owed_ ? file_.end() : RotatedFile::Place();
        }
        return error == 0;
    }

    // -- failures -------------------------------------------------------------------------------------------------

    /// Does it on the way to a line. What fails is told in the log, once, until the action has returned true.
    template <class Action>
    void attempt(Endeavour& endeavour, Action action) noexcept {
        try {
            if (action()) endeavour.is_told = false;
        } catch (const Error& error) {
            // After a chroot, or with its folder gone, a name leads nowhere, and that is all.
            if (error.code().value() == ENOENT || error.code().value() == ENOTDIR) return;
            if (!endeavour.is_told) tell(endeavour, error);
            endeavour.is_told = true;
        } catch (...) {  // no memory, and nobody to tell
        }
    }

    /// Does it on behalf of the caller, who is told what fails, as the log is.
    template <class Action>
    std::optional<Error> act(Endeavour& endeavour, Action action) {
        const ErrnoGuard keep_errno;
        const ProcessLock lock(mutex_);
        const Moment now = look_around_if_new(lock.pid());
        static_cast<void>(settle(now));
        std::optional<Error> failure;
        try {
            action();
        } catch (const Error& error) {
            failure = error;
            tell(endeavour, error);
            endeavour.is_told = true;
        }
        static_cast<void>(settle(now));
        return failure;
    }

    /// Who asks for a rotation means the file that was the log until now, not one that a look would find.
    Moment look_around_if_new(pid_t pid) noexcept {
        if (pid != pid_) return look_around(pid);
        Moment now{{}, pid};
        sys::clock_gettime(CLOCK_REALTIME, &now.time);
        return now;
    }

    void tell(const Endeavour& endeavour, const Error& error) noexcept {
        to_tell_.shrink(0);
        to_tell_.append(endeavour.failure);
        to_tell_.append(error.what());
    }

    static void append_reason(BoundedText<200>& text, int error) noexcept {
        try {
            text.append(std::system_category().message(error));
        } catch (...) {
            text.append_number(static_cast<unsigned>(error));
        }
    }

    ProcessMutex mutex_;
    pid_t pid_;  // whose state this is
    LogFileForm form_;
    RotatedFile file_;

    LogFileLine line_;
    std::string_view rest_;  // of the line: what is still to be written
    bool is_owed_ = false;   // the file has its beginning
    RotatedFile::Place owed_at_;
    int failure_ = 0;  // of the last line that was not taken
    std::atomic<std::uint64_t> dropped_{0};
    std::uint64_t told_ = 0;  // of the dropped ones
    Endeavour opening_{"the log could not be opened anew: "};
    Endeavour rotation_{"the log could not be rotated: "};
    BoundedText<600> to_tell_;
};

}  // namespace daemonkit::detail

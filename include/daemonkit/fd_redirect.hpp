// SPDX-License-Identifier: MIT
#pragma once
// FdRedirect: one standard stream leads elsewhere for the length of a scope. Floor 5.
//
// Works on descriptors, so that it holds for C stdio, iostreams, libraries and child processes alike.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/install_stream.hpp>
#include <daemonkit/detail/open_target.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>
#include <cstdio>   // fflush
#include <utility>  // std::move
#include <variant>

#include <fcntl.h>  // FD_CLOEXEC

namespace daemonkit {

namespace detail {

/// The target with its path, if it has one, made absolute: it means the same file from every directory.
///
/// Errors:   Step::resolve_path.
inline StreamTarget with_absolute_path(StreamTarget target) {
    if (auto* append = std::get_if<AppendTo>(&target)) append->path = absolute_path(append->path);
    if (auto* read = std::get_if<ReadFrom>(&target)) read->path = absolute_path(read->path);
    return target;
}

}  // namespace detail

/// A standard stream leads to a target until the end of the scope.
///
/// Redirects nest: leave them in the reverse order of their making, as scopes do. In a daemon, make one after
/// the DaemonContext: one made before it would bring the launcher's stream back, and holds it open until then.
/// Not movable, because an undo that changes its place changes its order; std::optional holds one for later.
///
/// Process:  any. A forked process has descriptors of its own: leaving the scope there restores them there and
///           leaves the other process alone.
/// Undo:     the destructor restores the stream, closed if it was closed, with the close-on-exec flag it had;
///           an error on the way is lost there, and reported by `restore`. errno is kept.
/// Threads:  the redirect is seen by the whole process. Nothing else may close or redirect the same stream
///           meanwhile; writing to it is safe, and each write(2) goes entirely to one of the two places.
/// Source:   dup2(2); PEP 3143 `stdin`, `stdout`, `stderr`.
class FdRedirect {
public:
    /// The stream leads to the target; if not, an Error is thrown and the stream is what it was.
    ///
    /// What C stdio holds back for this stream is written first, to where it was meant to go; so is what
    /// std::cout holds back, unless sync_with_stdio(false) gave it a buffer of its own. Input that stdio has
    /// read ahead stays in its buffer.
    ///
    /// DefaultTarget is the null device here. Inherit changes nothing. Duplicate takes the descriptor as it is
    /// now: `2>&1` in a shell, and like there the order of two redirects matters.
    ///
    /// Shape:    AppendTo for stdout and stderr, ReadFrom for stdin; relative paths resolve here, once.
    /// Errors:   Step::resolve_path, Step::open_stream (see detail/open_target.hpp), Step::redirect_stream.
    FdRedirect(Stream stream, StreamTarget target)
        : stream_(stream), target_(detail::with_absolute_path(std::move(target))) {
        if (std::holds_alternative<Inherit>(target_)) return;
        if (std::holds_alternative<DefaultTarget>(target_)) target_ = NullDevice{};
        const detail::UniqueFd opened = detail::open_target(stream_, target_);
        const Undo undo = save();
        flush();
        detail::install_stream(opened.get(), stream_);
        undo_ = undo;
        redirected_ = true;
    }

    ~FdRedirect() {
        const detail::ErrnoGuard keep_errno;
        if (undo_ == Undo::nothing) return;
        flush();
        static_cast<void>(try_restore());
    }

    FdRedirect(const FdRedirect&) = delete;
    FdRedirect& operator=(const FdRedirect&) = delete;

    /// The stream is what it was before, and nothing is left to undo.
    ///
    /// What stdio holds back is written to the target first. A second call does nothing.
    ///
    /// Errors:   Step::redirect_stream; the stream still leads to the target then, and a later call or the
    ///           destructor tries again.
    void restore() {
        if (undo_ == Undo::nothing) return;
        flush();
        detail::check(try_restore(), Step::redirect_stream, to_string(stream_));
    }

    /// The stream stays redirected after the end of the scope; what it was before is closed.
    void release() noexcept {
        undo_ = Undo::nothing;
        saved_.reset();
    }

    /// The stream leads to the file that now has the target's name, made if need be: after a log was renamed.
    ///
    /// The exchange is atomic; no line is lost or torn by it. Does nothing for a target without a path, and
    /// after `restore`. Works after `release`.
    ///
    /// Shape:    the absolute path found at construction; after a chroot it is looked up in the new root.
    /// Errors:   Step::open_stream, Step::redirect_stream; the stream leads where it led before.
    void reopen() {
        const bool has_path =
            std::holds_alternative<AppendTo>(target_) || std::holds_alternative<ReadFrom>(target_);
        if (!has_path || !redirected_) return;
        const detail::UniqueFd opened = detail::open_target(stream_, target_);
        flush();
        detail::install_stream(opened.get(), stream_);
    }

private:
    enum class Undo { nothing, install_saved, close_stream };

    int number() const noexcept { return static_cast<int>(stream_); }

    Undo save() {
        const auto flags = detail::retry([&] { return detail::sys::fcntl_getfd(number()); });
        if (flags.error == EBADF) return Undo::close_stream;
        detail::check(flags, Step::redirect_stream, to_string(stream_));
        const auto saved = detail::retry(
            [&] { return detail::sys::fcntl_dupfd_cloexec(number(), detail::lowest_own_fd); });
        saved_.reset(detail::check(saved, Step::redirect_stream, to_string(stream_)));
        saved_flags_ = flags.value;
        return Undo::install_saved;
    }

    void flush() noexcept {
        // A failure is the writer's, as at any other flush: ferror(stdout) and ferror(stderr) keep it.
        if (stream_ == Stream::out) static_cast<void>(std::fflush(stdout));
        if (stream_ == Stream::err) static_cast<void>(std::fflush(stderr));
    }

    detail::Result<int> try_restore() noexcept {
        if (undo_ == Undo::close_stream) {
            static_cast<void>(detail::sys::close(number()));  // gone, whatever close(2) says
        } else {
            const auto installed = detail::try_install_stream(saved_.get(), stream_);
            if (!installed) return installed;
            if ((saved_flags_ & FD_CLOEXEC) != 0)
                static_cast<void>(detail::sys::fcntl_setfd(number(), saved_flags_));
        }
        release();
        redirected_ = false;
        return {};
    }

    Stream stream_;
    StreamTarget target_;
    detail::UniqueFd saved_;
    int saved_flags_ = 0;
    Undo undo_ = Undo::nothing;
    bool redirected_ = false;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// ProcFolder: /proc/PID held open, and what stands in it. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/known.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <utility>  // std::move

#include <fcntl.h>
#include <limits.h>  // PATH_MAX
#include <sys/stat.h>

namespace daemonkit::detail {

/// The folder of one process, or of one of its threads, below /proc.
///
/// The descriptor stands for that process: what is read through it is never of another one that got the number later.
///
/// Errors:   each answer has its own; ESRCH when the process has ended, whatever the call itself said.
/// Source:   proc(5); in the kernel, an inode below /proc/PID refers to the process, not to its number.
class ProcFolder {
public:
    /// The folder of that name, below `above` when there is one: `/proc/17`, or `task/18`.
    static Known<ProcFolder> open(const std::string& path, int above = AT_FDCWD) {
        const auto opened = retry(
            [&] { return sys::openat(above, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
        if (!opened) return Known<ProcFolder>::unknown(opened.error);
        return ProcFolder(UniqueFd(opened.value));
    }

    /// A folder in this one.
    Known<ProcFolder> folder(const std::string& name) const {
        auto opened = open(name, fd_.get());
        return opened ? std::move(opened) : Known<ProcFolder>::unknown(reason(opened.error()));
    }

    /// All of a file, if it is not longer than that; EFBIG if it is.
    Known<std::string> read(const std::string& name, std::size_t longest = 65'536) const {
        auto text = begin_of(name, longest + 1);
        return text && text->size() > longest ? Known<std::string>::unknown(EFBIG) : text;
    }

    /// The first bytes of a file.
    Known<std::string> begin_of(const std::string& name, std::size_t size) const {
        const auto opened =
            retry([&] { return sys::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC); });
        if (!opened) return unreadable(opened.error);
        const UniqueFd file(opened.value);
        std::string text;
        while (text.size() < size) {
            char part[4096];
            const std::size_t left = size - text.size();
            const auto got = retry([&] {
                return sys::read(file.get(), part, left < sizeof part ? left : sizeof part);
            });
            if (!got) return unreadable(got.error);
            if (got.value == 0) break;
            text.append(part, static_cast<std::size_t>(got.value));
        }
        return text;
    }

    /// Where a link leads.
    Known<std::string> link(const std::string& name) const {
        char target[PATH_MAX];
        const auto size =
            retry([&] { return sys::readlinkat(fd_.get(), name.c_str(), target, sizeof target); });
        if (!size) return Known<std::string>::unknown(reason(size.error));
        return std::string(target, static_cast<std::size_t>(size.value));
    }

    /// Calls `visit(name)` for each entry but `.` and `..`; 0, or the error at which it came to its end.
    template <class Visit>
    int for_each(const std::string& name, Visit visit) const {
        auto below = folder(name);
        if (!below) return below.error();
        const auto opened = sys::fdopendir(below->fd_.get());
        if (!opened) return opened.error;
        static_cast<void>(below->fd_.release());
        const Directory directory{opened.value};
        for (;;) {
            const auto entry = retry([&] { return sys::next_entry(directory.handle); });
            if (!entry) return reason(entry.error);
            if (entry.value == nullptr) return is_there() ? 0 : ESRCH;
            if (entry.value->d_name[0] != '.') visit(std::string(entry.value->d_name));
        }
    }

    /// True while the process has not been waited for.
    bool is_there() const noexcept {
        const auto opened =
            retry([&] { return sys::openat(fd_.get(), "stat", O_RDONLY | O_CLOEXEC); });
        if (!opened) return opened.error != ENOENT && opened.error != ESRCH;
        const UniqueFd file(opened.value);
        char byte = 0;
        const auto got = retry([&] { return sys::read(file.get(), &byte, 1); });
        return got.error != ESRCH;
    }

    /// The user that owns a file of the folder: root when the process is not dumpable, else its effective user.
    Known<uid_t> owner_of(const std::string& name) const {
        const auto opened =
            retry([&] { return sys::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC); });
        if (!opened) return Known<uid_t>::unknown(reason(opened.error));
        const UniqueFd file(opened.value);
        struct ::stat status {};
        const auto told = sys::fstat(file.get(), &status);
        return told ? Known<uid_t>(status.st_uid) : Known<uid_t>::unknown(told.error);
    }

private:
    struct Directory {
        ::DIR* handle;
        explicit Directory(::DIR* opened) noexcept : handle(opened) {}
        ~Directory() { sys::closedir(handle); }
        Directory(const Directory&) = delete;
        Directory& operator=(const Directory&) = delete;
    };

    explicit ProcFolder(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

    /// A missing name is a process that has ended, or nothing of the kind in one that lives.
    int reason(int error) const noexcept {
        return (error == ENOENT || error == ESRCH) && !is_there() ? ESRCH : error;
    }

    /// A file that is missing, or empty of answers, in a process that lives: this kernel does not tell.
    Known<std::string> unreadable(int error) const {
        const int why = reason(error);
        const bool is_missing = (why == ENOENT || (why == ESRCH && is_there()));
        return Known<std::string>::unknown(is_missing ? ENOTSUP : why);
    }

    UniqueFd fd_;
};

}  // namespace daemonkit::detail

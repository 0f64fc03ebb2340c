// SPDX-License-Identifier: MIT
#pragma once
// Record locks as name tags: the kernel tells which process has one. Floor 3.
//
// flock keeps others out, but a flock taken before a fork stays on record under the launcher's pid, and whether it is
// held cannot be asked, only tried. A record lock belongs to exactly one process, and F_GETLK names it to anyone who
// may read the file. One that belongs to the open file instead goes when the flock goes, and F_GETLK sees it, too.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <cerrno>
#include <optional>

#include <fcntl.h>      // F_SETLK, struct flock
#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// The tags a pid file carries, each one byte of the file.
enum class NameTag : off_t {
    daemon = 0,    ///< held by the process whose pid the file holds
    launcher = 1,  ///< held while a start is under way, by the process that took the lock
    nobody = 2,    ///< held as the flock is: by all who have the open file, whoever they are
};

/// The description of one tag for fcntl(2).
inline struct ::flock describe_tag(NameTag tag, short type) noexcept {
    struct ::flock record {};
    record.l_type = type;
    record.l_whence = SEEK_SET;
    record.l_start = static_cast<off_t>(tag);
    record.l_len = 1;
    return record;
}

/// Puts the calling process's name on the tag; true when it stands there.
///
/// False where somebody else's record lock is in the way, or the file system counts flock and record locks as one
/// (NFS): the exclusion holds all the same, only the name is missing.
///
/// Errors:   the errno of any other refusal.
inline Result<bool> set_name_tag(int fd, NameTag tag) noexcept {
    struct ::flock record = describe_tag(tag, F_WRLCK);
    const auto set = retry([&] { return sys::fcntl_lock(fd, F_SETLK, &record); });
    if (set.error == EAGAIN || set.error == EACCES) return {false, 0};
    return {set.error == 0, set.error};
}

/// Puts the tag without a name beside the flock; true when it stands there.
///
/// False, too, where the system has no such locks: only Linux and macOS do. Then a process that has nothing but the
/// flock is not seen by `name_tag_owner`.
///
/// Errors:   the errno of any other refusal.
/// Source:   fcntl_locking(2) "Open file description locks".
inline Result<bool> set_nameless_tag([[maybe_unused]] int fd) noexcept {
#if defined(F_OFD_SETLK)
    struct ::flock record = describe_tag(NameTag::nobody, F_WRLCK);
    const auto set = retry([&] { return sys::fcntl_lock(fd, F_OFD_SETLK, &record); });
    if (set.error == EAGAIN || set.error == EACCES || set.error == EINVAL) return {false, 0};
    return {set.error == 0, set.error};
#else
    return {false, 0};
#endif
}

/// The process that holds the tag: its pid; 0 when it is held and cannot be named (the holder lives in another pid
/// namespace, or it is no tag at all but some other program's lock); nothing when nobody holds it.
///
/// Errors:   the errno; then it is not known whether somebody holds it.
inline Result<std::optional<pid_t>> name_tag_owner(int fd, NameTag tag) noexcept {
    // A shared request is refused by nothing but a writer's lock: a reader of the file cannot pose as the holder.
    struct ::flock record = describe_tag(tag, F_RDLCK);
    const auto asked = retry([&] { return sys::fcntl_lock(fd, F_GETLK, &record); });
    if (asked.error != 0) return {{}, asked.error};
    if (record.l_type == F_UNLCK) return {};
    // The kernel joins neighbouring tags of one process; what reaches beyond the two bytes is not made of tags.
    constexpr off_t end_of_tags = 2;
    const bool is_tag = record.l_len > 0 && record.l_start + record.l_len <= end_of_tags;
    return {is_tag && record.l_pid > 0 ? record.l_pid : 0, 0};
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// journal_file: an entry that is too long for a datagram, in a file that has no name and cannot change. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/journal_entry.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <utility>  // std::move

namespace daemonkit::detail {

/// All of the entry is written.
inline bool write_entry(int fd, JournalEntry& entry) noexcept {
    for (std::size_t at = 0; at < entry.count(); ++at) {
        const ::iovec& piece = entry.pieces()[at];
        const auto* rest = static_cast<const char*>(piece.iov_base);
        for (std::size_t left = piece.iov_len; left > 0;) {
            const auto written = retry([&] { return sys::write(fd, rest, left); });
            if (!written || written.value <= 0) return false;
            rest += written.value;
            left -= static_cast<std::size_t>(written.value);
        }
    }
    return true;
}

/// The entry in memory that is sealed, or else in a file of /dev/shm; not open when neither can be made.
///
/// Sealed memory is taken from anybody. Journald reads other files only where it knows that no stale network can hold
/// it up, and /dev/shm is such a place.
///
/// Source:   memfd_create(2); Native Journal Protocol, "large entries".
inline UniqueFd journal_file(JournalEntry& entry) noexcept {
    // A file larger than that would end the process with SIGXFSZ.
    struct ::rlimit longest {};
    if (!sys::getrlimit(RLIMIT_FSIZE, &longest) ||
        static_cast<std::uint64_t>(longest.rlim_cur) < entry.size())
        return {};
    auto made = sys::memfd_create_sealable("journal-entry");
    UniqueFd file(made.value);
    if (made && write_entry(file.get(), entry) && sys::fcntl_seal(file.get())) return file;
    file.reset(retry([] { return sys::open_nameless("/dev/shm"); }).value);
    if (!file.is_open() || !write_entry(file.get(), entry)) return {};
    return file;
}

}  // namespace daemonkit::detail

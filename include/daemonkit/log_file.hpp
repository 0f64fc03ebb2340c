// SPDX-License-Identifier: MIT
#pragma once
// LogFile: messages to a file of the program's own, rotated by size, and opened anew when another program rotates it.
// Floor 5.

#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/log_file_channel.hpp>
#include <daemonkit/detail/rotated_file.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syslog_name.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/log_file_options.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/severity_mask.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit {

namespace detail {

/// An Error with the reason, unless the options can work.
inline void require_log_file_option(bool holds, const std::string& path, const char* reason) {
    if (!holds) throw Error(Step::open_log_file, path, EINVAL, reason);
}

inline RotatedFile::Habits log_file_habits(const std::string& path, const LogFileOptions& options) {
    constexpr unsigned most_files = 1000;
    require_log_file_option((options.mode & ~mode_t{0777}) == 0, path,
                            "the mode is not in 0000-0777");
    require_log_file_option(options.rotate_at != 0U, path, "it cannot be rotated at 0 bytes");
    require_log_file_option(options.keep >= 1 && options.keep <= most_files, path,
                            "1 to 1000 old files can be kept");
    return {.mode = options.mode,
            .rotate_at = options.rotate_at.value_or(RotatedFile::no_limit),
            .keep = options.keep};
}

inline std::string log_file_ident(const std::string& path, const LogFileOptions& options) {
    require_log_file_option(as_word(options.ident, longest_ident) == options.ident, path,
                            "the ident must be one word of at most 48 bytes");
    return options.ident.empty() ? as_word(sys::program_name(), longest_ident) : options.ident;
}

}  // namespace detail

/// A log of the program's own. Each message is a line, written at once:
/// `2026-11-21T10:10:10.123+01:00 ident[71] warning: text`, in local time.
///
/// Other processes may write to the same file, with a LogFile or by other means that append. Where another program
/// rotates it, nobody need be told: a file that was renamed and made anew, or truncated, is noticed within a second of
/// writing, and one that is missing is made within three. What was written until then is in the renamed one; `reopen`
/// is for those who do not want to wait. A log of which the folder cannot be changed by this process goes on in the file
/// that it has, and says so once.
///
/// A full disk is no error. What finds no room is counted, and once there is room the count is told in the log:
/// `N messages dropped: No space left on device` stands before the next message. A line of which a part got in is
/// completed. A part that the process has left behind in being killed ends in ` [cut]`, by the next that opens the file.
///
/// The descriptor outlives a chroot and a change of user. When somebody has closed it, the file is opened anew within a
/// second, in a new process at once.
///
/// Process:  any; after a fork both processes may write, each under its own pid, whatever other threads were doing.
/// Undo:     the destructor writes what is still to be told, and closes the file.
/// Threads:  all from any thread; not from a signal handler. A file system that hangs holds up all of them.
/// Source:   open(2) O_APPEND; logrotate(8) `create` and `copytruncate`.
class LogFile {
public:
    /// The file is open, made if need be.
    ///
    /// Shape:    a plain file, which is made with the mode; relative paths resolve here, once. In a folder that others
    ///           can change it is neither a symbolic link nor a file with a second name.
    /// Errors:   Step::resolve_path; Step::open_log_file (EINVAL: an option, or what stands there, can never work).
    explicit LogFile(const std::string& path, const LogFileOptions& options = {})
        : mask_(static_cast<std::uint8_t>(options.mask.bits())),
          channel_(detail::absolute_path(path), detail::log_file_habits(path, options),
                   detail::log_file_ident(path, options)) {}

    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    /// The message is in the file or counted as dropped, unless the mask keeps it out.
    ///
    /// The text is data, never a format. It becomes one line whatever it holds: newlines at the end are taken off, and
    /// any other control character stands as `#` and three octal digits (`#012` is a newline, `#000` a NUL byte). Bytes
    /// from 0x80 pass as they are. A text of more than 8000 bytes is cut and ends in ` [cut]`.
    ///
    /// Errors:   none; see `dropped`. errno is kept.
    void write(Severity severity, std::string_view text) const noexcept {
        if (is_enabled(severity)) channel_.send(severity, text);
    }

    /// True when a message of that severity is written: worth asking before an expensive text is made.
    bool is_enabled(Severity severity) const noexcept {
        return SeverityMask(mask_.load(std::memory_order_relaxed)).holds(severity);
    }

    /// These severities are written from now on, and no others; returns the mask of before. An empty mask changes nothing.
    SeverityMask set_mask(SeverityMask mask) noexcept {
        const auto bits = static_cast<std::uint8_t>(mask.bits());
        return SeverityMask(bits != 0 ? mask_.exchange(bits) : mask_.load());
    }

    /// The file that has the log's name is the log, made if need be: for SIGHUP, after the log was renamed.
    ///
    /// Returns nothing, or what is in the way. Then the log goes on where it was, and has a line that tells it: a
    /// callback may pass over the value.
    ///
    /// Shape:    the absolute path found at construction; after a chroot it is looked up in the new root.
    /// Errors:   Step::open_log_file, as the value.
    std::optional<Error> reopen() { return channel_.reopen(); }

    /// FILE is FILE.1 now, what was that is FILE.2, and so on, and a new FILE is the log. An empty one is left alone.
    ///
    /// Where several processes write, one of them rotates: the others find the file rotated, and go on in the new one.
    ///
    /// Returns nothing, or what is in the way. Then the log goes on where it was, and has a line that tells it.
    ///
    /// Errors:   Step::rotate_log_file, Step::open_log_file, as the value.
    std::optional<Error> rotate() { return channel_.rotate(); }

    /// How many messages of this process the file did not get.
    std::uint64_t dropped() const noexcept { return channel_.dropped(); }

    /// The descriptor at this moment, or -1: for `keep_open` in the options of a DaemonContext.
    int native_handle() const noexcept { return channel_.native_handle(); }

private:
    std::atomic<std::uint8_t> mask_;
    mutable detail::LogFileChannel channel_;
};

}  // namespace daemonkit

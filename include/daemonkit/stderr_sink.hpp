// SPDX-License-Identifier: MIT
#pragma once
// StderrSink: messages to stderr, with the severity before each line where somebody reads it there. Floor 5.

#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/journal_stream.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/own_pid.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/severity_mask.hpp>
#include <daemonkit/timeout.hpp>

#include <atomic>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string_view>

#include <unistd.h>  // STDERR_FILENO

namespace daemonkit {

/// Whether `<4>` and the like stand before each line.
enum class SeverityPrefix : std::uint8_t {
    automatic,  ///< when stderr is the journal's, by JOURNAL_STREAM
    always,     ///< for a collector of a container's output that reads them
    never,
};

/// How a StderrSink writes.
struct StderrSinkOptions {
    SeverityPrefix prefix =
        SeverityPrefix::automatic;  ///< whether `<6>` and its like stand before a line
    /// Which severities are written: `SeverityMask::up_to` for a threshold.
    SeverityMask mask = {};
    /// How long a message may hold up its caller when stderr is not read; and all of them together, until it is.
    Timeout bound = Timeout::milliseconds(100);
};

/// Messages to stderr: for a program in the foreground, under a service manager or in a container.
///
/// Process:  any; after a fork both processes may write.
/// Undo:     nothing to undo: stderr stays as it is.
/// Threads:  all from any thread; not from a signal handler. A message is not torn by another one of this process.
/// Source:   sd-daemon(3), on the prefixes; systemd.exec(5), on JOURNAL_STREAM.
class StderrSink {
public:
    /// Messages go out from here on. Where stderr leads is looked at here, once.
    explicit StderrSink(const StderrSinkOptions& options = {}) noexcept
        : has_prefix_(options.prefix == SeverityPrefix::always ||
                      (options.prefix == SeverityPrefix::automatic &&
                       detail::is_journal_stream(STDERR_FILENO))),
          bound_(options.bound.in_nanoseconds()),
          mask_(static_cast<std::uint8_t>(options.mask.bits())) {}

    StderrSink(const StderrSink&) = delete;
    StderrSink& operator=(const StderrSink&) = delete;

    /// The message is written or counted as dropped, unless the mask keeps it out.
    ///
    /// Each line of the text becomes a line, with the prefix before it: no text can begin one with a severity of its
    /// own. Newlines at the end are taken off, other control characters stand as `#` and three octal digits; a line of
    /// more than 8000 bytes is cut and ends in ` [cut]`. Up to 4096 bytes are written in one go.
    ///
    /// Errors:   none; see `dropped`. errno is kept, and a reader that is gone raises no signal.
    void write(Severity severity, std::string_view text) const noexcept {
        if (is_enabled(severity)) send(severity, text);
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

    /// True when a prefix stands before each line.
    bool has_prefix() const noexcept { return has_prefix_; }

    /// How many messages were not written, or not as a whole. `N messages dropped` is written before the next one.
    std::uint64_t dropped() const noexcept { return dropped_.load(); }

private:
    using Buffer = detail::BoundedText<detail::LogText::longest + 8>;

    void send(Severity severity, std::string_view text) const noexcept {
        const detail::ErrnoGuard keep_errno;
        const detail::ProcessLock lock(mutex_);
        if (lock.pid() != pid_) begin_anew(lock.pid());
        if (give_up_at_ == 0) give_up_at_ = detail::monotonic_after(bound_);
        bool is_whole = tell_dropped(severity);
        Buffer lines;
        for (bool is_last = false; is_whole && !is_last;) {
            const std::size_t end = text.find('\n');
            const detail::LogText line(text.substr(0, end));
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            is_last = text.find_first_not_of("\r\n") == std::string_view::npos;
            if (line.view().size() + 4 > lines.room()) is_whole = flush(lines);
            append_line(lines, severity, line.view());
        }
        is_whole = is_whole && flush(lines);
        if (is_whole)
            give_up_at_ = 0;
        else
            ++dropped_;
    }

    /// In a forked process: what was dropped before is the parent's to tell.
    void begin_anew(pid_t pid) const noexcept {
        pid_ = pid;
        dropped_ = told_ = 0;
        give_up_at_ = 0;
    }

    bool tell_dropped(Severity severity) const noexcept {
        const std::uint64_t count = dropped_ - told_;
        if (count == 0) return true;
        detail::BoundedText<64> text;
        text.append_number(count);
        text.append(" messages dropped");
        Buffer line;
        append_line(line, severity, text.view());
        if (!flush(line)) return false;
        told_ += count;
        return true;
    }

    void append_line(Buffer& lines, Severity severity, std::string_view text) const noexcept {
        if (has_prefix_) {
            lines.append('<');
            lines.append(static_cast<char>('0' + static_cast<int>(severity)));
            lines.append('>');
        }
        lines.append(text);
        lines.append('\n');
    }

    /// False when not all of it was written; a line that was cut short then ends before the next one.
    bool flush(Buffer& lines) const noexcept {
        if (is_torn_ && detail::write_before(STDERR_FILENO, "\n", give_up_at_) != 1) return false;
        is_torn_ = false;
        const std::string_view all = lines.view();
        const std::size_t written = detail::write_before(STDERR_FILENO, all, give_up_at_);
        is_torn_ = written > 0 && all[written - 1] != '\n';
        lines.shrink(0);
        return written == all.size();
    }

    const bool has_prefix_;
    const detail::Nanoseconds bound_;
    std::atomic<std::uint8_t> mask_;
    mutable detail::ProcessMutex mutex_;
    mutable pid_t pid_ = detail::own_pid();  // whose counts these are
    mutable std::atomic<std::uint64_t> dropped_{0};
    mutable std::uint64_t told_ = 0;  // of the dropped ones
    mutable detail::Nanoseconds give_up_at_ =
        0;  // 0: stderr takes what is written, as far as is known
    mutable bool is_torn_ = false;
};

}  // namespace daemonkit

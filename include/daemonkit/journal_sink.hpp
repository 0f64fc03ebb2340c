// SPDX-License-Identifier: MIT
#pragma once
// JournalSink: messages with fields to systemd's journal, without libsystemd. Floor 5.

#include <daemonkit/code_location.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/journal_channel.hpp>
#include <daemonkit/detail/journal_entry.hpp>
#include <daemonkit/detail/journal_stream.hpp>
#include <daemonkit/detail/log_address.hpp>
#include <daemonkit/facility.hpp>
#include <daemonkit/journal_field.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/severity_mask.hpp>
#include <daemonkit/timeout.hpp>

#include <atomic>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>  // STDERR_FILENO

namespace daemonkit {

/// True when stderr leads to the journal, as JOURNAL_STREAM says: a JournalSink tells more to the same place.
///
/// Ask before a DaemonContext: it gives stderr another target.
///
/// Source:   systemd.exec(5), $JOURNAL_STREAM.
inline bool journal_is_listening() noexcept { return detail::is_journal_stream(STDERR_FILENO); }

/// How a JournalSink speaks. Every field has a default.
struct JournalSinkOptions {
    /// The name before every message. Empty: the name of the program.
    std::string ident = {};
    Facility facility = Facility::daemon;  ///< who speaks
    /// What every entry has beside its own fields; at most 24.
    std::vector<JournalField> fields = {};
    /// Which severities are sent: `SeverityMask::up_to` for a threshold.
    SeverityMask mask = {};
    /// How long a message may hold up its caller when the journal is not read; and a journal that reads nothing at all
    /// holds up all of them together no longer than that.
    Timeout bound = Timeout::milliseconds(100);
    std::string path = "/run/systemd/journal/socket";  ///< of the journal's socket
};

/// The journal, in its native form: a message keeps its line breaks, and whatever bytes it has; fields stand beside it,
/// and the line of code that it comes from.
///
/// Any number can live at once. The caller is never held up beyond the bound. What is lost is counted, and the count is
/// told in the journal: `N messages dropped` stands before the next message that gets through.
///
/// A journal that is not there is no error. It is tried again as messages come, every 0.1 s at most. The connection
/// outlives a chroot. A descriptor that somebody closed is opened anew within a second, in a new process at once.
///
/// Process:  any; after a fork both processes may write, each under its own pid, whatever other threads were doing.
/// Undo:     the destructor tells what is still to be told, waiting no longer than the bound, and disconnects.
/// Threads:  all from any thread; not from a signal handler.
/// Source:   Native Journal Protocol, systemd.io/JOURNAL_NATIVE_PROTOCOL; systemd.journal-fields(7).
class JournalSink {
public:
    /// Messages go out from here on; the connection is made, or will be.
    ///
    /// Errors:   Step::open_journal: EINVAL, ENAMETOOLONG for a path that cannot be used; EINVAL for too many fields.
    explicit JournalSink(const JournalSinkOptions& options = {})
        : mask_(static_cast<std::uint8_t>(options.mask.bits())),
          channel_(detail::LogAddresses::of_path(options.path, Step::open_journal),
                   options.bound.in_nanoseconds(), common_fields(options)) {}

    JournalSink(const JournalSink&) = delete;
    JournalSink& operator=(const JournalSink&) = delete;

    /// The message is on its way or counted as dropped, unless the mask keeps it out.
    ///
    /// The text is data, never a format, of any bytes and any size: what is too long for a datagram goes as a file.
    /// Newlines at the end are taken off. The place in the source is that of the call, unless one is given.
    ///
    /// Errors:   none; see `dropped`. errno is kept.
    void write(Severity severity, std::string_view text,
               CodeLocation where = CodeLocation::current()) const noexcept {
        if (is_enabled(severity)) send(severity, text, {}, where);
    }

    /// The same with fields: `log.write(Severity::warning, "hot", {{"SENSOR", name}, {"DEGREES", "95"}})`.
    ///
    /// Values are of any bytes and any size. Fields that one entry has no room for are left out, and FIELDS_LEFT_OUT
    /// says how many; 4000 bytes of small ones, and 20 of more than 256 bytes, always have.
    void write(Severity severity, std::string_view text, std::initializer_list<JournalField> fields,
               CodeLocation where = CodeLocation::current()) const noexcept {
        write(severity, text, std::span<const JournalField>(fields.begin(), fields.size()), where);
    }
    /// The same, with fields that the program has gathered.
    void write(Severity severity, std::string_view text, std::span<const JournalField> fields,
               CodeLocation where = CodeLocation::current()) const noexcept {
        if (is_enabled(severity)) send(severity, text, fields, where);
    }

    /// True when a message of that severity is sent: worth asking before an expensive text is made.
    bool is_enabled(Severity severity) const noexcept {
        return SeverityMask(mask_.load(std::memory_order_relaxed)).holds(severity);
    }

    /// These severities are sent from now on, and no others; returns the mask of before. An empty mask changes nothing.
    SeverityMask set_mask(SeverityMask mask) noexcept {
        const auto bits = static_cast<std::uint8_t>(mask.bits());
        return SeverityMask(bits != 0 ? mask_.exchange(bits) : mask_.load());
    }

    /// How many messages the journal did not get from this process, as far as anybody can know.
    std::uint64_t dropped() const noexcept { return channel_.dropped(); }

    /// The descriptor of the connection at this moment, or -1: for `keep_open` in the options of a DaemonContext.
    int native_handle() const noexcept { return channel_.native_handle(); }

private:
    static std::string common_fields(const JournalSinkOptions& options) {
        detail::JournalEntry entry;
        const std::string_view ident = options.ident;
        entry.add("SYSLOG_IDENTIFIER", ident.empty() ? detail::sys::program_name() : ident);
        entry.add_number("SYSLOG_FACILITY", static_cast<unsigned long>(options.facility));
        constexpr std::size_t most = 24;
        std::size_t count = 0;
        for (const JournalField& field : options.fields)
            if (++count > most || !entry.add(field.name.view(), field.value))
                throw Error(Step::open_journal, std::string(field.name.view()), EINVAL,
                            "there are too many fields for every entry");
        std::string all;
        for (std::size_t at = 0; at < entry.count(); ++at)
            all.append(static_cast<const char*>(entry.pieces()[at].iov_base),
                       entry.pieces()[at].iov_len);
        return all;
    }

    void send(Severity severity, std::string_view text, std::span<const JournalField> fields,
              const CodeLocation& where) const noexcept {
        const detail::ErrnoGuard keep_errno;
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
        detail::JournalEntry entry;
        channel_.begin(entry, severity);
        if (where.line != 0) {
            entry.add("CODE_FILE", where.file);
            entry.add_number("CODE_LINE", where.line);
            entry.add("CODE_FUNC", where.function);
        }
        entry.add("MESSAGE", text);
        unsigned long left_out = 0;
        for (const JournalField& field : fields)
            if (!entry.add(field.name.view(), field.value)) ++left_out;
        if (left_out > 0) entry.add_reserved_number("FIELDS_LEFT_OUT", left_out);
        channel_.send(entry, severity);
    }

    std::atomic<std::uint8_t> mask_;
    mutable detail::JournalChannel channel_;
};

}  // namespace daemonkit

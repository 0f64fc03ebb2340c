// SPDX-License-Identifier: MIT
#pragma once
// JournalChannel: entries from many threads to the journal, within a bound, every loss counted. Floor 5.

#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/journal_entry.hpp>
#include <daemonkit/detail/journal_file.hpp>
#include <daemonkit/detail/log_patience.hpp>
#include <daemonkit/detail/log_socket.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/severity.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>  // memcpy
#include <string>
#include <utility>  // std::move

#include <sys/socket.h>

namespace daemonkit::detail {

/// The way of entries to the journal.
///
/// As in SyslogChannel, the mutex is held for calls that never wait, and a journal that reads nothing holds up all
/// entries together for one bound.
///
/// Threads:  any.
class JournalChannel {
public:
    /// `common` is what every entry has, in whole fields.
    JournalChannel(const LogAddresses& address, Nanoseconds bound, std::string common)
        : common_(std::move(common)),
          pid_(own_pid()),
          socket_(LogSocket::Kind::journal, address),
          patience_(bound) {}

    /// Tells what is still to be told.
    ~JournalChannel() {
        const ErrnoGuard keep_errno;
        patience_.wait_for_room(mutex_, socket_, [&](pid_t pid) {
            look_around(pid);
            return tell_dropped(Severity::warning);
        });
    }
    JournalChannel(const JournalChannel&) = delete;
    JournalChannel& operator=(const JournalChannel&) = delete;

    /// What an entry begins with.
    void begin(JournalEntry& entry, Severity severity) const noexcept {
        const char digit = static_cast<char>('0' + static_cast<int>(severity));
        entry.add("PRIORITY", {&digit, 1});
        entry.add_whole(common_);
    }

    /// The entry is on its way, or counted as dropped.
    void send(JournalEntry& entry, Severity severity) noexcept {
        UniqueFd file;
        const Sent sent = patience_.wait_for_room(mutex_, socket_, [&](pid_t pid) {
            look_around(pid);
            const Sent told = tell_dropped(severity);
            return told == Sent::whole ? hand_over(entry, file) : told;
        });
        if (sent != Sent::whole) ++dropped_;
    }

    std::uint64_t dropped() const noexcept { return dropped_.load(); }

    int native_handle() noexcept {
        const ProcessLock lock(mutex_);
        return socket_.native_handle();
    }

private:
    using Sent = LogSocket::Sent;

    // -- with the mutex held ------------------------------------------------------------------------------------

    /// Once a second, and in a new process, what else may have changed.
    void look_around(pid_t pid) noexcept {
        const std::int64_t now = sys::second_of_tick();
        if (now == looked_at_ && pid == pid_) return;
        looked_at_ = now;
        if (pid == pid_) {
            socket_.forget_stranger();
            return;
        }
        // A forked child, whose copy of all this may be from the middle of another thread's change.
        pid_ = pid;
        socket_.leave_to_parent();
        dropped_ = told_ = 0;
        patience_.stop_clock();
    }

    /// The line that tells of losses is handed over, where there are any.
    Sent tell_dropped(Severity severity) noexcept {
        const std::uint64_t count = dropped_ - told_;
        if (count == 0) return Sent::whole;
        BoundedText<64> text;
        text.append_number(count);
        text.append(" messages dropped");
        JournalEntry entry;
        begin(entry, severity);
        entry.add("MESSAGE", text.view());
        UniqueFd none;
        const Sent sent = hand_over(entry, none);
        if (sent == Sent::whole) told_ += count;
        return sent;
    }

    /// As a datagram, or in a file when it is too long for that.
    Sent hand_over(JournalEntry& entry, UniqueFd& file) noexcept {
        Sent sent = Sent::too_long;
        if (!file.is_open()) {
            ::msghdr message{};
            message.msg_iov = entry.pieces();
            message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(entry.count());
            sent = socket_.send(message);
            if (sent == Sent::too_long) file = journal_file(entry);
        }
        if (sent == Sent::too_long && file.is_open()) sent = hand_over_file(file.get());
        if (sent == Sent::whole) patience_.stop_clock();
        return sent;
    }

    /// A datagram of no bytes, with the descriptor.
    Sent hand_over_file(int file) noexcept {
        alignas(::cmsghdr) char control[CMSG_SPACE(sizeof file)] = {};
        ::msghdr message{};
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        ::cmsghdr* const passed = CMSG_FIRSTHDR(&message);
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(sizeof file);
        std::memcpy(CMSG_DATA(passed), &file, sizeof file);
        return socket_.send(message);
    }

    const std::string common_;
    ProcessMutex mutex_;
    pid_t pid_;  // whose state this is
    LogSocket socket_;
    LogPatience patience_;
    std::int64_t looked_at_ = 0;
    std::atomic<std::uint64_t> dropped_{0};
    std::uint64_t told_ = 0;  // of the dropped ones
};

}  // namespace daemonkit::detail

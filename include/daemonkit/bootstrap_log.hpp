// SPDX-License-Identifier: MIT
#pragma once
// BootstrapLog: what is logged before the log is there is told at the terminal, kept, and told again. Floor 5.

#include <daemonkit/detail/civil_time.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/log_sink.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/severity_mask.hpp>
#include <daemonkit/stderr_sink.hpp>

#include <array>
#include <atomic>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <cstring>  // memcpy
#include <string>
#include <string_view>

#include <time.h>  // timespec

namespace daemonkit {

/// Whether the time of the original stands before each message that is told again.
enum class ReplayedTime : std::uint8_t {
    in_text,  ///< as `2026-11-21T11:56:42.123Z`: the log itself has the time of the replay
    left_out,
};

/// How a BootstrapLog keeps messages.
struct BootstrapLogOptions {
    /// How many bytes of memory: a message needs its text and some 40 bytes more.
    std::size_t bytes = 65'536;
    ReplayedTime time =
        ReplayedTime::in_text;  ///< whether a message that is told again says when it came
    /// Which severities are told and kept.
    SeverityMask mask = {};
};

/// The log of a start, from the first line of main on.
///
/// Until there is a sink, each message goes to stderr, which is the launcher's terminal until the daemon is ready, and
/// is kept. `replay_into` tells the sink what was kept; from then on messages go straight to it. A program that ends
/// before that has lost nothing: all of it was on stderr.
///
/// Make it before the DaemonContext, and replay inside of its block: what the launcher had to say is in the daemon's
/// copy, and told once, by the daemon.
///
/// Process:  any; a forked process has its own copy of what was kept.
/// Undo:     nothing to undo.
/// Threads:  all from any thread; not from a signal handler.
class BootstrapLog {
public:
    /// Messages are told and kept from here on; the memory for them is there.
    explicit BootstrapLog(const BootstrapLogOptions& options = {})
        : time_(options.time),
          mask_(options.mask),
          bytes_(options.bytes),
          terminal_({.mask = options.mask}) {
        kept_.reserve(bytes_);  // what is not used of it costs nothing
    }

    BootstrapLog(const BootstrapLog&) = delete;
    BootstrapLog& operator=(const BootstrapLog&) = delete;

    /// The message is with the sink; or, before there is one, on stderr, and kept or counted.
    ///
    /// Errors:   none. errno is kept.
    void write(Severity severity, std::string_view text) const noexcept {
        const Target* target = target_.load(std::memory_order_acquire);
        if (target == nullptr && mask_.holds(severity)) target = tell_or_target(severity, text);
        if (target != nullptr) target->write(target->sink, severity, text);
    }

    /// True when a message of that severity is told: worth asking before an expensive text is made.
    bool is_enabled(Severity severity) const noexcept {
        const Target* const target = target_.load(std::memory_order_acquire);
        return target != nullptr ? target->is_enabled(target->sink, severity)
                                 : mask_.holds(severity);
    }

    /// The sink has got all that was kept, in order, with its severities; messages go straight to it from now on.
    ///
    /// Where not all could be kept, a message tells how many were only on stderr. What other threads write meanwhile
    /// follows. Works once: the sink has to live as long as messages are written here.
    template <LogSink Sink>
    void replay_into(Sink& sink) noexcept {
        const detail::ErrnoGuard keep_errno;
        const detail::ProcessLock replaying(replay_mutex_);
        if (target_.load() != nullptr) return;
        own_target_ = {&sink,
                       [](const void* known, Severity severity) noexcept {
                           return as<Sink>(known).is_enabled(severity);
                       },
                       [](const void* known, Severity severity, std::string_view text) noexcept {
                           as<Sink>(known).write(severity, text);
                       }};
        for (std::size_t told = 0; told < take_batch(told);) told += tell(told);
        std::string().swap(kept_);  // nobody reads or writes it any more
    }

    /// How many messages were told on stderr alone, as there was no room to keep them.
    std::uint64_t not_kept() const noexcept { return not_kept_.load(); }

private:
    struct Target {
        const void* sink = nullptr;
        bool (*is_enabled)(const void* sink, Severity severity) noexcept = nullptr;
        void (*write)(const void* sink, Severity severity,
                      std::string_view text) noexcept = nullptr;
    };

    /// What stands before each text in the memory.
    struct Head {
        std::size_t size = 0;
        Severity severity = Severity::debug;
    };
    using TimeText = detail::BoundedText<32>;

    template <class Sink>
    static Sink& as(const void* known) noexcept {
        return *static_cast<Sink*>(const_cast<void*>(known));  // it was no const one to begin with
    }

    /// The message is told and kept; or, when a sink has come in the meantime, returns where it is to go.
    const Target* tell_or_target(Severity severity, std::string_view text) const noexcept {
        const detail::ErrnoGuard keep_errno;
        const detail::ProcessLock lock(mutex_);
        if (const Target* const target = target_.load(); target != nullptr) return target;
        terminal_.write(severity, text);
        keep(severity, text);
        return nullptr;
    }

    // -- with the mutex held ------------------------------------------------------------------------------------

    /// The size grows last: a process forked in the middle of this has a copy that is whole.
    void keep(Severity severity, std::string_view text) const noexcept {
        TimeText time;
        if (time_ == ReplayedTime::in_text) append_now(time);
        const std::size_t needed = sizeof(Head) + time.size() + text.size();
        if (needed > bytes_ - size_) {
            ++not_kept_;
            return;
        }
        const Head head{time.size() + text.size(), severity};
        std::array<char, sizeof head> head_bytes;
        std::memcpy(head_bytes.data(), &head, sizeof head);
        kept_.resize(size_);
        kept_.append(head_bytes.data(), head_bytes.size()).append(time.view()).append(text);
        size_ = kept_.size();
    }

    static void append_now(TimeText& text) noexcept {
        struct ::timespec now {};
        detail::sys::clock_gettime(CLOCK_REALTIME, &now);
        const detail::CivilTime time = detail::civil_time(now.tv_sec);
        const auto append = [&](char mark, unsigned number) {
            text.append(mark);
            text.append_number(number, 2);
        };
        text.append_number(static_cast<unsigned long>(time.year), 4);
        append('-', time.month);
        append('-', time.day);
        append('T', time.hour);
        append(':', time.minute);
        append(':', time.second);
        text.append('.');
        text.append_number(static_cast<unsigned long>(now.tv_nsec) / 1'000'000, 3);
        text.append("Z ");
    }

    // -- with the other one held --------------------------------------------------------------------------------

    /// Where the messages end that are there to be told; when all of them were, others go straight on.
    std::size_t take_batch(std::size_t told) noexcept {
        if (told < batch_.size()) return batch_.size();
        const detail::ProcessLock lock(mutex_);
        batch_ = {kept_.data(), size_};  // what stands there does not move
        if (told == batch_.size()) {
            tell_not_kept();
            target_.store(&own_target_, std::memory_order_release);
        }
        return batch_.size();
    }

    /// Tells the message that stands there; returns how much memory it has.
    std::size_t tell(std::size_t at) const noexcept {
        Head head;
        std::memcpy(&head, batch_.data() + at, sizeof head);
        own_target_.write(own_target_.sink, head.severity,
                          batch_.substr(at + sizeof head, head.size));
        return sizeof head + head.size;
    }

    void tell_not_kept() const noexcept {
        const std::uint64_t count = not_kept_.load();
        if (count == 0) return;
        detail::BoundedText<80> text;
        text.append_number(count);
        text.append(" messages before this one are only on stderr");
        own_target_.write(own_target_.sink, Severity::warning, text.view());
    }

    const ReplayedTime time_;
    const SeverityMask mask_;
    const std::size_t bytes_;
    const StderrSink terminal_;
    mutable detail::ProcessMutex mutex_;
    detail::ProcessMutex replay_mutex_;
    mutable std::string kept_;
    mutable std::size_t size_ = 0;  // of that, in whole messages
    std::string_view batch_;        // of that, for the replay
    mutable std::atomic<std::uint64_t> not_kept_{0};
    Target own_target_;
    std::atomic<const Target*> target_{nullptr};
};

}  // namespace daemonkit

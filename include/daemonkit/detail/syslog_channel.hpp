// SPDX-License-Identifier: MIT
#pragma once
// SyslogChannel: messages from many threads over one LogSocket, within a bound, every loss counted. Floor 5.

#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/detail/log_patience.hpp>
#include <daemonkit/detail/log_socket.hpp>
#include <daemonkit/detail/log_text.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/process_mutex.hpp>
#include <daemonkit/detail/repeated_line.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syslog_form.hpp>
#include <daemonkit/detail/syslog_setup.hpp>
#include <daemonkit/syslog_client_options.hpp>

#include <atomic>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <string_view>
#include <utility>  // std::move

#include <time.h>  // timespec

namespace daemonkit::detail {

/// The way of messages to a log.
///
/// The mutex is held for calls that never wait; who waits has let go of it. So no thread holds up another one, and each
/// is held up by the log itself no longer than the bound: a log that reads nothing holds up all messages together for one.
///
/// Threads:  any.
class SyslogChannel {
public:
    SyslogChannel(const SyslogClientOptions& options, SyslogSetup setup)
        : repeats_(options.repeats),
          lost_lines_(options.lost),
          ident_(setup.names.ident),
          pid_(sys::getpid()),
          form_(setup.form, std::move(setup.names), setup.details),
          socket_(setup.socket, setup.addresses),
          patience_(options.bound.in_nanoseconds()) {}

    /// Tells what is still to be told.
    ~SyslogChannel() {
        const ErrnoGuard keep_errno;
        patience_.wait_for_room(mutex_, socket_, [&](pid_t pid) {
            const Sent sent = tell_counts(Severity::warning, look_around(pid));
            return sent == Sent::whole ? socket_.flush() : sent;
        });
    }
    SyslogChannel(const SyslogChannel&) = delete;
    SyslogChannel& operator=(const SyslogChannel&) = delete;

    /// The message is on its way, or counted as dropped.
    void send(const LogMessage& given) noexcept {
        const ErrnoGuard keep_errno;
        const LogText text(given.text);
        const LogMessage message{given.severity, text.view(), given.details};
        const Sent sent = patience_.wait_for_room(
            mutex_, socket_, [&](pid_t pid) { return attempt(message, look_around(pid)); });
        if (sent == Sent::whole) return;
        ++dropped_;
        if (lost_lines_ != LostLines::counted) write_elsewhere(message.text);
    }

    std::uint64_t dropped() const noexcept { return dropped_.load(); }

    int native_handle() noexcept {
        const ProcessLock lock(mutex_);
        return socket_.native_handle();
    }

private:
    using Sent = LogSocket::Sent;

    struct Moment {
        struct ::timespec time {};
        pid_t pid = 0;
    };

    /// What a line that was handed over stands for: it is to be told again, or counted, when the line is lost after all.
    struct Stake {
        std::uint64_t messages = 0;
        std::uint64_t told = 0;
    };

    // -- with the mutex held ------------------------------------------------------------------------------------

    /// The time; once a second, and in a new process, what else may have changed.
    Moment look_around(pid_t pid) noexcept {
        Moment moment{{}, pid};
        if (form_.has_fraction())
            sys::clock_gettime(CLOCK_REALTIME, &moment.time);
        else
            moment.time.tv_sec = static_cast<time_t>(sys::second_of_tick());
        if (!form_.is_outdated(moment.time, pid)) return moment;
        if (pid == pid_) {
            socket_.forget_stranger();
            return moment;
        }
        // A forked child, whose copy of all this may be from the middle of another thread's change.
        pid_ = pid;
        socket_.leave_to_parent();
        repeated_.forget();
        dropped_ = told_ = 0;
        stake_ = {};
        patience_.stop_clock();
        return moment;
    }

    Sent attempt(const LogMessage& message, const Moment& moment) noexcept {
        const bool may_fold = repeats_ == Repeats::folded && message.details == nullptr;
        if (may_fold && repeated_.is_same(message.severity, message.text)) {
            repeated_.count();
            if (repeated_.is_due(moment.time.tv_sec))
                static_cast<void>(tell_counts(message.severity, moment));
            return Sent::whole;
        }
        Sent sent = Sent::whole;
        if (is_anything_untold()) sent = tell_counts(message.severity, moment);
        if (sent == Sent::whole) sent = hand_over(message, moment, {1, 0});
        if (sent == Sent::whole && repeats_ == Repeats::folded) {
            if (may_fold)
                repeated_.remember(message.severity, message.text, moment.time.tv_sec);
            else
                repeated_.forget();
        }
        return sent;
    }

    bool is_anything_untold() const noexcept {
        return dropped_.load(std::memory_order_relaxed) != told_ || repeated_.counted() != 0;
    }

    /// The lines that tell of repetitions and of losses are handed over, where there is something to tell.
    Sent tell_counts(Severity severity, const Moment& moment) noexcept {
        if (const std::uint64_t count = repeated_.counted(); count > 0) {
            const Sent sent = tell("last message repeated ", count, " times", repeated_.severity(),
                                   moment, {count, 0});
            if (sent != Sent::whole) return sent;
            repeated_.told(moment.time.tv_sec);
        }
        const std::uint64_t count = dropped_ - told_;
        if (count == 0) return Sent::whole;
        const Sent sent = tell("", count, " messages dropped", severity, moment, {0, count});
        if (sent == Sent::whole) told_ += count;
        return sent;
    }

    Sent tell(std::string_view before, std::uint64_t count, std::string_view after,
              Severity severity, const Moment& moment, Stake stake) noexcept {
        BoundedText<64> text;
        text.append(before);
        text.append_number(count);
        text.append(after);
        return hand_over({severity, text.view()}, moment, stake);
    }

    Sent hand_over(const LogMessage& message, const Moment& moment, const Stake& stake) noexcept {
        LineBuffer line;
        form_.write(line, message, moment.time, moment.pid, longest_line);
        Sent sent = socket_.send(line.view());
        if (sent == Sent::too_long) sent = hand_over_less(line, message, moment);
        if (socket_.take_loss()) {
            dropped_ += stake_.messages;
            told_ -= stake_.told;
            stake_ = {};
        }
        if (sent == Sent::whole) {
            stake_ = stake;
            patience_.stop_clock();
        }
        return sent;
    }

    /// Half as much of the line, and half of that, down to what every receiver takes.
    Sent hand_over_less(LineBuffer& line, const LogMessage& message,
                        const Moment& moment) noexcept {
        constexpr std::size_t least = 480;  // RFC 5424, 6.1
        std::size_t longest = line.size() / 2;
        Sent sent = Sent::too_long;
        for (; sent == Sent::too_long && longest >= least; longest /= 2) {
            line.shrink(0);
            form_.write(line, message, moment.time, moment.pid, longest);
            sent = socket_.send(line.view());
        }
        return sent;
    }

    // -- without it ---------------------------------------------------------------------------------------------

    /// Where nobody waits for long: what stderr or the console do not take at once is gone.
    void write_elsewhere(std::string_view text) const noexcept {
        BoundedText<LogText::longest + 100> line;
        line.append(ident_);
        line.append('[');
        line.append_number(static_cast<unsigned long>(sys::getpid()));
        line.append("]: ");
        line.append(text);
        const bool is_console = lost_lines_ == LostLines::to_console;
        line.append(is_console ? "\r\n" : "\n");
        if (!is_console) {
            static_cast<void>(write_before(STDERR_FILENO, line.view(), monotonic_now()));
            return;
        }
        constexpr int flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
        const UniqueFd console(sys::open("/dev/console", flags).value);
        if (console.is_open())
            static_cast<void>(write_before(console.get(), line.view(), monotonic_now()));
    }

    const Repeats repeats_;
    const LostLines lost_lines_;
    const std::string ident_;
    ProcessMutex mutex_;
    pid_t pid_;  // whose state this is
    SyslogForm form_;
    LogSocket socket_;
    LogPatience patience_;
    RepeatedLine repeated_;
    std::atomic<std::uint64_t> dropped_{0};
    std::uint64_t told_ = 0;  // of the dropped ones
    Stake stake_;             // of the last line that was handed over
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// ChildImage: all that a new process needs in order to become another program, and how it does. Floor 4.
//
// Between fork and exec only system calls are made and nothing is allocated: other threads of this program may hold
// any lock. So whatever can be worked out is worked out here before.

#include <daemonkit/detail/close_inherited.hpp>
#include <daemonkit/detail/command.hpp>
#include <daemonkit/detail/install_stream.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/environment.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <utility>  // std::move
#include <vector>

namespace daemonkit::detail {

/// What a new process was doing when it failed.
enum class ChildStep : int { none, session, stream, directory, signals, program };

/// Why there is no program in the new process.
struct ChildFailure {
    ChildStep step = ChildStep::none;
    int error = 0;
};

/// A program that is about to run in a new process, in a session of its own and with nothing inherited.
class ChildImage {
public:
    /// `streams` are open descriptors above 2.
    ChildImage(std::vector<std::string> command, const Environment& environment,
               std::optional<std::string> directory, const int (&streams)[3])
        : command_(std::move(command), environment),
          directory_(std::move(directory)),
          streams_{streams[0], streams[1], streams[2]} {}
    ChildImage(const ChildImage&) = delete;
    ChildImage& operator=(const ChildImage&) = delete;

    /// In the new process, every signal blocked: becomes the program, or returns why that is not possible.
    ///
    /// `kept` is a close-on-exec descriptor that stays open until then; -1: there is none. Async-signal-safe.
    ChildFailure become(int kept) const noexcept {
        // No terminal: a helper that wants to ask a question there fails at once in place of waiting for ever.
        if (const auto session = sys::setsid(); !session)
            return {ChildStep::session, session.error};
        for (int stream = 0; stream < 3; ++stream) {
            const auto led = try_install_stream(streams_[stream], static_cast<Stream>(stream));
            if (!led) return {ChildStep::stream, led.error};
        }
        if (directory_) {
            const auto entered = sys::chdir(directory_->c_str());
            if (!entered) return {ChildStep::directory, entered.error};
        }
        const bool keeps = kept >= first_inherited_fd;
        if (keeps) close_all(first_inherited_fd, kept - 1);
        close_all(keeps ? kept + 1 : first_inherited_fd, last_fd);
        if (const int error = reset_signals(); error != 0) return {ChildStep::signals, error};
        return {ChildStep::program, command_.execute()};
    }

private:
    static constexpr int last_fd = 0x7fffffff;

    static void close_all(int first, int last) noexcept {
        if (first > last) return;
        if (sys::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0)) return;
        // Without it, nothing but allocating code could tell which are open.
        for (int fd = first; fd <= last && fd < guessed_descriptor_slots; ++fd)
            static_cast<void>(sys::close(fd));
    }

    // exec resets handlers, but not what is ignored; and until then a handler would run in memory that may be shared.
    static int reset_signals() noexcept {
        struct ::sigaction standard {};
        standard.sa_handler = SIG_DFL;
        sigemptyset(&standard.sa_mask);
        const int last = highest_signal();
        for (int number = 1; number <= last; ++number) {
            if (number == SIGKILL || number == SIGSTOP) continue;
            // EINVAL: a number that the C library keeps for itself.
            const auto set = sys::sigaction(number, &standard, nullptr);
            if (!set && set.error != EINVAL) return set.error;
        }
        sigset_t none;
        sigemptyset(&none);
        return sys::pthread_sigmask(SIG_SETMASK, &none, nullptr).error;
    }

    Command command_;
    std::optional<std::string> directory_;
    int streams_[3];
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// DispositionChange: what signals do in the daemon, and what they did before. Floor 5.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <vector>

namespace daemonkit::detail {

/// Resets and maps dispositions, and can put them back.
class DispositionChange {
public:
    /// Inherited handlers and ignores go; those of a SignalSet made before stay: they are this program's own.
    ///
    /// A program started by nohup, by a shell in the background or by a parent that ignores SIGCHLD or SIGPIPE would
    /// otherwise pass that on to the daemon and to everything it starts.
    void reset(const std::optional<ProcStatus>& status) {
        const int last = highest_signal();
        for (int number = 1; number <= last; ++number) {
            if (number == SIGKILL || number == SIGSTOP) continue;
            if (status && !status->differs_from_default(number)) continue;
            struct ::sigaction before {};
            const auto asked = sys::sigaction(number, nullptr, &before);
            if (asked.error == EINVAL && status && status->ignores(number)) reset_reserved(number);
            if (!asked || is_own_handler(before)) continue;
            before_.push_back({number, before});  // first: there may be no memory for it
            static_cast<void>(set(number, SIG_DFL));
        }
    }

    /// The dispositions of the rules are in force.
    ///
    /// Errors:   Step::map_signals on the signal's name.
    void map(const std::vector<SignalRule>& rules) {
        for (const SignalRule& rule : rules) {
            struct ::sigaction before {};
            const std::string name = signal_name(rule.signal);
            check(sys::sigaction(rule.signal, nullptr, &before), Step::map_signals, name);
            before_.push_back({rule.signal, before});
            check(set(rule.signal, rule.handler), Step::map_signals, name);
        }
    }

    /// The dispositions are what they were.
    void undo() noexcept {
        // Backwards: of two changes to the same signal, the first one knows what it was.
        for (; !before_.empty(); before_.pop_back()) {
            const Saved& last = before_.back();
            static_cast<void>(sys::sigaction(last.number, &last.action, nullptr));
        }
        for (int number = 1; reserved_ != 0; ++number, reserved_ >>= 1U) {
            if ((reserved_ & 1U) != 0)
                static_cast<void>(sys::rt_sigaction(number, ignored_, nullptr));
        }
    }

private:
    struct Saved {
        int number = 0;
        struct ::sigaction action {};
    };

    /// The C library's own signals are inherited as ignored like all others, from every program that has made this one
    /// by posix_spawn of glibc. Its handlers are not inherited: they stay.
    void reset_reserved(int number) noexcept {
        if (!sys::rt_sigaction(number, {}, &ignored_)) return;
        reserved_ |= std::uint64_t{1} << static_cast<unsigned>(number - 1);
    }

    static Result<int> set(int number, void (*handler)(int)) noexcept {
        struct ::sigaction wanted {};
        wanted.sa_handler = handler;
        wanted.sa_flags = SA_RESTART;
        sigemptyset(&wanted.sa_mask);
        return sys::sigaction(number, &wanted, nullptr);
    }

    std::vector<Saved> before_;
    std::uint64_t reserved_ = 0;  // bit n-1: signal n was ignored, and libc lets nobody change it
    sys::KernelDisposition ignored_;
};

}  // namespace daemonkit::detail

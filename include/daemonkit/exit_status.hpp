// SPDX-License-Identifier: MIT
#pragma once
// ExitStatus: how a process ended, as a value. Floor 1.

#include <daemonkit/detail/signal_name.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include <sys/wait.h>  // WIFEXITED

namespace daemonkit {

/// Whether a process that a signal ended left an image of its memory.
enum class CoreImage : std::uint8_t {
    none,
    dumped,
};

/// How a process ended: by itself with a code, or by a signal.
class ExitStatus {
public:
    /// The process ended by itself; 0 says that all went well.
    static constexpr ExitStatus exited(int code) noexcept { return {code, 0, CoreImage::none}; }

    /// A signal ended the process.
    static constexpr ExitStatus signalled(int number, CoreImage core = CoreImage::none) noexcept {
        return {0, number, core};
    }

    /// What waitpid(2) has stored about a process that has ended.
    static ExitStatus from_wait(int status) noexcept {
        if (!WIFSIGNALED(status)) return exited(WEXITSTATUS(status));
        const bool dumped = WCOREDUMP(status);
        return signalled(WTERMSIG(status), dumped ? CoreImage::dumped : CoreImage::none);
    }

    /// True for a process that ended by itself with 0.
    constexpr bool success() const noexcept { return code_ == 0 && signal_ == 0; }

    /// The code with which the process ended by itself; nothing when a signal ended it.
    constexpr std::optional<int> code() const noexcept {
        return signal_ == 0 ? std::optional(code_) : std::nullopt;
    }

    /// The signal that ended the process; nothing when it ended by itself.
    constexpr std::optional<int> signal() const noexcept {
        return signal_ != 0 ? std::optional(signal_) : std::nullopt;
    }

    /// Whether the process left an image of its memory.
    constexpr CoreImage core() const noexcept { return core_; }

    /// Both ended in the same way, with the same number, and both or neither left a core image.
    friend constexpr bool operator==(const ExitStatus&, const ExitStatus&) noexcept = default;

private:
    constexpr ExitStatus(int code, int signal, CoreImage core) noexcept
        : code_(code), signal_(signal), core_(core) {}

    int code_;
    int signal_;
    CoreImage core_;
};

/// In words: `ended with status 3`, `killed by SIGSEGV (core dumped)`.
inline std::string to_string(const ExitStatus& status) {
    if (const auto code = status.code()) return "ended with status " + std::to_string(*code);
    std::string words = "killed by " + detail::signal_name(*status.signal());
    if (status.core() == CoreImage::dumped) words += " (core dumped)";
    return words;
}

}  // namespace daemonkit

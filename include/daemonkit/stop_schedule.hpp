// SPDX-License-Identifier: MIT
#pragma once
// StopSchedule: by which signals a process is ended, and how long each is given. Floor 1.

#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <csignal>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace daemonkit {

/// A signal, and how long to wait for the end before the next one.
struct StopStep {
    int signal;    ///< what is sent
    Timeout wait;  ///< how long its effect is waited for
};

/// First asked, then made to: `{.steps = {{SIGTERM, 30s}, {SIGKILL, 5s}}}`.
struct StopSchedule {
    /// One after the other, for as long as the process lives.
    std::vector<StopStep> steps = {{SIGTERM, Timeout::seconds(30)}, {SIGKILL, Timeout::seconds(5)}};
};

namespace detail {

/// Reads a schedule from a text, word by word, and says where it could not.
class StopScheduleParser {
public:
    explicit StopScheduleParser(std::string_view text) noexcept : text_(text) {}

    StopSchedule parse() {
        StopSchedule schedule{.steps = {}};
        for (;;) {
            if (schedule.steps.size() == most_steps) refuse("no more than 16 steps");
            const int signal = read_signal();
            skip_blanks();
            // As start-stop-daemon(8) writes it, all words are separated in one way.
            const bool slashed = skip('/');
            skip_blanks();
            schedule.steps.push_back({signal, read_wait()});
            skip_blanks();
            if (at_ == text_.size()) return schedule;
            if (!skip(slashed ? '/' : ',')) refuse(slashed ? "expected /" : "expected a comma");
        }
    }

private:
    static constexpr std::size_t most_steps = 16;

    int read_signal() {
        skip_blanks();
        const std::size_t start = at_;
        const std::string_view name = read_word();
        const int number = signal_number(name);
        if (number == 0) refuse_at(start, "expected the name of a signal, such as TERM");
        if (number == SIGSTOP) refuse_at(start, "SIGSTOP ends no process");
        return number;
    }

    Timeout read_wait() {
        const std::size_t start = at_;
        std::int64_t count = 0;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
            count = count * 10 + (text_[at_++] - '0');
            if (count > std::numeric_limits<std::int32_t>::max())
                refuse_at(start, "longer than any wait");
        }
        if (at_ == start) refuse_at(start, "expected how long to wait, such as 30s");
        const std::size_t unit_at = at_;
        const std::string_view unit = read_word();
        const auto value = static_cast<std::int32_t>(count);
        if (unit == "ms") return Timeout::milliseconds(value);
        if (unit.empty() || unit == "s") return Timeout::seconds(value);
        if (unit != "min") refuse_at(unit_at, "expected ms, s or min");
        if (count > std::numeric_limits<std::int32_t>::max() / 60)
            refuse_at(start, "longer than any wait");
        return Timeout::seconds(value * 60);
    }

    std::string_view read_word() noexcept {
        const std::size_t start = at_;
        while (at_ < text_.size() && std::string_view(" \t,/").find(text_[at_]) == text_.npos)
            ++at_;
        return text_.substr(start, at_ - start);
    }

    void skip_blanks() noexcept {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }

    bool skip(char c) noexcept {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    [[noreturn]] void refuse(const char* why) const { refuse_at(at_, why); }

    [[noreturn]] void refuse_at(std::size_t at, const char* why) const {
        throw Error(Step::validate_options, "stop schedule", EINVAL,
                    "'" + std::string(text_.substr(0, 80)) + "', character " +
                        std::to_string(at + 1) + ": " + why);
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace detail

/// The schedule that a text describes: `TERM 30s, KILL 5s`, or `TERM/30/KILL/5` as start-stop-daemon(8) has it.
///
/// Shape:    1–16 steps, separated by commas: a signal's name, with or without SIG, and a whole number of `ms`, `s` or
///           `min`; without a unit it is seconds. Not SIGSTOP, which ends nothing.
/// Errors:   Step::validate_options; the message has the place in the text.
inline StopSchedule parse_stop_schedule(std::string_view text) {
    return detail::StopScheduleParser(text).parse();
}

}  // namespace daemonkit

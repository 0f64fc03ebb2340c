// SPDX-License-Identifier: MIT
#pragma once
// ControlConversation: what one client has sent and is still to be told, bounded. Floor 2.
//
// No system call is made here: the fuzzer and the tests speak to it directly.

#include <daemonkit/detail/control_line.hpp>

#include <cstddef>  // std::size_t
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>  // std::move

namespace daemonkit::detail {

/// The two directions of a client's connection, one request at a time: the next one is taken only when the answer
/// before it has gone.
class ControlConversation {
public:
    ControlConversation(std::size_t longest_request, std::size_t longest_answer) noexcept
        : longest_request_(longest_request < most ? longest_request : most),
          longest_answer_(longest_answer) {}

    // -- what the client sends ---------------------------------------------------------------------------------------

    /// How many bytes may be received now: never more than one line of the longest kind is kept.
    std::size_t room() const noexcept {
        return has_ended_ ? 0 : longest_request_ + 1 - received_.size();
    }

    void receive(std::string_view bytes) { received_ += bytes; }

    /// The client sends nothing more.
    void end() noexcept { has_ended_ = true; }

    /// True when the next request, or the fault in its place, can be taken without receiving more.
    bool has_line() const noexcept {
        if (is_over_) return false;
        const bool is_whole = received_.find('\n') != std::string::npos;
        return is_whole || room() == 0;
    }

    /// The next request; nothing where the line was none, which it has been answered by then. Only while `has_line`.
    std::optional<ControlRequest> take_request() {
        const std::size_t end = received_.find('\n');
        if (end == std::string::npos) {
            const bool is_empty = received_.empty();
            is_over_ = true;
            if (!is_empty)
                answer({64, has_ended_ ? "the line has no newline at its end"
                                       : "the line is longer than " +
                                             std::to_string(longest_request_) + " bytes"});
            return {};
        }
        std::string_view line = std::string_view(received_).substr(0, end);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        ControlWords parsed = parse_control_line(line);
        received_.erase(0, end + 1);
        if (parsed.fault != nullptr) {
            answer({64, parsed.fault});
            return {};
        }
        ControlRequest request;
        request.verb = std::move(parsed.words.front());
        parsed.words.erase(parsed.words.begin());
        request.arguments = std::move(parsed.words);
        return request;
    }

    // -- what it is told ---------------------------------------------------------------------------------------------

    /// The answer to the request that was taken last.
    void answer(const ControlAnswer& answer) {
        if (answer.text.size() <= longest_answer_ &&
            control_answer_size(answer.text) <= longest_answer_)
            append_control_answer(unsent_, answer.status, answer.text);
        else
            append_control_answer(
                unsent_, 70,
                "the answer is longer than " + std::to_string(longest_answer_) + " bytes");
    }

    /// What is still to be sent.
    std::string_view unsent() const noexcept { return std::string_view(unsent_).substr(sent_); }

    /// So much of it was sent.
    void sent(std::size_t size) noexcept {
        sent_ += size;
        if (sent_ < unsent_.size()) return;
        unsent_ = {};  // the memory of a long answer as well
        sent_ = 0;
    }

    /// Nothing more follows this in either direction, once all is sent.
    void close() noexcept { is_over_ = true; }

    /// Nothing is left to do: the connection can be closed.
    bool is_over() const noexcept { return is_over_ && unsent().empty(); }

private:
    /// With its newline it has a size.
    static constexpr std::size_t most = std::numeric_limits<std::size_t>::max() - 1;

    std::size_t longest_request_;
    std::size_t longest_answer_;
    std::string received_;
    std::string unsent_;
    std::size_t sent_ = 0;
    bool has_ended_ = false;
    bool is_over_ = false;
};

}  // namespace daemonkit::detail

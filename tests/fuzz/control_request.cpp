// SPDX-License-Identifier: MIT
// What a client of a control socket may send, in pieces of any size: the first byte chooses the limits, the second one the
// size of the pieces, and whether answers are taken whole.
#include <daemonkit/detail/control_conversation.hpp>
#include <daemonkit/detail/control_line.hpp>

#include "require.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::detail;
using fuzz::require;

namespace {

/// A request is what it says it is, and written again it is the same.
void look_at(const ControlRequest& request) {
    std::vector<std::string> words{request.verb};
    words.insert(words.end(), request.arguments.begin(), request.arguments.end());
    std::string line;
    for (const auto& word : words) {
        require(is_control_word(word), "a word is UTF-8 without control characters");
        append_control_word(line, word);
    }
    const ControlWords again = parse_control_line(line);
    require(again.fault == nullptr, "what is written is a request");
    require(again.words == words, "what is written is read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t longest_request = data[0] % 64U + 1;
    const std::size_t longest_answer = 128U + data[0] * 4U;
    const std::size_t piece = data[1] % 32U + 1;
    const std::size_t taken_at_once = data[1] / 32U + 1;
    std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);

    ControlConversation conversation(longest_request, longest_answer);
    std::size_t lines = static_cast<std::size_t>(std::count(input.begin(), input.end(), '\n'));
    std::size_t answers = 0;
    std::string sent;
    bool has_ended = false;
    while (!conversation.is_over()) {
        require(conversation.room() <= longest_request + 1, "the room is bounded");
        if (!conversation.has_line() && conversation.unsent().empty()) {
            if (input.empty()) {
                require(!has_ended, "after its end there is nothing to wait for");
                conversation.end();
                has_ended = true;
            } else {
                const std::size_t taken = std::min({piece, conversation.room(), input.size()});
                require(taken > 0, "while no line is whole there is room");
                conversation.receive(input.substr(0, taken));
                input.remove_prefix(taken);
            }
        }
        if (conversation.has_line() && conversation.unsent().empty()) {
            if (const auto request = conversation.take_request()) {
                look_at(*request);
                std::string text = request->verb;
                for (const auto& argument : request->arguments) text += '\n' + argument;
                conversation.answer({static_cast<int>(text.size()), text});
            }
            answers += conversation.unsent().empty() ? 0U : 1U;
        }
        const std::string_view unsent = conversation.unsent();
        require(unsent.size() <= longest_answer, "an answer is bounded");
        const std::size_t now = std::min(unsent.size(), taken_at_once * 16U);
        sent += unsent.substr(0, now);
        if (now > 0) conversation.sent(now);
    }
    require(answers <= lines + 1, "there is one answer to a line");

    ControlAnswerReader reader;
    std::string_view rest = sent;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n') + 1;
        require(end > 0, "an answer ends in a newline");
        const auto state = reader.feed(rest.substr(0, end));
        require(state != ControlAnswerReader::State::broken, "an answer is one");
        rest.remove_prefix(end);
        if (state != ControlAnswerReader::State::whole) continue;
        reader = {};
        --answers;
    }
    require(answers == 0, "every answer is whole");
    return 0;
}

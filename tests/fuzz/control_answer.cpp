// SPDX-License-Identifier: MIT
// What somebody at a control socket may answer, in two pieces: the first byte says where it is cut.
#include <daemonkit/detail/control_line.hpp>

#include "require.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace daemonkit;
using namespace daemonkit::detail;
using fuzz::require;
using State = ControlAnswerReader::State;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    ControlAnswerReader whole;
    const State state = whole.feed(input);

    ControlAnswerReader in_pieces;
    const std::size_t cut = input.empty() ? 0 : data[0] % input.size();
    in_pieces.feed(input.substr(0, cut));
    require(in_pieces.feed(input.substr(cut)) == state, "how it is cut does not matter");
    if (state != State::whole) return 0;

    const ControlAnswer& answer = whole.answer();
    require(answer.status == in_pieces.answer().status, "the status is the same");
    require(answer.text == in_pieces.answer().text, "the text is the same");
    require(answer.status >= 0 && answer.status <= 255, "a status is one");
    std::string again;
    append_control_answer(again, answer.status, answer.text);
    require(again.size() <= control_answer_size(answer.text), "its size is known before");
    ControlAnswerReader reader;
    require(reader.feed(again) == State::whole, "what is written is an answer");
    require(reader.answer().text == answer.text, "what is written is read");
    return 0;
}

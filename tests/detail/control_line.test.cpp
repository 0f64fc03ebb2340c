// SPDX-License-Identifier: MIT
#include <daemonkit/detail/control_line.hpp>

#include "catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::detail;
using namespace std::string_literals;

namespace {

using Words = std::vector<std::string>;
using State = ControlAnswerReader::State;

std::string written(const Words& words) {
    std::string line;
    for (const auto& word : words) append_control_word(line, word);
    return line;
}

std::string written(int status, const std::string& text) {
    std::string answer;
    append_control_answer(answer, status, text);
    return answer;
}

}  // namespace

TEST_CASE("control_line: words have spaces between them, and quotes where they hold one",
          "[control_line][unit]") {
    const struct {
        std::string line;
        Words words;
    } cases[] = {
        {"status", {"status"}},
        {"  log-level   debug ", {"log-level", "debug"}},
        {R"(say "two words" x)", {"say", "two words", "x"}},
        {R"(say "")", {"say", ""}},
        {R"("")", {""}},
        {R"(say "a\"b\\c\nd\te")", {"say", "a\"b\\c\nd\te"}},
        {R"(say C:\dir\n)", {"say", R"(C:\dir\n)"}},
        {R"(%s $(x) 'y' ../z)", {"%s", "$(x)", "'y'", "../z"}},
        {"gr\u00fc\u00df \u20ac \U0001f600", {"gr\u00fc\u00df", "\u20ac", "\U0001f600"}},
    };
    for (const auto& each : cases) {
        INFO(each.line);
        const ControlWords parsed = parse_control_line(each.line);
        CHECK(parsed.fault == nullptr);
        CHECK(parsed.words == each.words);
    }
}

TEST_CASE("control_line: what is no request is refused with the reason", "[control_line][unit]") {
    const struct {
        std::string line;
        std::string fault;
    } cases[] = {
        {"", "a verb is missing"},
        {"   ", "a verb is missing"},
        {R"(say "open)", "a quote is not closed"},
        {R"(say ")", "a quote is not closed"},
        {R"(say "open\")", "a quote is not closed"},
        {R"(say "a"b)", "a space has to follow a closing quote"},
        {R"(say "a""b")", "a space has to follow a closing quote"},
        {R"(say a"b)", "a quote stands inside of a word: quote all of it"},
        {R"(say "\x41")", "in quotes, a backslash stands before a quote, a backslash, n or t"},
        {R"(say "\)", "in quotes, a backslash stands before a quote, a backslash, n or t"},
        {"say a\tb", "a control character stands in the line"},
        {"stop\0ped"s, "a control character stands in the line"},
        {"\x1b[2J", "a control character stands in the line"},
        {"\x7f", "a control character stands in the line"},
        {"stop\rstart", "a control character stands in the line"},
        {"\xff", "the line is not UTF-8"},
        {"caf\xe9", "the line is not UTF-8"},
        {"\xc0\xaf", "the line is not UTF-8"},
        {"\xed\xa0\x80", "the line is not UTF-8"},
        {"a \xe2\x82", "the line is not UTF-8"},
    };
    for (const auto& each : cases) {
        INFO(each.line);
        const ControlWords parsed = parse_control_line(each.line);
        CHECK(parsed.words.empty());
        CHECK(parsed.fault == each.fault);
    }
}

TEST_CASE("control_line: whatever words are written, the same are read", "[control_line][unit]") {
    const Words cases[] = {
        {"status"},          {"a", "b", "c"},      {"say", "two words"},   {"say", "", ""},
        {"say", "\"", "\\"}, {"say", "\\n", "\n"}, {"say", "\t x \\\" y"}, {"\"verb\"", "a\"b"},
        {"", "empty verb"},  {"caf\u00e9"},
    };
    for (const auto& words : cases) {
        INFO(written(words));
        CHECK(parse_control_line(written(words)).words == words);
    }
    CHECK(written({"say", "plain", R"(back\slash)"}) == R"(say plain back\slash)");
    CHECK_FALSE(is_control_word("nul\0"s));
    CHECK_FALSE(is_control_word("\x1b"));
    CHECK_FALSE(is_control_word("\xff"));
    CHECK(is_control_word("\n\t"));
    CHECK(is_control_word(""));
}

TEST_CASE("control_line: an answer has its status before every line", "[control_line][unit]") {
    CHECK(written(0, "") == "0 \n");
    CHECK(written(0, "done") == "0 done\n");
    CHECK(written(77, "a\nb\nc") == "77-a\n77-b\n77 c\n");
    CHECK(written(0, "a\n") == "0-a\n0 \n");
    CHECK(written(-1, "x") == "70 x\n");
    CHECK(written(256, "x") == "70 x\n");
    CHECK(written(255, "\n\n").size() <= control_answer_size("\n\n"));
    CHECK(written(255, "").size() <= control_answer_size(""));
}

TEST_CASE("control_line: an answer is read as it was written, however it is cut",
          "[control_line][unit]") {
    for (const std::string text :
         {"", "done", "a\nb", "\n", "\n\n x", "a\n", "0 looks like one", "-", "\x01\xff"}) {
        const std::string bytes = written(75, text) + "0 the next answer\n";
        for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
            ControlAnswerReader reader;
            reader.feed(std::string_view(bytes).substr(0, cut));
            REQUIRE(reader.feed(std::string_view(bytes).substr(cut)) == State::whole);
            REQUIRE(reader.answer().status == 75);
            REQUIRE(reader.answer().text == text);
        }
    }
}

TEST_CASE("control_line: what is no answer is found out at its first line",
          "[control_line][unit]") {
    for (const std::string bytes : {"\n", "ok\n", " 0\n", "0\n", "00000 x\n", "256 x\n", "-1 x\n",
                                    "0:x\n", "0-a\n1 b\n", "0-a\nb\n", "\xff\xff\n"}) {
        INFO(bytes);
        ControlAnswerReader reader;
        CHECK(reader.feed(bytes) == State::broken);
    }
    ControlAnswerReader unfinished;
    CHECK(unfinished.feed("0-a\n0 b") == State::unfinished);
}

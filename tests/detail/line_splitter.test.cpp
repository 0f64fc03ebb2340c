// SPDX-License-Identifier: MIT
#include <daemonkit/detail/line_splitter.hpp>

#include "catch.hpp"

#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using daemonkit::detail::LineSplitter;
using Lines = std::vector<std::string>;

namespace {

Lines split(const std::vector<std::string>& parts, std::size_t longest) {
    Lines lines;
    const auto sink = [&](std::string_view line) { lines.emplace_back(line); };
    LineSplitter splitter(longest);
    for (const std::string& part : parts) splitter.feed(part, sink);
    splitter.finish(sink);
    return lines;
}

}  // namespace

TEST_CASE("LineSplitter: lines come whole, empty ones too, and the last one without its newline",
          "[line_splitter][unit]") {
    CHECK(split({}, 10) == Lines{});
    CHECK(split({""}, 10) == Lines{});
    CHECK(split({"one\ntwo\n"}, 10) == Lines{"one", "two"});
    CHECK(split({"one\n\n\ntwo"}, 10) == Lines{"one", "", "", "two"});
    CHECK(split({"o", "ne", "\n", "t", "wo"}, 10) == Lines{"one", "two"});
    CHECK(split({std::string("nul\0byte\n", 9)}, 10) == Lines{std::string("nul\0byte", 8)});
}

TEST_CASE(
    "LineSplitter: a line that is too long comes in pieces, one of exactly that size does not",
    "[line_splitter][unit]") {
    CHECK(split({"abcd\n"}, 4) == Lines{"abcd"});
    CHECK(split({"abcd", "\n"}, 4) == Lines{"abcd"});
    CHECK(split({"abcde\n"}, 4) == Lines{"abcd", "e"});
    CHECK(split({"abcdefgh\n"}, 4) == Lines{"abcd", "efgh"});
    CHECK(split({"abcdefghi"}, 4) == Lines{"abcd", "efgh", "i"});
    CHECK(split({"ab\n"}, 0) == Lines{"a", "b"});
    CHECK(split({"one\ntwo\nthree"}, std::string::npos) == Lines{"one", "two", "three"});
}

TEST_CASE("LineSplitter: however the bytes are cut, the lines are the same",
          "[line_splitter][unit]") {
    std::mt19937 random(7);
    std::string text;
    for (int i = 0; i < 2000; ++i) text += random() % 5 == 0 ? '\n' : 'x';
    const Lines whole = split({text}, 6);
    for (int round = 0; round < 100; ++round) {
        std::vector<std::string> parts;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t size = random() % 20;
            parts.push_back(text.substr(at, size));
            at += size;
        }
        REQUIRE(split(parts, 6) == whole);
    }
}

TEST_CASE("LineSplitter: a sink that throws gets no line twice and misses none",
          "[line_splitter][unit]") {
    Lines lines;
    const auto sink = [&](std::string_view line) {
        lines.emplace_back(line);
        throw std::runtime_error("enough");
    };
    LineSplitter splitter(10);
    CHECK_THROWS_AS(splitter.feed("one\ntwo\nthr", sink), std::runtime_error);
    CHECK_THROWS_AS(splitter.feed("ee", sink), std::runtime_error);
    CHECK_THROWS_AS(splitter.finish(sink), std::runtime_error);
    CHECK_NOTHROW(splitter.finish(sink));
    CHECK(lines == Lines{"one", "two", "three"});
}

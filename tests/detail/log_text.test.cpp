// SPDX-License-Identifier: MIT
#include <daemonkit/detail/log_text.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>
#include <type_traits>

using daemonkit::detail::LogText;

static_assert(!std::is_copy_constructible_v<LogText> && !std::is_move_constructible_v<LogText>);

namespace {

std::string line(std::string_view text) { return std::string(LogText(text).view()); }

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (std::size_t at = 0; at < times; ++at) text += part;
    return text;
}

}  // namespace

TEST_CASE("LogText: a line that is fit is passed on without a copy", "[detail][unit]") {
    const std::string text = "100 % of \xc3\xa9t\xc3\xa9, \xff\xfe bytes from 0x80, %s %n";
    const LogText same(text);
    CHECK(same.view().data() == text.data());
    CHECK(same.view() == text);
}

TEST_CASE("LogText: newlines at the end are taken off, others are escaped", "[detail][unit]") {
    CHECK(line("") == "");
    CHECK(line("\n") == "");
    CHECK(line("a\n") == "a");
    CHECK(line("a\r\n\r\n") == "a");
    CHECK(line("a\nb") == "a#012b");
    CHECK(line("\na\r\nb\n") == "#012a#015#012b");
}

TEST_CASE("LogText: every control character stands as its octal number", "[detail][unit]") {
    CHECK(line(std::string_view("a\0b", 3)) == "a#000b");
    CHECK(line("\x01\x07\x09\x1b[31m\x1f\x7f.") == "#001#007#011#033[31m#037#177.");
    for (int value = 0x20; value < 0x100; ++value) {
        if (value == 0x7f) continue;
        const std::string byte(1, static_cast<char>(value));
        CHECK(line(byte) == byte);
    }
}

TEST_CASE("LogText: a line is at most 8000 bytes, and a longer one says that it was cut",
          "[detail][unit]") {
    const std::string longest(LogText::longest, 'x');
    CHECK(line(longest) == longest);
    CHECK(line(longest + "\n") == longest);

    const std::string cut = std::string(LogText::longest - 6, 'x') + " [cut]";
    CHECK(line(longest + "y") == cut);
    CHECK(line(longest + std::string(1 << 20, 'y')) == cut);
}

TEST_CASE("LogText: a cut splits neither an escape nor a character", "[detail][unit]") {
    // Shifted by each offset, so that the cut falls on every place within the unit.
    const auto shift = GENERATE(range(0, 4));
    const std::string before(static_cast<std::size_t>(shift), 'x');
    const std::string_view unit =
        GENERATE(std::string_view("\n"), std::string_view("\xc3\xa9"),
                 std::string_view("\xe2\x82\xac"), std::string_view("\xf0\x9f\x98\x80"));
    CAPTURE(shift, unit.size());
    const std::string written = unit == "\n" ? std::string("#012") : std::string(unit);

    const std::string text = line(before + repeated(unit, 9000) + ".");
    REQUIRE(text.size() <= LogText::longest);
    CHECK(text.size() > LogText::longest - 4);
    REQUIRE(text.substr(text.size() - 6) == " [cut]");
    const std::string kept = text.substr(before.size(), text.size() - before.size() - 6);
    CHECK(kept.size() % written.size() == 0);
    CHECK(kept == repeated(written, kept.size() / written.size()));
}

TEST_CASE("LogText: exactly full after escaping is not cut", "[detail][unit]") {
    CHECK(line(repeated("\t", 2000)) == repeated("#011", 2000));
    CHECK(line(repeated("\t", 2001)).size() <= LogText::longest);
    CHECK(line(repeated("\t", 2001)).substr(7988) == "#011 [cut]");
}

TEST_CASE("LogText: bytes that only continue a character are cut as bytes", "[detail][unit]") {
    const std::string text = line(std::string(9000, '\x80'));
    CHECK(text == std::string(LogText::longest - 6, '\x80') + " [cut]");
}

TEST_CASE("LogText: a control character is found wherever it stands, and nothing else is",
          "[detail][unit]") {
    for (std::size_t size = 1; size <= 50; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            CAPTURE(size, at);
            for (const char fit : {' ', '~', '\x80', '\xff'}) {
                std::string text(size, fit);
                CHECK(LogText(text).view().data() == text.data());
                for (const char control : {'\0', '\x1f', '\x7f'}) {
                    text[at] = control;
                    CHECK(line(text + ".").size() == size + 4);
                }
            }
        }
    }
}

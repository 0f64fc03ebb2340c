// SPDX-License-Identifier: MIT
#include <daemonkit/detail/printable.hpp>

#include "catch.hpp"

#include <string>

using daemonkit::detail::printable;

TEST_CASE("printable: what is fit to be seen stays as it is", "[detail][unit]") {
    for (const char* const text : {"", "plain text", "Zürich – 東京 😀", "~!@#$%^&*()\"'`"})
        CHECK(printable(text) == text);
}

TEST_CASE("printable: nothing reaches a terminal that it would obey or hide", "[detail][unit]") {
    CHECK(printable("a\nb") == "a\\nb");
    CHECK(printable("\x1b]0;title\x07") == "\\x1b]0;title\\x07");
    CHECK(printable(std::string("\0\t\r\x7f", 4)) == "\\x00\\x09\\x0d\\x7f");
    CHECK(printable("a\\nb") == "a\\\\nb");                 // is not mistaken for a newline
    CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");           // CSI in one character
    CHECK(printable("\xc2\xa0") == "\xc2\xa0");             // a blank that does not break
    CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right to left from here
    CHECK(printable("\xe2\x80\x8b") == "\\xe2\\x80\\x8b");  // a blank of no width
    CHECK(printable("\xe2\x81\xa6") == "\\xe2\\x81\\xa6");
    CHECK(printable("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");  // a line's end to some
    CHECK(printable("\xef\xbb\xbf") == "\\xef\\xbb\\xbf");
    CHECK(printable("\xe2\x80\x93") == "\xe2\x80\x93");  // a dash
}

TEST_CASE("printable: bytes that are no characters are told as bytes", "[detail][unit]") {
    CHECK(printable("\xff") == "\\xff");
    CHECK(printable("\xc3") == "\\xc3");
    CHECK(printable("a\xe2\x80") == "a\\xe2\\x80");
    CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");           // a slash in a longer form than need be
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // half of a pair
    for (int byte = 0; byte < 256; ++byte) {
        const std::string line = printable(std::string(1, static_cast<char>(byte)));
        for (const char c : line) CHECK((c >= ' ' && c <= '~'));
    }
}

TEST_CASE("printable: a text that is too long is cut between characters, and says so",
          "[detail][unit]") {
    CHECK(printable(std::string(256, 'x')).size() == 256);
    CHECK(printable(std::string(257, 'x')) == std::string(256, 'x') + "...");
    CHECK(printable("äöü", 3) == "äö...");
    CHECK(printable(std::string(1'000'000, '\n'), 10) == "\\n\\n\\n\\n\\n...");
}

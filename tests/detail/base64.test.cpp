// SPDX-License-Identifier: MIT
#include <daemonkit/detail/base64.hpp>

#include "catch.hpp"

#include <string>

using daemonkit::detail::from_base64;
using namespace std::string_literals;

TEST_CASE("from_base64: the texts of the standard", "[base64][unit]") {
    CHECK(from_base64("") == "");
    CHECK(from_base64("Zg==") == "f");
    CHECK(from_base64("Zm8=") == "fo");
    CHECK(from_base64("Zm9v") == "foo");
    CHECK(from_base64("Zm9vYg==") == "foob");
    CHECK(from_base64("Zm9vYmE=") == "fooba");
    CHECK(from_base64("Zm9vYmFy") == "foobar");
    CHECK(from_base64("c29tZSAyMDAwMDAgMjAwMDAwMAA=") == "some 200000 2000000\0"s);
    CHECK(from_base64("AP+A/w==") == "\0\xff\x80\xff"s);
}

TEST_CASE("from_base64: anything else is refused", "[base64][unit]") {
    for (const std::string& text :
         {"Z"s, "Zg"s, "Zg="s, "Zg==="s, "===="s, "Z==="s, "=Zg="s, "Zm=v"s, "Zg==Zg=="s, "Zm9v\n"s,
          "Zm 9"s, " Zm9v"s, "Zm9_"s, "Zm9-"s, "Zm9\0"s, "Zm9\xff"s, "Zh=="s, "Zm9="s}) {
        CAPTURE(text);
        CHECK_FALSE(from_base64(text));
    }
}

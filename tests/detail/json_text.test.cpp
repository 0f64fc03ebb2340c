// SPDX-License-Identifier: MIT
// JSON: whatever a text holds, what comes out is one line that a strict reader takes.
#include <daemonkit/detail/json_text.hpp>

#include "catch.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

using daemonkit::detail::json_string;
using daemonkit::detail::JsonObject;
using namespace std::string_view_literals;

TEST_CASE("json_string: quotes, control characters and bytes that are no UTF-8",
          "[json_text][unit]") {
    CHECK(json_string("") == R"("")");
    CHECK(json_string("a room") == R"("a room")");
    CHECK(json_string(R"(C:\"x")") == R"("C:\\\"x\"")");
    CHECK(json_string("a\nb\tc\0d\x1f\x7f"sv) == R"("a\u000ab\u0009c\u0000d\u001f\u007f")");
    CHECK(json_string("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") ==
          "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    constexpr const char* replaced = "\"\xef\xbf\xbd\"";
    CHECK(json_string("\xff") == replaced);
    CHECK(json_string("\xc3") == replaced);  // a character that is cut off
    CHECK(json_string("\xc0\xaf") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK(json_string("a\xed\xa0\x80z").size() == 2 + 2 + 9);  // a surrogate
}

TEST_CASE("JsonObject: every name is there, in its order, absent values as null",
          "[json_text][unit]") {
    JsonObject inner;
    CHECK(inner.text() == "{}");
    inner.add("failed", std::uint64_t{2});
    inner.add("last", std::optional<std::string>("no \"key\""));
    JsonObject object;
    object.add("name", "thermod");
    object.add("pid", std::optional<std::uint64_t>());
    object.add("most", std::numeric_limits<std::uint64_t>::max());
    object.add("reloads", inner);
    object.add("none", std::optional<JsonObject>());
    CHECK(object.text() == R"({"name": "thermod", "pid": null, "most": 18446744073709551615, )"
                           R"("reloads": {"failed": 2, "last": "no \"key\""}, "none": null})");
}

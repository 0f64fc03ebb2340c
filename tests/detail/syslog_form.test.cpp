// SPDX-License-Identifier: MIT
// What stands in a line, and the time in it.
#include <daemonkit/detail/syslog_form.hpp>

#include <daemonkit/detail/civil_time.hpp>
#include <daemonkit/detail/structured_data.hpp>
#include <daemonkit/detail/zone_offsets.hpp>

#include "catch.hpp"

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::detail;

namespace {

// A zone of POSIX rules, which need no files, for the length of a scope.
class Zone {
public:
    explicit Zone(const char* rules) {
        ::setenv("TZ", rules, 1);
        ::tzset();
    }
    ~Zone() {
        ::unsetenv("TZ");
        ::tzset();
    }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;
};

std::string line_of(SyslogForm& form, const LogMessage& message, std::time_t second,
                    long nanoseconds = 0, std::size_t longest = longest_line) {
    LineBuffer line;
    form.write(line, message, {.tv_sec = second, .tv_nsec = nanoseconds}, 71, longest);
    return std::string(line.view());
}

std::string details_of(const Rfc5424& details) {
    DetailsBuffer buffer;
    append_details(buffer, details);
    return std::string(buffer.view());
}

constexpr std::time_t november = 1'793'539'899;  // 2026-11-01 13:31:39 UTC

}  // namespace

TEST_CASE("civil_time: it is what gmtime says", "[syslog_form][unit]") {
    const auto compare = [](std::int64_t seconds) {
        const auto time = static_cast<std::time_t>(seconds);
        std::tm expected{};
        ::gmtime_r(&time, &expected);
        const CivilTime found = civil_time(seconds);
        CAPTURE(seconds);
        CHECK(found.year == expected.tm_year + 1900);
        CHECK(found.month == static_cast<unsigned>(expected.tm_mon + 1));
        CHECK(found.day == static_cast<unsigned>(expected.tm_mday));
        CHECK(found.hour == static_cast<unsigned>(expected.tm_hour));
        CHECK(found.minute == static_cast<unsigned>(expected.tm_min));
        CHECK(found.second == static_cast<unsigned>(expected.tm_sec));
    };
    for (std::int64_t day = -200'000; day < 200'000; day += 61)
        compare(day * 86'400 + day % 86'400);
    for (const std::int64_t edge :
         {-1, 0, 1, 86'399, 86'400, 951'782'400, 951'868'799, 951'868'800, 2'147'483'647})
        compare(edge);
}

TEST_CASE("ZoneOffsets: summer and winter time as libc has them, for years, and from memory",
          "[syslog_form][unit]") {
    for (const char* const rules :
         {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "NZST-12NZDT,M9.5.0,M4.1.0/3",
          "XST-5:45", "UTC0", "ABC3DEF,J60,J300"}) {
        CAPTURE(rules);
        const std::time_t now = std::time(nullptr);
        std::vector<std::pair<std::time_t, int>> expected;
        std::optional<ZoneOffsets> offsets;
        {
            const Zone zone(rules);
            offsets.emplace();
            for (std::time_t time = now; time < now + 10 * 365 * 86'400; time += 7'919) {
                std::tm local{};
                ::localtime_r(&time, &local);
                expected.emplace_back(time, static_cast<int>(local.tm_gmtoff));
            }
        }
        // Here libc goes by another zone, as after a chroot.
        std::size_t wrong = 0;
        for (const auto& [time, offset] : expected) wrong += offsets->at(time) == offset ? 0U : 1U;
        CHECK(wrong == 0);
    }
}

TEST_CASE("ZoneOffsets: a clock that was set by years is no reason to be wrong",
          "[syslog_form][unit]") {
    const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
    ZoneOffsets offsets;
    CHECK(offsets.at(86'400) == 3'600);
    CHECK(offsets.at(4'087'238'400) == 7'200);  // in July 2099
    CHECK(offsets.at(november) == 3'600);
}

TEST_CASE("SyslogForm: the three forms, byte by byte", "[syslog_form][unit]") {
    const Zone zone("XST5:30");
    const SyslogForm::Names names{.ident = "thermod", .hostname = "thermo1"};
    const LogMessage message{Severity::warning, "hot"};
    SyslogForm local(SyslogForm::Kind::local, names, {});
    CHECK(line_of(local, message, november) == "<28>Nov  1 08:01:39 thermod[71]: hot");
    SyslogForm old(SyslogForm::Kind::rfc3164, names, {});
    CHECK(line_of(old, message, november) == "<28>Nov  1 08:01:39 thermo1 thermod[71]: hot");
    SyslogForm form(SyslogForm::Kind::rfc5424, names, {});
    CHECK(line_of(form, message, november, 1'234'567) ==
          "<28>1 2026-11-01T08:01:39.001234-05:30 thermo1 thermod 71 - - hot");
    // What is kept from one line to the next is renewed when it no longer holds.
    CHECK(line_of(form, {Severity::emergency, "x"}, november, 999'999'999) ==
          "<24>1 2026-11-01T08:01:39.999999-05:30 thermo1 thermod 71 - - x");
    CHECK(line_of(form, message, november + 1) ==
          "<28>1 2026-11-01T08:01:40.000000-05:30 thermo1 thermod 71 - - hot");
    CHECK(line_of(local, {Severity::debug, ""}, november + 86'400 * 9) ==
          "<31>Nov 10 08:01:39 thermod[71]: ");
}

TEST_CASE("SyslogForm: a text is cut between two characters", "[syslog_form][unit]") {
    SyslogForm local(SyslogForm::Kind::local, {.ident = "p"}, {});
    const std::string head = line_of(local, {Severity::info, ""}, november);
    const std::string text = "abcdefgh\xe2\x82\xacijklmnop";
    const auto cut = [&](std::size_t room) {
        return line_of(local, {Severity::info, text}, november, 0, head.size() + room)
            .substr(head.size());
    };
    CHECK(cut(text.size()) == text);
    CHECK(cut(17) == "abcdefgh\xe2\x82\xac [cut]");
    CHECK(cut(16) == "abcdefgh [cut]");
    CHECK(cut(15) == "abcdefgh [cut]");
    CHECK(cut(14) == "abcdefgh [cut]");
    CHECK(cut(13) == "abcdefg [cut]");
    CHECK(line_of(local, {Severity::info, std::string(50, '\x80')}, november, 0, head.size() + 30)
              .size() == head.size() + 30);
}

TEST_CASE("structured data: whatever the texts hold, it can be read back", "[syslog_form][unit]") {
    CHECK(details_of({}) == "- - ");
    CHECK(details_of({.msgid = "ID47"}) == "ID47 - ");
    CHECK(details_of({.msgid = "a b\n\x7f\xc3\xa9"}) == "a_b____ - ");
    CHECK(details_of({.structured_data = {{"a@1", {}}, {"b@1", {{"k", "v"}, {"l", ""}}}}}) ==
          "- [a@1][b@1 k=\"v\" l=\"\"] ");
    CHECK(details_of({.structured_data = {{"", {{"", "x"}}}}}) == "- [_ _=\"x\"] ");
    CHECK(details_of({.structured_data = {{"a]b=c\"d e", {}}}}) == "- [a_b_c_d_e] ");
    CHECK(details_of({.structured_data = {{std::string(40, 'n'), {}}}}) ==
          "- [" + std::string(32, 'n') + "] ");
    const auto value = [](const std::string& text) {
        const std::string all = details_of({.structured_data = {{"x", {{"k", text}}}}});
        return all.substr(8, all.size() - 11);
    };
    CHECK(value("\"\\]") == "\\\"\\\\\\]");
    CHECK(value(std::string("\0\n\x7f", 3)) == "#000#012#177");
    for (const char* const valid :
         {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        CHECK(value(valid) == valid);
    const std::string replaced = "\xef\xbf\xbd";
    CHECK(value("\xff") == replaced);
    CHECK(value("\xc3") == replaced);
    CHECK(value("\xc0\xaf") == replaced + replaced);
    CHECK(value("\xed\xa0\x80") == replaced + replaced + replaced);
    CHECK(value("\xf4\x90\x80\x80") == replaced + replaced + replaced + replaced);
    CHECK(value("a\xe2\x82") == "a" + replaced + replaced);
}

TEST_CASE("structured data: an element that does not fit is left out as a whole",
          "[syslog_form][unit]") {
    const SdElement huge{"huge", {{"k", std::string(longest_details, 'x')}}};
    CHECK(details_of({.structured_data = {huge}}) == "- - ");
    CHECK(details_of({.structured_data = {{"a", {}}, huge, {"b", {}}}}) == "- [a][b] ");
    for (std::size_t size = longest_details - 20; size < longest_details; ++size) {
        const std::string all =
            details_of({.structured_data = {{"x", {{"k", std::string(size, 'v')}}}}});
        CHECK((all == "- - " || all == "- [x k=\"" + std::string(size, 'v') + "\"] "));
    }
}

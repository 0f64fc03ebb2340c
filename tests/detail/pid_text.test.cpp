// SPDX-License-Identifier: MIT
#include <daemonkit/detail/pid_text.hpp>

#include "catch.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

using namespace std::string_literals;
using daemonkit::detail::largest_pid;
using daemonkit::detail::parse_pid_text;
using daemonkit::detail::PidText;

static_assert(parse_pid_text("71\n") == 71);
static_assert(!parse_pid_text("71"));

TEST_CASE("PidText: digits and one newline, for every length a pid has", "[detail][unit]") {
    CHECK(PidText(1).view() == "1\n");
    CHECK(PidText(71).view() == "71\n");
    CHECK(PidText(largest_pid).view() == "4194304\n");
    CHECK(PidText(std::numeric_limits<pid_t>::max()).view() == "2147483647\n");
    for (pid_t pid = 1; pid <= largest_pid; pid = pid * 3 + 1)
        CHECK(PidText(pid).view() == std::to_string(pid) + "\n");
}

TEST_CASE("PidText: what is no pid does not become the text of one", "[detail][unit]") {
    for (const pid_t pid : {0, -1, -71, std::numeric_limits<pid_t>::min()})
        CHECK_FALSE(parse_pid_text(PidText(pid).view()));
}

TEST_CASE("parse_pid_text: takes every pid as it is written", "[detail][unit]") {
    for (pid_t pid = 1; pid <= largest_pid; pid = pid < 20'000 ? pid + 1 : pid * 2 - 19'999)
        if (parse_pid_text(PidText(pid).view()) != pid) FAIL("lost: " << pid);
    CHECK(parse_pid_text("4194304\n") == largest_pid);
}

TEST_CASE("parse_pid_text: takes nothing that another parser would read as a pid",
          "[detail][unit]") {
    // 71 stands for a stranger's pid: each of these forms has named one to some program.
    const std::string forms[] = {"",
                                 "\n",
                                 "71",
                                 " 71\n",
                                 "71 \n",
                                 "\t71\n",
                                 "\n71\n",
                                 "71\n\n",
                                 "71\r\n",
                                 "71\n72\n",
                                 "71 72\n",
                                 "+71\n",
                                 "-71\n",
                                 "-1\n",
                                 "0\n",
                                 "00\n",
                                 "071\n",
                                 "0000071\n",
                                 "0x47\n",
                                 "71.0\n",
                                 "7.1e1\n",
                                 "71e0\n",
                                 "71a\n",
                                 "a71\n",
                                 "7 1\n",
                                 "71;\n",
                                 "\"71\"\n",
                                 "71\v\n",
                                 "71\n\0"s,
                                 "71\0\n"s,
                                 "\0"
                                 "71\n"s,
                                 "\xef\xbb\xbf"
                                 "71\n",
                                 "\xd9\xa7\xd9\xa1\n",              // Arabic-Indic digits
                                 "4194305\n",                       // above every pid
                                 "4294967367\n",                    // 2^32 + 71
                                 "18446744073709551687\n",          // 2^64 + 71
                                 "99999999999999999999\n",          // 20 digits
                                 std::string(1 << 20, '7') + "\n",  // 1 MiB of digits
                                 std::string(1 << 20, '0') + "71\n",
                                 "self\n",
                                 "$(id)\n",
                                 "%d\n"};
    for (const auto& form : forms) {
        CAPTURE(form.substr(0, 40), form.size());
        CHECK_FALSE(parse_pid_text(form));
    }
}

TEST_CASE("parse_pid_text: a single byte anywhere that is no digit makes it nothing",
          "[detail][unit]") {
    const std::string pid = "31071\n";
    for (std::size_t at = 0; at < pid.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text = pid;
            text[at] = static_cast<char>(byte);
            const bool is_digit = byte >= '0' && byte <= '9';
            const bool is_last = at + 1 == pid.size();
            const bool is_pid = is_last ? byte == '\n' : is_digit && !(at == 0 && byte == '0');
            if (parse_pid_text(text).has_value() != is_pid) FAIL("byte " << byte << " at " << at);
        }
    }
}

TEST_CASE("parse_pid_text: reads no further than it is told", "[detail][unit]") {
    CHECK(parse_pid_text(std::string_view("71\n72\n").substr(0, 3)) == 71);
    CHECK_FALSE(parse_pid_text(std::string_view("71\n").substr(0, 2)));
}

// SPDX-License-Identifier: MIT
#include <daemonkit/detail/user_database.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;
using daemonkit::detail::find_group;
using daemonkit::detail::find_user;
using daemonkit::detail::groups_of;
using daemonkit::detail::parse_id;
using daemonkit::fault::Repeat;

namespace {

// A root directory with the two databases, asked by a process inside it.
class Databases {
public:
    Databases(const std::string& passwd, const std::string& group) {
        std::filesystem::create_directory(folder_ / "etc");
        write_file(folder_ / "etc/passwd", passwd);
        write_file(folder_ / "etc/group", group);
        ::chmod(folder_.path().c_str(), 0755);
    }
    Finished ask(const std::string& verb) const {
        Finished finished =
            run_program({probe("probe_privileges"), "etc:" + folder_.path().string(), verb});
        INFO(finished.out << finished.err);
        REQUIRE_FALSE(finished.timed_out);
        REQUIRE(finished.signal == 0);
        return finished;
    }

private:
    TempFolder folder_;
};

bool may_not_be_asked(const Finished& finished) {
    const bool is_possible = finished["not_possible"] == "(no not_possible)";
    if (!is_possible) not_tested("a chroot needs root or a user namespace");
    return !is_possible;
}

}  // namespace

TEST_CASE("parse_id: decimal digits that fit, and nothing else", "[detail][unit]") {
    CHECK(parse_id<uid_t>("0") == 0u);
    CHECK(parse_id<uid_t>("65534") == 65534u);
    CHECK(parse_id<uid_t>("4294967294") == 4294967294u);
    CHECK(parse_id<gid_t>("007") == 7u);
    // 2^32-1 means "leave as it is" to the calls that set ids, 2^32 wraps to root.
    for (const auto& text :
         {""s, "-1"s, "4294967295"s, "4294967296"s, "99999999999999999999"s, "+1"s, " 1"s, "1 "s,
          "1\n"s, "0x1"s, "1e3"s, "1.0"s, "root"s, "1\0"s}) {
        CAPTURE(text);
        CHECK_FALSE(parse_id<uid_t>(text));
        CHECK_FALSE(parse_id<gid_t>(text));
    }
}

TEST_CASE("find_user, find_group: by name and by number", "[detail][unit]") {
    const auto root = find_user("root");
    REQUIRE(root);
    CHECK(root->user == 0);
    CHECK(root->primary_group == 0);
    CHECK(root->name == "root");
    CHECK(find_user("0")->name == "root");
    CHECK_FALSE(find_user("no-such-user"));
    CHECK_FALSE(find_user("3999999999"));
    CHECK_FALSE(find_user("root\0"s));

    CHECK(find_group("root") == 0u);
    CHECK(find_group("0") == 0u);
    CHECK(find_group("3999999999") == 3999999999u);  // a number is an id, with or without an entry
    CHECK_FALSE(find_group("no-such-group"));
    CHECK_FALSE(find_group("root\0"s));
}

TEST_CASE("find_user, find_group: a name of digits is a name before it is a number",
          "[detail][process]") {
    const Databases databases("1000:x:2000:2001::/:/bin/sh\nother:x:1000:1001::/:/bin/sh\n",
                              "1001:x:2001:\nother:x:1001:\n");
    const Finished finished = databases.ask("find:1000:1001");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["found_user"] == "1000,2000,2001");
    CHECK(finished["found_group"] == "2001");
    CHECK(databases.ask("find:2000:2002")["found_user"] == "1000,2000,2001");
}

TEST_CASE("find_user, find_group: an entry of any length is read", "[detail][process]") {
    std::string members;
    for (int number = 0; number < 5000; ++number) members += ",member" + std::to_string(number);
    const Databases databases(
        "svc:x:1234:1235:" + std::string(100'000, 'x') + ":/:/bin/sh\nlast:x:5:5::/:/bin/sh\n",
        "big:x:2001:svc" + members + "\nlast:x:2002:svc\n");
    const Finished finished = databases.ask("find:svc:big");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["found_user"] == "svc,1234,1235");
    CHECK(finished["found_group"] == "2001");
    CHECK(databases.ask("find:last:last")["found_group"] == "2002");
    CHECK(databases.ask("groups-of:svc:1235")["found_groups"] == "1235,2001,2002");
}

TEST_CASE("find_group: an entry beyond every measure is an error, not a missing group",
          "[detail][process]") {
    const Databases databases("", "big:x:2001:" + std::string(3 << 20, 'x') + "\n");
    const Finished finished = databases.ask("find::big");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["error"] == "resolve_user");
    CHECK(finished["errno"] == std::to_string(ERANGE));
}

TEST_CASE("find_user, find_group: without databases nobody is found", "[detail][process]") {
    const Databases databases("", "");
    const Finished finished = databases.ask("find:root:root");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["found_user"] == "nobody");
    CHECK(finished["found_group"] == "none");
}

TEST_CASE("find_user, find_group: broken lines are passed over", "[detail][process]") {
    const Databases databases(
        "\n:::::::\nsvc\nsvc:x\nsvc:x:notanumber:1::/:/\n\xff\xfe\n"
        "svc:x:1234:1235::/:/bin/sh",
        "\n\nlogs:x\nlogs:x:-:\n\xff\nlogs:x:2001:");
    const Finished finished = databases.ask("find:svc:logs");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["found_user"] == "svc,1234,1235");
    CHECK(finished["found_group"] == "2001");
}

TEST_CASE("groups_of: as many groups as a process can have, each once, with the given one",
          "[detail][process]") {
    const int count = GENERATE(0, 1, 31, 32, 33, 300);
    std::string groups;
    std::string expected = "7";
    for (int at = 0; at < count; ++at) {
        const std::string number = std::to_string(1000 + at);
        groups += "g" + number + ":x:" + number + ":svc,other\n";
        expected += "," + number;
    }
    const Databases databases("svc:x:1234:7::/:/bin/sh\n", groups);
    const Finished finished = databases.ask("groups-of:svc:7");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["found_groups"] == expected);
}

TEST_CASE("groups_of: more groups than a process can have is an error", "[detail][process]") {
    std::string groups;
    for (int at = 0; at < 140'000; ++at) {
        const std::string number = std::to_string(1000 + at);
        groups += "g" + number + ":x:" + number + ":svc\n";
    }
    const Databases databases("svc:x:1234:7::/:/bin/sh\n", groups);
    const Finished finished = databases.ask("groups-of:svc:7");
    if (may_not_be_asked(finished)) return;
    CHECK(finished["error"] == "resolve_user");
    CHECK(finished["errno"] == std::to_string(EOVERFLOW));
    CHECK(finished["message"].find("too many groups") != std::string::npos);
}

TEST_CASE(
    "find_user, find_group: what a database cannot tell is an error, what it does not have "
    "is nobody",
    "[detail][unit][fault]") {
    const auto ask_user = [](const std::string& name) { return [name] { find_user(name); }; };
    for (const int error : {EIO, EMFILE, ENFILE, ENOMEM, EINTR}) {
        CAPTURE(error);
        for (const auto& [call, name] : {std::pair{"getpwnam_r", "root"}, {"getpwuid_r", "0"}}) {
            const Outcome outcome = with_fault(call, 1, error, Repeat::for_good, ask_user(name));
            REQUIRE(outcome.error);
            CHECK(outcome.error->step() == Step::resolve_user);
            CHECK(outcome.error->subject() == name);
            CHECK(outcome.error->code().value() == error);
            CHECK(outcome.hits <= 64);
        }
        CHECK(
            with_fault("getgrnam_r", 1, error, Repeat::for_good, [] { find_group("root"); }).error);
    }
    for (const int absent : {ENOENT, ESRCH}) {
        const Outcome outcome = with_fault("getgrnam_r", 1, absent, Repeat::for_good,
                                           [] { CHECK_FALSE(find_group("root")); });
        CHECK(outcome.hits == 1);
        CHECK_FALSE(outcome.error);
    }
    CHECK_FALSE(with_fault("getpwnam_r", 1, EINTR, Repeat::once, ask_user("root")).error);
    CHECK_FALSE(with_fault("getpwnam_r", 1, ERANGE, Repeat::once, ask_user("root")).error);
    const Outcome endless = with_fault("getpwnam_r", 1, ERANGE, Repeat::for_good, ask_user("root"));
    REQUIRE(endless.error);
    CHECK(endless.error->code().value() == ERANGE);
    CHECK(endless.hits < 10);
}

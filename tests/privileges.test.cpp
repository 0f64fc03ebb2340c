// SPDX-License-Identifier: MIT
#include <daemonkit/privileges.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "privileges_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;

namespace {

void check_still_there(const Finished& finished, const std::string& what) {
    check_refused(finished, Step::drop_privileges, EPERM);
    CHECK(finished["message"] ==
          "drop_privileges: " + what + ": still there after the drop (Operation not permitted)");
}

std::string three(const std::string& id) { return id + "," + id + "," + id; }

void check_dropped(const Finished& finished, const std::string& user, const std::string& group,
                   const std::string& groups) {
    INFO(finished.out);
    CHECK(finished["applied"] == "yes");
    CHECK(finished["user"] == three(user));
    CHECK(finished["group"] == three(group));
    CHECK(finished["groups"] == groups);
    CHECK(finished["way_back"] == "barred");
}

// A root directory with databases in which `svc` is in two groups besides its own.
class Databases {
public:
    Databases() {
        std::filesystem::create_directory(folder_ / "etc");
        write_file(folder_ / "etc/passwd",
                   "root:x:0:0::/:/bin/sh\n"
                   "svc:x:1234:1235::/:/bin/false\n"
                   "4321:x:1236:1236:a name of digits:/:/bin/false\n");
        write_file(folder_ / "etc/group",
                   "root:x:0:\nsvc:x:1235:\nlogs:x:2001:svc\nweb:x:2002:other,svc\n");
        ::chmod(folder_.path().c_str(), 0755);
    }
    std::string verb() const { return "etc:" + folder_.path().string(); }

private:
    TempFolder folder_;
};

}  // namespace

TEST_CASE("PrivilegeDrop: without a wish nothing is looked up and nothing changes",
          "[privileges][unit]") {
    const PrivilegeDrop drop;
    CHECK_FALSE(drop.changes_ids());
    const uid_t user = ::geteuid();
    drop.apply();
    CHECK(::geteuid() == user);
    CHECK_FALSE(PrivilegeDrop({.supplementary_groups = SupplementaryGroups::none}).changes_ids());
    CHECK(PrivilegeDrop({.user = "root"}).changes_ids());
    CHECK(PrivilegeDrop({.group = "0"}).changes_ids());
}

TEST_CASE("PrivilegeDrop: a name that nobody has is an error before anything has changed",
          "[privileges][unit]") {
    const auto refusal = [](const Privileges& wanted) -> Error {
        try {
            PrivilegeDrop drop(wanted);
        } catch (const Error& error) {
            return error;
        }
        return {Step::application, "nothing was thrown", 0};
    };
    for (const auto& name : {"no-such-name"s, "-1"s, "4294967295"s, "4294967296"s, "+0"s, " 0"s,
                             "0x0"s, "root "s, "root\n"s, "root\0"s, "root\0x"s, "0\0"s}) {
        CAPTURE(name);
        const Error user = refusal({.user = name});
        CHECK(user.step() == Step::resolve_user);
        CHECK(user.subject() == name);
        CHECK(user.code().value() == ENOENT);
        CHECK(user.explanation() == "no such user");
        CHECK(user.exit_status() == 78);
        const Error group = refusal({.group = name});
        CHECK(group.step() == Step::resolve_user);
        CHECK(group.explanation() == "no such group");
    }
    const Error groupless = refusal({.user = "3999999999"});
    CHECK(groupless.step() == Step::resolve_user);
    CHECK(groupless.explanation() == "a user id without an entry needs the group to be given");
}

// -- as root ----------------------------------------------------------------------------------------------------------

TEST_CASE("PrivilegeDrop: a user by name has its primary group and no way back",
          "[privileges][root]") {
    check_dropped(run_privileges({"resolve:nobody", "apply", "look"}), nobody, nobody, nobody);
}

TEST_CASE("PrivilegeDrop: a user by number, with an entry or with a group", "[privileges][root]") {
    check_dropped(run_privileges({"resolve:65534", "apply", "look"}), nobody, nobody, nobody);
    check_dropped(run_privileges({"resolve:54321:54322", "apply", "look"}), "54321", "54322",
                  "54322");
    check_dropped(run_privileges({"resolve:nobody:54322", "apply", "look"}), nobody, "54322",
                  "54322");
}

TEST_CASE("PrivilegeDrop: root's supplementary groups do not stay", "[privileges][root]") {
    const std::string wanted = GENERATE("resolve:nobody", "resolve:nobody::none",
                                        "resolve:65534:65534", "resolve:nobody:nogroup");
    check_dropped(run_privileges({"groups:0,4,6,27", wanted, "apply", "look"}), nobody, nobody,
                  nobody);
}

TEST_CASE("PrivilegeDrop: a group alone leaves the user as it is", "[privileges][root]") {
    const Finished finished =
        run_privileges({"groups:0,4,27", "resolve::nogroup", "apply", "look"});
    CHECK(finished["applied"] == "yes");
    CHECK(finished["user"] == "0,0,0");
    CHECK(finished["group"] == three(nobody));
    CHECK(finished["groups"] == nobody);
}

TEST_CASE("PrivilegeDrop: the groups that the database gives the user, or none of them",
          "[privileges][root]") {
    const Databases databases;
    const auto drop = [&](const std::string& wanted) {
        return run_privileges(
            {"groups:0,4", databases.verb(), "resolve:" + wanted, "apply", "look"});
    };
    check_dropped(drop("svc"), "1234", "1235", "1235,2001,2002");
    check_dropped(drop("1234"), "1234", "1235", "1235,2001,2002");
    check_dropped(drop("svc::none"), "1234", "1235", "1235");
    check_dropped(drop("svc:logs"), "1234", "2001", "2001,2002");
    check_dropped(drop("svc:logs:none"), "1234", "2001", "2001");
    check_dropped(drop("svc:9999"), "1234", "9999", "2001,2002,9999");
}

TEST_CASE("PrivilegeDrop: what was resolved is applied where no database can be read any more",
          "[privileges][root]") {
    const Databases databases;
    const TempFolder empty;
    REQUIRE(::chmod(empty.path().c_str(), 0755) == 0);
    check_dropped(run_privileges({databases.verb(), "resolve:svc", "etc:/etc", "apply", "look"}),
                  "1234", "1235", "1235,2001,2002");
}

TEST_CASE("PrivilegeDrop: root that stays root loses the groups it was not to have",
          "[privileges][root]") {
    const Finished finished =
        run_privileges({"groups:4,27", "resolve:root::none", "apply", "look"});
    CHECK(finished["applied"] == "yes");
    CHECK(finished["user"] == "0,0,0");
    CHECK(finished["groups"] == "0");
}

TEST_CASE("PrivilegeDrop: a second drop to the same user changes nothing", "[privileges][root]") {
    check_dropped(run_privileges({"resolve:nobody", "apply", "apply", "look"}), nobody, nobody,
                  nobody);
}

TEST_CASE("PrivilegeDrop: capabilities that survive a drop are found, raised or not",
          "[privileges][root]") {
    SECTION("kept, to be raised later") {
        check_still_there(run_privileges({"keep-caps", "resolve:nobody", "apply"}),
                          "the capability to change ids");
    }
    SECTION("kept and raised") {
        check_still_there(run_privileges({"no-setuid-fixup", "resolve:nobody", "apply"}),
                          "the capability to change ids");
    }
    SECTION("of an ordinary user that has them already") {
        check_still_there(run_privileges({"groups:", "no-setuid-fixup", "ids:65534:65534",
                                          "resolve:65534:65534:none", "apply"}),
                          "the capability to change ids");
    }
}

TEST_CASE("PrivilegeDrop: a call that says it worked and did nothing is found out",
          "[privileges][root]") {
    const auto [call, left] =
        GENERATE(table<const char*, const char*>({{"setgroups", "old supplementary groups"},
                                                  {"setresgid", "old group"},
                                                  {"setresuid", "old user"}}));
    check_still_there(run_privileges({"groups:0,4", "resolve:nobody", "lie:"s + call, "apply"}),
                      left);
}

// -- as an ordinary user ----------------------------------------------------------------------------------------------

namespace {

std::string own_ids() {
    return ::geteuid() == 0 ? nobody + ":" + nobody
                            : std::to_string(::geteuid()) + ":" + std::to_string(::getegid());
}

bool has_other_groups() {
    std::vector<gid_t> groups(70'000);
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    return ::geteuid() != 0 && (count > 1 || (count == 1 && groups[0] != ::getegid()));
}

}  // namespace

TEST_CASE("PrivilegeDrop: an ordinary user that is already the wanted one may stay it",
          "[privileges][process]") {
    if (has_other_groups()) return not_tested("this user is in more groups than its own");
    const Finished finished =
        run_privileges(as_ordinary_user({"resolve:" + own_ids() + ":none", "apply", "look"}));
    INFO(finished.out);
    CHECK(finished["applies"] == "yes");
    CHECK(finished["applied"] == "yes");
    CHECK(finished["way_back"] == "barred");
}

TEST_CASE("PrivilegeDrop: an ordinary user cannot become another, and is not left half changed",
          "[privileges][process]") {
    const std::string wanted = GENERATE("root", "0:0", "54321:54321", "root::none", ":0");
    const Finished finished =
        run_privileges(as_ordinary_user({"look", "resolve:" + wanted, "apply", "look"}));
    check_refused(finished, Step::drop_privileges, EPERM);
    const auto refused = finished.out.find("error=");
    const auto before = finished.out.substr(0, finished.out.find("applies="));
    CHECK(finished.out.find(before, refused) != std::string::npos);
}

TEST_CASE("PrivilegeDrop: an ordinary user cannot get rid of a group, and is refused",
          "[privileges][root]") {
    const Finished finished =
        run_privileges({"groups:4", "ids:65534:65534", "resolve:65534:65534:none", "apply"});
    check_refused(finished, Step::drop_privileges, EPERM);
    CHECK(finished["message"].find("supplementary groups") != std::string::npos);
}

// -- in a user namespace ----------------------------------------------------------------------------------------------

TEST_CASE("PrivilegeDrop: where setgroups is denied, groups that are right already stay",
          "[privileges][process]") {
    if (has_other_groups()) return not_tested("this user is in more groups than its own");
    std::vector<std::string> verbs{"namespace:0:0", "resolve:0:0:none", "apply"};
    if (::geteuid() == 0) verbs.insert(verbs.begin(), GENERATE("groups:", "groups:0"));
    const Finished finished = run_privileges(verbs);
    if (!was_possible(finished)) return not_tested("this user may not make a user namespace");
    INFO(finished.out);
    CHECK(finished["applied"] == "yes");
}

TEST_CASE("PrivilegeDrop: where setgroups is denied, a change of groups is refused",
          "[privileges][root]") {
    const Finished finished =
        run_privileges({"groups:4", "namespace:0:0", "resolve:0:0:none", "apply"});
    if (!was_possible(finished)) return not_tested("this user may not make a user namespace");
    check_refused(finished, Step::drop_privileges, EPERM);
}

TEST_CASE("PrivilegeDrop: a user that the namespace does not have is refused",
          "[privileges][process]") {
    if (has_other_groups()) return not_tested("this user is in more groups than its own");
    std::vector<std::string> verbs{"namespace:0:0", "resolve:54321:0:none", "apply"};
    if (::geteuid() == 0) verbs.insert(verbs.begin(), "groups:");
    const Finished finished = run_privileges(verbs);
    if (!was_possible(finished)) return not_tested("this user may not make a user namespace");
    check_refused(finished, Step::drop_privileges, EINVAL);
    CHECK(finished["message"].find("user 54321") != std::string::npos);
}

// -- every call fails -------------------------------------------------------------------------------------------------

TEST_CASE("PrivilegeDrop: whichever call fails, the drop is complete or refused",
          "[privileges][root][fault]") {
    const auto error = GENERATE(EPERM, EAGAIN, EINVAL, EIO, EINTR);
    const std::string sticky = GENERATE("", ":sticky");
    CAPTURE(error, sticky);
    int refused = 0;
    int call = 1;
    for (;; ++call) {
        const TempFolder folder;
        const std::string plan = "any:" + std::to_string(call) + ":" + std::to_string(error);
        const Finished finished = run_privileges(
            {"groups:0,4", "resolve:nobody", "apply", "look"},
            {{"DAEMONKIT_FAULT", plan + sticky}, {"DAEMONKIT_FAULT_COUNT", folder / "calls"}});
        INFO(finished.out);
        CAPTURE(call);
        if (finished["applied"] == "yes") {
            check_dropped(finished, nobody, nobody, nobody);
        } else {
            ++refused;
            CHECK((finished["error"] == "resolve_user" || finished["error"] == "drop_privileges"));
            CHECK(finished["errno"] != "0");
            CHECK(finished.exit_status != 0);
        }
        if (lines_of(folder / "calls") < call) break;
    }
    CHECK(call > 12);
    CHECK(refused > 6);
}

TEST_CASE("PrivilegeDrop: a call that fails names its step", "[privileges][root][fault]") {
    struct Row {
        const char* call;
        int error;
        const char* message;
    };
    const auto row = GENERATE(values<Row>({
        {"getpwnam_r:1", EIO, "resolve_user: nobody: Input/output error"},
        {"getpwnam_r:1", EMFILE, "resolve_user: nobody: Too many open files"},
        {"getpwnam_r:1", ENOENT, "resolve_user: nobody: no such user (No such file or directory)"},
        {"setgroups:1", EPERM, "drop_privileges: supplementary groups: Operation not permitted"},
        {"setgroups:1", EINVAL, "drop_privileges: supplementary groups: Invalid argument"},
        {"setresgid:1", EPERM, "drop_privileges: group 65534: Operation not permitted"},
        {"setresuid:1", EAGAIN, "drop_privileges: user 65534: Resource temporarily unavailable"},
        {"getgroups:1", EIO, "drop_privileges: supplementary groups: Input/output error"},
        {"capget:1", EINVAL, "drop_privileges: capabilities: Invalid argument"},
    }));
    CAPTURE(row.call, row.error);
    const Finished finished = run_privileges(
        {"groups:0,4", "resolve:nobody", "apply"},
        {{"DAEMONKIT_FAULT", std::string(row.call) + ":" + std::to_string(row.error)}});
    CHECK(finished["message"] == row.message);
    CHECK(finished["applied"] == "(no applied)");
}

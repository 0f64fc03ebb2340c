// SPDX-License-Identifier: MIT
// Capabilities, no_new_privs, Landlock and seccomp: what the kernel shows, what still works, and what does not.
#include <daemonkit/privileges.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "privileges_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstring>  // std::strerror
#include <filesystem>
#include <string>
#include <vector>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;

namespace {

using Words = std::vector<std::string>;

Words operator+(Words first, const Words& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
}

const std::string no_capability = "0000000000000000";
const std::string may_bind = "0000000000000400";  // CAP_NET_BIND_SERVICE alone
const Words want_may_bind{"want:capability:" + std::to_string(CAP_NET_BIND_SERVICE)};

// The capabilities of a process that were kept, and no other anywhere.
void check_capabilities(const Finished& finished, const std::string& kept) {
    INFO(finished.out);
    CHECK(finished["CapPrm"] == kept);
    CHECK(finished["CapEff"] == kept);
    CHECK(finished["CapBnd"] == kept);
    CHECK(finished["CapInh"] == no_capability);
    CHECK(finished["CapAmb"] == no_capability);
}

std::string refusal(const Privileges& wanted) {
    try {
        const PrivilegeDrop drop(wanted);
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

// -- capabilities -----------------------------------------------------------------------------------------------------

TEST_CASE("PrivilegeDrop: the capabilities that are kept work, and all others are gone",
          "[privileges][root]") {
    const TempFolder folder;
    ::chmod(folder.path().c_str(), 0755);
    write_file(folder / "file", "");
    const std::string user = GENERATE("nobody", "54321:54322", ":54322", "");
    CAPTURE(user);
    const Words asked = want_may_bind + Words{"resolve:" + user};
    const Finished finished = run_privileges(
        Words{"net", "groups:0,4"} + asked +
        Words{"apply", "status", "try:bind:80", "try:give-away:" + (folder / "file")});
    if (!was_possible(finished)) return not_tested("no network of its own");
    INFO(finished.out);
    CHECK(finished["applied"] == "yes");
    check_capabilities(finished, may_bind);
    CHECK(finished["bind:80"] == "yes");
    CHECK(finished["give-away:" + (folder / "file")] == std::to_string(EPERM));
}

TEST_CASE("PrivilegeDrop: without a list the change of user takes every capability",
          "[privileges][root]") {
    const Finished finished =
        run_privileges({"net", "resolve:nobody", "apply", "status", "try:bind:80"});
    if (!was_possible(finished)) return not_tested("no network of its own");
    CHECK(finished["CapPrm"] == no_capability);
    CHECK(finished["CapEff"] == no_capability);
    CHECK(finished["bind:80"] == std::to_string(EACCES));
}

TEST_CASE("PrivilegeDrop: with an empty list nothing is left, not even for root",
          "[privileges][root]") {
    const std::string user = GENERATE("nobody", "");
    const Finished finished =
        run_privileges({"want:capability:none", "resolve:" + user, "apply", "status"});
    CHECK(finished["applied"] == "yes");
    check_capabilities(finished, no_capability);
}

TEST_CASE("PrivilegeDrop: a program that root executes after the drop has the kept ones at most",
          "[privileges][root]") {
    const Finished finished =
        run_privileges(want_may_bind + Words{"resolve:", "apply",
                                             "execute:" + probe("probe_privileges") + ":status"});
    INFO(finished.out);
    CHECK(finished["CapPrm"] == may_bind);
    CHECK(finished["CapBnd"] == may_bind);
}

TEST_CASE("PrivilegeDrop: a capability that is not there cannot be kept, and is refused at once",
          "[privileges][root]") {
    const std::string lost = std::to_string(CAP_CHOWN);
    const Finished finished = run_privileges(
        {"lose:" + lost, "want:capability:" + lost, "resolve:nobody", "apply", "look"});
    check_refused(finished, Step::drop_privileges, EPERM);
    CHECK(finished["applies"] == "(no applies)");
    CHECK(finished["message"] == "drop_privileges: capability " + lost +
                                     ": this process does not have it, so that it cannot be kept "
                                     "(Operation not permitted)");
    CHECK(finished["user"] == "0,0,0");
}

TEST_CASE("PrivilegeDrop: a capset that says it worked and did nothing is found out",
          "[privileges][root]") {
    const std::string user = GENERATE("nobody", "");
    const Finished finished =
        run_privileges(want_may_bind + Words{"resolve:" + user, "lie:capset", "apply"});
    check_refused(finished, Step::drop_privileges, EPERM);
    CHECK(finished["message"].find("others are there after the drop") != std::string::npos);
}

TEST_CASE("PrivilegeDrop: who may not narrow the bounding set is told so", "[privileges][root]") {
    const Words without{"lose:" + std::to_string(CAP_SETPCAP)};
    const Finished finished =
        run_privileges(without + want_may_bind + Words{"resolve:nobody", "apply"});
    check_refused(finished, Step::drop_privileges, EPERM);
    CHECK(finished["message"].find("start as root") != std::string::npos);
    // What is narrow already need not be narrowed.
    const Words narrow = want_may_bind + Words{"resolve:", "apply"};
    const Finished again = run_privileges(narrow + Words{"resolve:nobody", "apply", "status"});
    INFO(again.out);
    CHECK(again["error"] ==
          "drop_privileges");  // CAP_SETGID is gone: a user cannot be changed any more
    const Finished same = run_privileges(narrow + Words{"resolve:", "apply", "status"});
    CHECK(same["error"] == "(no error)");
    check_capabilities(same, may_bind);
}

TEST_CASE("PrivilegeDrop: capabilities that make a drop one in name only are refused",
          "[privileges][unit]") {
    for (const int capability : {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_SYS_ADMIN}) {
        CHECK(refusal({.capabilities = std::vector<int>{capability}}) ==
              "validate_options: privileges.capabilities: with capability " +
                  std::to_string(capability) +
                  " the old rights are one call away (Invalid argument)");
    }
    for (const int capability : {-1, 64, 1 << 30}) {
        CHECK(refusal({.capabilities = std::vector<int>{capability}})
                  .find("there is no capability " + std::to_string(capability)) !=
              std::string::npos);
    }
    CHECK(refusal({.capabilities = std::vector<int>{63}}).find("does not have it") !=
          std::string::npos);
    CHECK(refusal({.capabilities = std::vector<int>{}}) == "accepted");
}

TEST_CASE("PrivilegeDrop: whichever call fails, no capability is left that was to go",
          "[privileges][root][fault]") {
    const auto error = GENERATE(EPERM, EINVAL);
    const std::string sticky = GENERATE("", ":sticky");
    CAPTURE(error, sticky);
    int refused = 0;
    for (int call = 1;; ++call) {
        const TempFolder folder;
        const std::string plan = "any:" + std::to_string(call) + ":" + std::to_string(error);
        const Finished finished = run_privileges(
            want_may_bind +
                Words{"want:new-privileges:forbidden", "resolve:nobody", "apply", "status"},
            {{"DAEMONKIT_FAULT", plan + sticky}, {"DAEMONKIT_FAULT_COUNT", folder / "calls"}});
        CAPTURE(call);
        if (finished["applied"] == "yes") {
            check_capabilities(finished, may_bind);
            CHECK(finished["NoNewPrivs"] == "1");
        } else {
            ++refused;
            CHECK((finished["error"] == "resolve_user" || finished["error"] == "drop_privileges"));
            CHECK((finished.exit_status == 77 || finished.exit_status == 78));
        }
        if (lines_of(folder / "calls") < call) break;
    }
    CHECK(refused > 40);
}

// -- no_new_privs -----------------------------------------------------------------------------------------------------

TEST_CASE("PrivilegeDrop: where new privileges are forbidden, the kernel says so",
          "[privileges][process]") {
    const Finished with =
        run_privileges({"want:new-privileges:forbidden", "resolve:", "apply", "status"});
    CHECK(with["NoNewPrivs"] == "1");
    const Finished without = run_privileges({"resolve:", "apply", "status"});
    CHECK(without["NoNewPrivs"] == std::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
    const Finished refused =
        run_privileges({"want:new-privileges:forbidden", "resolve:", "apply"},
                       {{"DAEMONKIT_FAULT", "prctl:1:" + std::to_string(EINVAL)}});
    check_refused(refused, Step::drop_privileges, EINVAL);
    CHECK(refused["message"] == "drop_privileges: no_new_privs: Invalid argument");
}

TEST_CASE("PrivilegeDrop: where new privileges are forbidden, a setuid program gives nothing",
          "[privileges][root]") {
    const TempFolder folder;
    ::chmod(folder.path().c_str(), 0755);
    struct ::statvfs system {};
    REQUIRE(::statvfs(folder.path().c_str(), &system) == 0);
    if ((system.f_flag & ST_NOSUID) != 0) return not_tested("no setuid programs in this folder");
    const std::string program = folder / "program";
    std::filesystem::copy_file(probe("probe_privileges"), program);
    REQUIRE(::chmod(program.c_str(), 04755) == 0);
    const Words execute{"resolve:nobody", "apply", "execute:" + program + ":look"};
    CHECK(run_privileges(execute)["user"] == "65534,0,0");
    CHECK(run_privileges(Words{"want:new-privileges:forbidden"} + execute)["user"] ==
          "65534,65534,65534");
}

// -- Landlock ---------------------------------------------------------------------------------------------------------

namespace {

long landlock_version() {
    constexpr long create_ruleset = 444;
    return ::syscall(create_ruleset, nullptr, 0UL, 1U);
}

bool has_landlock() {
    constexpr long whole = 3;
    if (landlock_version() >= whole) return true;
    not_tested("this kernel has no Landlock, or an old one");
    return false;
}

// Four folders, a file in each, of which the last is in no rule.
class Folders {
public:
    Folders() {
        for (const char* name : {"read", "read_write", "execute", "other"}) {
            std::filesystem::create_directory(folder_ / name);
            write_file(folder_ / name + "/file", "no program");
            ::chmod((folder_ / name + "/file").c_str(), 0777);
            ::chmod((folder_ / name).c_str(), 0777);
        }
        ::chmod(folder_.path().c_str(), 0755);
    }
    std::string operator/(const std::string& name) const { return folder_ / name; }
    Words rules() const {
        return {"want:read:" + (folder_ / "read"), "want:read_write:" + (folder_ / "read_write"),
                "want:execute:" + (folder_ / "execute")};
    }

private:
    TempFolder folder_;
};

const Words forbid_new_privileges{"want:new-privileges:forbidden"};
const Words resolve_and_confine{"resolve:", "apply", "confine"};

void check_confine_refused(const Finished& finished, int error, const std::string& message) {
    INFO(finished.out);
    CHECK(finished["confined"] == "(no confined)");
    CHECK(finished["error"] == "confine");
    CHECK(finished["errno"] == std::to_string(error));
    CHECK(finished["message"].find(message) != std::string::npos);
    CHECK(finished.exit_status == 71);
}

}  // namespace

TEST_CASE(
    "PrivilegeDrop: below a path that may be used, what its rule says works, and elsewhere nothing",
    "[privileges][process]") {
    if (!has_landlock()) return;
    const Folders folders;
    struct Row {
        std::string what;
        bool in_read, in_read_write, in_execute;
    };
    // In this order: what comes last changes the file.
    const std::vector<Row> rows{
        {"list:", true, true, true},          {"read:/file", true, true, true},
        {"write:/file", false, true, false},  {"execute:/file", false, false, true},
        {"create:/new", false, true, false},  {"truncate:/file", false, true, false},
        {"remove:/file", false, true, false},
    };
    Words verbs = forbid_new_privileges + folders.rules() + resolve_and_confine;
    const auto at = [&](const Row& row, const std::string& folder) {
        const auto colon = row.what.find(':') + 1;
        return row.what.substr(0, colon) + (folders / folder) + row.what.substr(colon);
    };
    for (const Row& row : rows)
        for (const char* folder : {"read", "read_write", "execute", "other"})
            verbs.push_back("try:" + at(row, folder));
    const bool is_ordinary_user = GENERATE(true, false);
    const Finished finished = run_privileges(is_ordinary_user ? as_ordinary_user(verbs) : verbs);
    INFO(finished.out);
    CHECK(finished["confined"] == "yes");
    CHECK(finished["unconfined"] == "");
    for (const Row& row : rows) {
        const std::string works =
            row.what == "execute:/file" ? std::to_string(ENOEXEC) : "yes";  // it is no program
        const auto expected = [&](bool allowed) {
            return allowed ? works : std::to_string(EACCES);
        };
        CAPTURE(row.what);
        CHECK(finished[at(row, "read")] == expected(row.in_read));
        CHECK(finished[at(row, "read_write")] == expected(row.in_read_write));
        CHECK(finished[at(row, "execute")] == expected(row.in_execute));
        CHECK(finished[at(row, "other")] == expected(false));
    }
}

TEST_CASE("PrivilegeDrop: a rule may be for a file, and no rule at all leaves nothing",
          "[privileges][process]") {
    if (!has_landlock()) return;
    const Folders folders;
    const std::string file = folders / "read/file";
    const std::string access = GENERATE("read", "read_write", "execute");
    const Finished one = run_privileges(
        forbid_new_privileges + Words{"want:" + access + ":" + file} + resolve_and_confine +
        Words{"try:read:" + file, "try:list:" + (folders / "read")});
    INFO(one.out);
    CHECK(one["confined"] == "yes");
    CHECK(one["read:" + file] == "yes");
    CHECK(one["list:" + (folders / "read")] == std::to_string(EACCES));
}

TEST_CASE("PrivilegeDrop: a path that is not there ends the start, however good the effort",
          "[privileges][process]") {
    if (!has_landlock()) return;
    const Words effort = GENERATE(Words{}, Words{"want:confinement:best"});
    const Finished finished = run_privileges(
        effort + forbid_new_privileges + Words{"want:read:/nowhere/at/all"} + resolve_and_confine);
    check_confine_refused(finished, ENOENT, "confine: /nowhere/at/all: No such file or directory");
}

TEST_CASE("PrivilegeDrop: an ordinary user is told that Landlock and seccomp need no_new_privs",
          "[privileges][process]") {
    if (!has_landlock()) return;
    const Words effort = GENERATE(Words{}, Words{"want:confinement:best"});
    check_confine_refused(
        run_privileges(as_ordinary_user(effort + Words{"want:read:/"} + resolve_and_confine)),
        EPERM, "Landlock: without root it needs no_new_privs");
    check_confine_refused(
        run_privileges(as_ordinary_user(effort + Words{"want:forbid:1"} + resolve_and_confine)),
        EACCES, "seccomp: without root it needs no_new_privs");
}

TEST_CASE("PrivilegeDrop: without Landlock the start fails, or goes on and says so",
          "[privileges][process][fault]") {
    if (!has_landlock()) return;
    const std::string call = GENERATE("landlock_create_ruleset:1", "landlock_create_ruleset:2",
                                      "landlock_add_rule:1", "landlock_restrict_self:1");
    const int error = GENERATE(ENOSYS, EOPNOTSUPP, EINVAL, EIO, ENOMEM);
    const bool is_lacking = error == ENOSYS || error == EOPNOTSUPP;
    CAPTURE(call, error);
    const auto confine = [&](const Words& effort) {
        return run_privileges(effort + forbid_new_privileges + Words{"want:read:/usr"} +
                                  resolve_and_confine + Words{"try:list:/etc"},
                              {{"DAEMONKIT_FAULT", call + ":" + std::to_string(error)}});
    };
    check_confine_refused(confine({}), error, "");
    const Finished best = confine({"want:confinement:best"});
    if (!is_lacking) return check_confine_refused(best, error, "");
    CHECK(best["confined"] == "yes");
    CHECK(best["list:/etc"] == "yes");
    CHECK(best["unconfined"].find(std::strerror(error)) != std::string::npos);
}

TEST_CASE("PrivilegeDrop: a Landlock too old for its rules is refused, or used as far as it goes",
          "[privileges][process]") {
    if (!has_landlock()) return;
    const Folders folders;
    const auto confine = [&](const Words& more, int abi) {
        return run_privileges(more + Words{"landlock:" + std::to_string(abi)} + folders.rules() +
                              resolve_and_confine +
                              Words{"try:list:" + (folders / "other"),
                                    "try:write:" + (folders / "read/file"),
                                    "try:truncate:" + (folders / "read/file")});
    };
    const int abi = GENERATE(1, 2);
    const Finished required = confine({}, abi);
    if (!was_possible(required)) return not_tested("calls of the probe cannot be answered");
    check_confine_refused(required, EOPNOTSUPP,
                          "Landlock: this kernel's cannot keep files from being truncated");
    const Finished best = confine({"want:confinement:best"}, abi);
    INFO(best.out);
    CHECK(best["confined"] == "yes");
    CHECK(best["unconfined"].find("cannot keep files from being truncated") != std::string::npos);
    CHECK(best["list:" + (folders / "other")] == std::to_string(EACCES));
    CHECK(best["write:" + (folders / "read/file")] == std::to_string(EACCES));
    CHECK(best["truncate:" + (folders / "read/file")] == "yes");
    const Finished whole = confine({}, 3);
    CHECK(whole["confined"] == "yes");
    CHECK(whole["truncate:" + (folders / "read/file")] == std::to_string(EACCES));
}

// -- seccomp ----------------------------------------------------------------------------------------------------------

namespace {

const Words forbid_personality{"want:forbid:" + std::to_string(SYS_personality)};

}  // namespace

TEST_CASE("PrivilegeDrop: a forbidden call fails with EPERM, in programs that are started, too",
          "[privileges][process]") {
    const Words verbs = forbid_new_privileges + forbid_personality +
                        Words{"want:forbid:" + std::to_string(SYS_reboot),
                              "resolve:",
                              "apply",
                              "try:personality:before",
                              "confine",
                              "try:personality:after",
                              "status",
                              "execute:" + probe("probe_privileges") + ":try:personality:started"};
    const Finished finished = run_privileges(verbs);
    INFO(finished.out);
    CHECK(finished["confined"] == "yes");
    CHECK(finished["Seccomp"] == "2");
    CHECK(finished["personality:before"] == "yes");
    CHECK(finished["personality:after"] == std::to_string(EPERM));
    CHECK(finished["personality:started"] == std::to_string(EPERM));
}

TEST_CASE("PrivilegeDrop: a filter cannot be got around by the numbers of another architecture",
          "[privileges][process]") {
#if defined(__x86_64__)
    const auto with = [](const Words& last) {
        return run_program(Words{probe("probe_privileges")} + forbid_new_privileges +
                           forbid_personality + resolve_and_confine + last);
    };
    const std::string x32 = std::to_string(0x40000000L + SYS_getpid);
    CHECK(with({"try:call:" + x32})["call:" + x32] == std::to_string(EPERM));
    if (run_program({probe("probe_privileges"), "try:32-bit:"})["32-bit:"] != "yes")
        return not_tested("this kernel makes no 32-bit calls");
    CHECK(with({"try:32-bit:"})["32-bit:"] == std::to_string(EPERM));
#else
    not_tested("a call for another architecture");
#endif
}

TEST_CASE("PrivilegeDrop: without seccomp the start fails, or goes on and says so",
          "[privileges][process][fault]") {
    const int error = GENERATE(ENOSYS, EINVAL, EACCES, EIO);
    const bool is_lacking = error == ENOSYS || error == EINVAL;
    CAPTURE(error);
    const auto confine = [&](const Words& effort) {
        return run_privileges(effort + forbid_new_privileges + forbid_personality +
                                  resolve_and_confine + Words{"try:personality:"},
                              {{"DAEMONKIT_FAULT", "prctl:2:" + std::to_string(error)}});
    };
    check_confine_refused(confine({}), error, "confine: seccomp: ");
    const Finished best = confine({"want:confinement:best"});
    if (!is_lacking) return check_confine_refused(best, error, "confine: seccomp: ");
    CHECK(best["confined"] == "yes");
    CHECK(best["personality:"] == "yes");
    CHECK(best["unconfined"] == "confine: seccomp: "s + std::strerror(error));
}

TEST_CASE("PrivilegeDrop: a confinement that cannot be meant is refused before anything happens",
          "[privileges][unit]") {
    const std::string calls = "validate_options: privileges.forbidden_system_calls: ";
    CHECK(refusal({.forbidden_system_calls = {-1}}) ==
          calls + "there is no system call -1 (Invalid argument)");
    CHECK(refusal({.forbidden_system_calls = {0x40000000}}).find(calls + "there is no system") ==
          0);
    CHECK(refusal({.forbidden_system_calls = std::vector<long>(2001)}) ==
          calls + "a filter has room for 2000 (Argument list too long)");
    CHECK(refusal({.forbidden_system_calls = std::vector<long>(2000)}) == "accepted");
    const std::string paths = "validate_options: privileges.paths: ";
    CHECK(refusal({.paths = std::vector<PathRule>{{""}}}).find(paths) == 0);
    CHECK(refusal({.paths = std::vector<PathRule>{{"/a\0b"s}}}).find(paths) == 0);
    CHECK(refusal({.paths = std::vector<PathRule>{}}) == "accepted");
}

TEST_CASE("PrivilegeDrop: a filter of two thousand calls is in force to the last",
          "[privileges][process]") {
    const Finished finished =
        run_privileges(forbid_new_privileges + Words{"want:forbid:" + std::to_string(SYS_reboot)} +
                       Words{"want:forbid:" + std::to_string(SYS_reboot) + "x1998"} +
                       forbid_personality + resolve_and_confine + Words{"try:personality:"});
    INFO(finished.out);
    CHECK(finished["confined"] == "yes");
    CHECK(finished["personality:"] == std::to_string(EPERM));
}

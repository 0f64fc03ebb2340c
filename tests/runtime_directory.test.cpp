// SPDX-License-Identifier: MIT
#include <daemonkit/runtime_directory.hpp>

#include "catch.hpp"
#include "directory_probe.hpp"
#include "process_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;
namespace fs = std::filesystem;

TEST_CASE("runtime_directory: a name that could lead elsewhere is refused",
          "[runtime_directory][unit]") {
    for (const std::string& name :
         {""s, "."s, ".."s, ".hidden"s, "a/b"s, "/run/x"s, "../x"s, "a:b"s, "a b"s, "a\nb"s,
          "a\0b"s, "\x7f"s, std::string(65, 'x')}) {
        CAPTURE(name);
        try {
            runtime_directory(name);
            FAIL("accepted");
        } catch (const Error& error) {
            CHECK(error.step() == Step::runtime_directory);
            CHECK(error.code().value() == EINVAL);
            CHECK(error.exit_status() == 78);
        }
    }
}

TEST_CASE("runtime_directory: a user has it in XDG_RUNTIME_DIR, for nobody else",
          "[runtime_directory][process]") {
    const UserFolder folder;
    const std::string umask = GENERATE("umask:0000", "umask:0777");
    CAPTURE(umask);
    const Finished finished = ask_directory(
        as_user({folder.variable(), umask, "directory:thermod", "directory:thermod"}));
    INFO(finished.out);
    CHECK(finished.out == "directory=" + (folder / "thermod") +
                              "\ndirectory=" + (folder / "thermod") + "\nend=reached\n");
    CHECK(mode_of(folder / "thermod") == 0700);
}

TEST_CASE("runtime_directory: a slash at the end of XDG_RUNTIME_DIR is one too many",
          "[runtime_directory][process]") {
    const UserFolder folder;
    CHECK(ask_directory(as_user({folder.variable() + "//", "directory:x"}))["directory"] ==
          folder / "x");
}

TEST_CASE("runtime_directory: a user without XDG_RUNTIME_DIR is told what to do",
          "[runtime_directory][process]") {
    const auto value = GENERATE("", "variable:XDG_RUNTIME_DIR:");
    std::vector<std::string> verbs{"directory:thermod"};
    if (*value != '\0') verbs.insert(verbs.begin(), value);
    const Finished finished = ask_directory(as_user(verbs));
    CHECK(finished["directory"] == "(no directory)");
    CHECK(finished["errno"] == std::to_string(ENOENT));
    CHECK(finished["status"] == "78");
    CHECK(finished["message"].find("$XDG_RUNTIME_DIR, which is not set") != std::string::npos);
}

TEST_CASE("runtime_directory: a folder that is not this user's alone is refused",
          "[runtime_directory][process]") {
    const UserFolder folder;
    // What is wrong, with the folder as @; what the message says, and the errno.
    using Row = std::tuple<std::vector<std::string>, std::string, int>;
    const auto [verbs, words, number] = GENERATE(values<Row>({
        {{"variable:XDG_RUNTIME_DIR:relative"}, "has to be absolute", EINVAL},
        {{"variable:XDG_RUNTIME_DIR:@/missing"}, "/missing: No such file", ENOENT},
        {{"make:@/open:0755", "variable:XDG_RUNTIME_DIR:@/open"}, "chmod 0700", EPERM},
        {{"file:@/file", "variable:XDG_RUNTIME_DIR:@/file"}, "no symbolic link", ENOTDIR},
        {{"make:@/own:0700", "link:@/own:@/link", "variable:XDG_RUNTIME_DIR:@/link"},
         "no symbolic link",
         ENOTDIR},
        {{"make:@/x:0777"}, "other users can write to it", EPERM},
        {{"make:@/x:0720"}, "other users can write to it", EPERM},
        {{"file:@/x"}, "no symbolic link", ENOTDIR},
        {{"link:/tmp:@/x"}, "no symbolic link", ENOTDIR},
        {{"link:/missing:@/x"}, "no symbolic link", ENOTDIR},
    }));
    CAPTURE(verbs);
    std::vector<std::string> all{folder.variable()};
    for (std::string verb : verbs) {
        for (auto at = verb.find('@'); at != std::string::npos; at = verb.find('@'))
            verb.replace(at, 1, folder.path().string());
        all.push_back(verb);
    }
    all.emplace_back("directory:x");
    const Finished finished = ask_directory(as_user(all));
    CHECK(finished["directory"] == "(no directory)");
    CHECK(finished["error"] == "runtime_directory");
    CHECK(finished["errno"] == std::to_string(number));
    CHECK(finished["status"] == (number == EPERM ? "77" : "78"));
    CHECK(finished["message"].find(words) != std::string::npos);
}

TEST_CASE("runtime_directory: another user's folder is refused",
          "[runtime_directory][process][root]") {
    const UserFolder folder;
    SECTION("XDG_RUNTIME_DIR itself") {
        REQUIRE(::chown(folder.path().c_str(), 1, 1) == 0);
        REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
        const Finished finished = ask_directory(as_user({folder.variable(), "directory:x"}));
        CHECK(finished["error"] == "runtime_directory");
        CHECK(finished["status"] == "77");
    }
    SECTION("the folder in it") {
        REQUIRE(fs::create_directory(folder / "x"));
        const Finished finished = ask_directory(as_user({folder.variable(), "directory:x"}));
        CHECK(finished["message"].find("belongs to another user") != std::string::npos);
        CHECK(finished["status"] == "77");
    }
    SECTION("what a service manager is said to have made") {
        const Finished finished =
            ask_directory({"variable:RUNTIME_DIRECTORY:" + folder.path().string(), "directory:x"});
        CHECK(finished["message"].find("belongs to another user") != std::string::npos);
    }
}

TEST_CASE(
    "runtime_directory: root has it in /run, whatever the umask and the environment of a user",
    "[runtime_directory][process]") {
    const UserFolder folder;
    const Finished finished =
        ask_directory({"private-run", folder.variable(), "umask:0777", "directory:thermod",
                       "mode:/run/thermod", "directory:thermod"});
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    CHECK(finished.out ==
          "directory=/run/thermod\nmode=0755\ndirectory=/run/thermod\nend=reached\n");
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("runtime_directory: in /run, too, a folder that others reach is refused",
          "[runtime_directory][process]") {
    using Row = std::pair<std::vector<std::string>, std::string>;
    const auto [verbs, words] = GENERATE(values<Row>({
        {{"make:/run/x:0777"}, "other users can write to it"},
        {{"make:/run/x:0775"}, "other users can write to it"},
        {{"make:/run/y:0755", "link:/run/y:/run/x"}, "no symbolic link"},
        {{"file:/run/x"}, "no symbolic link"},
    }));
    std::vector<std::string> all = verbs;
    all.insert(all.begin(), "private-run");
    all.emplace_back("directory:x");
    const Finished finished = ask_directory(all);
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    CHECK(finished["directory"] == "(no directory)");
    CHECK(finished["message"].find(words) != std::string::npos);
}

TEST_CASE("runtime_directory: what systemd has made comes first", "[runtime_directory][process]") {
    const UserFolder folder;
    const std::string base = folder.path().string();
    const auto ask_given = [&](const std::string& value) {
        return ask_directory(as_user(
            {folder.variable(), "variable:RUNTIME_DIRECTORY:" + value, "directory:thermod"}));
    };
    REQUIRE(ask_directory(as_user({"make:" + base + "/first:0755",
                                   "make:" + base + "/thermod:0755"}))["end"] == "reached");
    CHECK(ask_given(base + "/first")["directory"] == base + "/first");
    CHECK(ask_given(base + "/first:" + base + "/thermod")["directory"] == base + "/thermod");
    CHECK(ask_given(base + "/thermod:" + base + "/first")["directory"] == base + "/thermod");
    CHECK(ask_given("")["directory"] == base + "/thermod");
    CHECK(ask_given("relative")["message"].find("has to be absolute") != std::string::npos);
    CHECK(ask_given(base + "/missing")["errno"] == std::to_string(ENOENT));
    CHECK_FALSE(fs::exists(folder / "missing"));
}

TEST_CASE("runtime_directory: a link that root has made, as for DynamicUser, is followed",
          "[runtime_directory][process][root]") {
    const UserFolder folder;
    const std::string base = folder.path().string();
    REQUIRE(ask_directory(as_user({"make:" + base + "/private:0755"}))["end"] == "reached");
    fs::create_directory_symlink(base + "/private", base + "/x");
    const auto given = [&](const std::string& variable) {
        return ask_directory(as_user({"variable:RUNTIME_DIRECTORY:" + variable, "directory:x"}));
    };
    CHECK(given(base + "/x")["directory"] == base + "/x");
    fs::remove(base + "/x");
    REQUIRE(ask_directory(as_user({"link:" + base + "/private:" + base + "/x"}))["end"] ==
            "reached");
    CHECK(given(base + "/x")["message"].find("no symbolic link") != std::string::npos);
}

TEST_CASE("runtime_directory: whichever call fails, it is told",
          "[runtime_directory][process][fault]") {
    const auto [call, error] = GENERATE(table<std::string, int>({{"mkdir", EACCES},
                                                                 {"mkdir", EROFS},
                                                                 {"mkdir", ENOSPC},
                                                                 {"open", EMFILE},
                                                                 {"fstat", EIO},
                                                                 {"chmod", EIO}}));
    CAPTURE(call, error);
    const UserFolder folder;
    const Finished finished =
        ask_directory(as_user({folder.variable(), "directory:x"}),
                      {{"DAEMONKIT_FAULT", call + ":1:" + std::to_string(error) + ":sticky"}});
    CHECK(finished["directory"] == "(no directory)");
    CHECK(finished["error"] == "runtime_directory");
    CHECK(finished["errno"] == std::to_string(error));
    CHECK(finished["status"] == (error == EACCES ? "77" : "78"));
}

TEST_CASE("runtime_directory: interrupted calls are made again",
          "[runtime_directory][process][fault]") {
    const std::string call = GENERATE("mkdir", "open");
    const UserFolder folder;
    const Finished finished =
        ask_directory(as_user({folder.variable(), "directory:x"}),
                      {{"DAEMONKIT_FAULT", call + ":1:" + std::to_string(EINTR)}});
    CHECK(finished["directory"] == folder / "x");
}

TEST_CASE("find_runtime_directory: tells where the folder would be, and makes none",
          "[runtime_directory][unit]") {
    const char* const before = std::getenv("RUNTIME_DIRECTORY");
    const std::string kept = before == nullptr ? "" : before;
    const TempFolder folder;
    const std::string given = folder / "thermod";
    ::setenv("RUNTIME_DIRECTORY", given.c_str(), 1);
    CHECK(find_runtime_directory("thermod") == given);
    CHECK_FALSE(fs::exists(given));
    // As a service manager makes it, for another user.
    fs::create_directory(given);
    if (::geteuid() == 0) REQUIRE(::chown(given.c_str(), nobody, nobody) == 0);
    CHECK(find_runtime_directory("thermod") == given);
    if (::geteuid() == 0) CHECK_THROWS_AS(runtime_directory("thermod"), Error);
    ::setenv("RUNTIME_DIRECTORY", "relative", 1);
    CHECK_THROWS_AS(find_runtime_directory("thermod"), Error);
    ::unsetenv("RUNTIME_DIRECTORY");
    CHECK_THROWS_AS(find_runtime_directory("../thermod"), Error);
    if (::geteuid() == 0) {
        const std::string name = "daemonkit-" + folder.path().filename().string();
        CHECK(find_runtime_directory(name) == "/run/" + name);
        CHECK_FALSE(fs::exists("/run/" + name));
    }
    if (before != nullptr) ::setenv("RUNTIME_DIRECTORY", kept.c_str(), 1);
}

TEST_CASE(
    "runtime_directory: in a program with more rights than its caller the environment counts for "
    "nothing",
    "[runtime_directory][process][root]") {
    const TempFolder folder;
    struct ::statvfs system {};
    REQUIRE(::statvfs(folder.path().c_str(), &system) == 0);
    if ((system.f_flag & ST_NOSUID) != 0) return not_tested("no setgid programs in this folder");
    const std::string given = folder / "given";
    REQUIRE(::mkdir(given.c_str(), 0700) == 0);
    const std::string program = folder / "setgid";
    fs::copy_file(probe("probe_runtime_directory"), program);
    REQUIRE(::chown(program.c_str(), 0, 54321) == 0);
    const mode_t mode = GENERATE(mode_t{0755}, mode_t{02755});
    REQUIRE(::chmod(program.c_str(), mode) == 0);
    const Finished finished =
        run_program({program, "private-run", "directory:thermod"}, {{"RUNTIME_DIRECTORY", given}});
    if (finished.out.find("not_possible=") != std::string::npos)
        return not_tested("no mount namespace");
    CHECK(finished["directory"] == (mode == 0755 ? given : "/run/thermod"));
}

// SPDX-License-Identifier: MIT
#include <daemonkit/service_directories.hpp>

#include "catch.hpp"
#include "directory_probe.hpp"
#include "process_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

// Verb, the manager's variable, the user's variable, below $HOME, below root.
using Kind = std::tuple<std::string, std::string, std::string, std::string, std::string>;
const std::vector<Kind> kinds{
    {"state", "STATE_DIRECTORY", "XDG_STATE_HOME", "/.local/state/x", "/var/lib/x"},
    {"cache", "CACHE_DIRECTORY", "XDG_CACHE_HOME", "/.cache/x", "/var/cache/x"},
    {"logs", "LOGS_DIRECTORY", "XDG_STATE_HOME", "/.local/state/log/x", "/var/log/x"},
    {"configuration", "CONFIGURATION_DIRECTORY", "XDG_CONFIG_HOME", "/.config/x", "/etc/x"},
};

}  // namespace

TEST_CASE("service directories: a name that could lead elsewhere is refused",
          "[service_directories][unit]") {
    using Function = std::string (*)(std::string_view);
    for (const Function function :
         {&state_directory, &cache_directory, &logs_directory, &configuration_directory}) {
        for (const std::string& name :
             {""s, ".."s, ".x"s, "a/b"s, "../x"s, "a:b"s, "a\nb"s, "a\0b"s, std::string(65, 'x')}) {
            CAPTURE(name);
            try {
                function(name);
                FAIL("accepted");
            } catch (const Error& error) {
                CHECK(error.step() == Step::service_directory);
                CHECK(error.code().value() == EINVAL);
                CHECK(error.exit_status() == 78);
            }
        }
    }
}

TEST_CASE("service directories: a user has them below HOME, or where the XDG variable says",
          "[service_directories][process]") {
    const auto [verb, given, xdg, below, system] = GENERATE(from_range(kinds));
    CAPTURE(verb);
    const UserFolder folder;
    const std::string home = folder.path().string();
    const std::string umask = GENERATE("umask:0000", "umask:0777");
    const bool is_made = verb != "configuration";

    CHECK(ask_directory(as_user({"variable:HOME:" + home, umask, verb + ":x", verb + ":x"})).out ==
          "directory=" + home + below + "\ndirectory=" + home + below + "\nend=reached\n");
    for (fs::path path = home + below; is_made && path != home; path = path.parent_path()) {
        CAPTURE(path);
        CHECK(mode_of(path) == 0700);
    }
    const std::string named = home + "/named";
    const std::string in_it = named + (verb == "logs" ? "/log/x" : "/x");
    CHECK(ask_directory(as_user({"variable:HOME:" + home, "variable:" + xdg + ":" + named + "//",
                                 umask, verb + ":x"}))["directory"] == in_it);
    CHECK(mode_of(in_it) == (is_made ? 0700U : 0U));
}

TEST_CASE("service directories: a user without a home is told which variable is missing",
          "[service_directories][process]") {
    const auto [verb, given, xdg, below, system] = GENERATE(from_range(kinds));
    const Finished finished = ask_directory(as_user({verb + ":x"}));
    CHECK(finished["error"] == "service_directory");
    CHECK(finished["errno"] == std::to_string(ENOENT));
    CHECK(finished["status"] == "78");
    CHECK(finished["message"].find("$" + xdg + " or in $HOME, and neither is set") !=
          std::string::npos);
    for (const std::string& variable : {xdg, "HOME"s, given}) {
        const Finished relative =
            ask_directory(as_user({"variable:" + variable + ":here", verb + ":x"}));
        CHECK(relative["message"].find("$" + variable + " has to be absolute") !=
              std::string::npos);
        CHECK(relative["status"] == "78");
    }
}

TEST_CASE("service directories: what the manager has made comes first",
          "[service_directories][process]") {
    const auto [verb, given, xdg, below, system] = GENERATE(from_range(kinds));
    CAPTURE(verb);
    const UserFolder folder;
    const std::string base = folder.path().string();
    REQUIRE(ask_directory(as_user(
                {"make:" + base + "/first:0755", "make:" + base + "/x:0700"}))["end"] == "reached");
    const auto ask_given = [&, verb = verb, given = given](const std::string& value) {
        return ask_directory(
            as_user({"variable:HOME:" + base + "/home", "variable:" + given + ":" + value,
                     verb + ":x"}))["directory"];
    };
    CHECK(ask_given(base + "/first") == base + "/first");
    CHECK(ask_given(base + "/first:" + base + "/x") == base + "/x");
    CHECK(ask_given(base + "/x:" + base + "/first") == base + "/x");
    CHECK_FALSE(fs::exists(base + "/home"));
}

TEST_CASE("service directories: a folder that is not this user's alone to write is refused",
          "[service_directories][process]") {
    const UserFolder folder;
    using Row = std::tuple<std::vector<std::string>, std::string, int>;
    const auto [verbs, words, number] = GENERATE(values<Row>({
        {{"make:@/x:0777"}, "other users can write to it", EPERM},
        {{"make:@/x:0720"}, "other users can write to it", EPERM},
        {{"file:@/x"}, "no symbolic link", ENOTDIR},
        {{"link:/tmp:@/x"}, "no symbolic link", ENOTDIR},
        {{"make:@/y:0700", "link:@/y:@/x"}, "no symbolic link", ENOTDIR},
    }));
    CAPTURE(verbs);
    const bool is_given = GENERATE(true, false);
    const std::string base = folder.path().string();
    std::vector<std::string> all{is_given ? "variable:STATE_DIRECTORY:" + base + "/x"
                                          : "variable:XDG_STATE_HOME:" + base};
    for (std::string verb : verbs) {
        for (auto at = verb.find('@'); at != std::string::npos; at = verb.find('@'))
            verb.replace(at, 1, base);
        all.push_back(verb);
    }
    all.emplace_back("state:x");
    const Finished finished = ask_directory(as_user(all));
    CHECK(finished["directory"] == "(no directory)");
    CHECK(finished["error"] == "service_directory");
    CHECK(finished["errno"] == std::to_string(number));
    CHECK(finished["message"].find(words) != std::string::npos);
}

TEST_CASE("service directories: a link that root has made, as for DynamicUser, is followed",
          "[service_directories][process][root]") {
    const UserFolder folder;
    const std::string base = folder.path().string();
    REQUIRE(ask_directory(as_user({"make:" + base + "/private:0700"}))["end"] == "reached");
    fs::create_directory_symlink(base + "/private", base + "/x");
    fs::create_directory_symlink("/tmp", base + "/elsewhere");
    const auto given = [&](const std::string& path) {
        return ask_directory(as_user({"variable:STATE_DIRECTORY:" + path, "state:x"}));
    };
    CHECK(given(base + "/x")["directory"] == base + "/x");
    CHECK(given(base + "/x/")["directory"] == base + "/x");
    CHECK(given(base + "/elsewhere")["message"].find("belongs to another user") !=
          std::string::npos);
}

TEST_CASE("service directories: root has them in the places of the system, whatever the umask",
          "[service_directories][process]") {
    const auto [verb, given, xdg, below, system] = GENERATE(from_range(kinds));
    CAPTURE(verb);
    const UserFolder folder;
    const std::string base = fs::path(system).parent_path();
    const bool is_made = verb != "configuration";
    std::vector<std::string> verbs{"private-var", "variable:HOME:" + folder.path().string(),
                                   "umask:0777", verb + ":x", "mode:" + system};
    if (is_made) verbs.insert(verbs.begin() + 1, "make:" + base + ":0755");
    const Finished finished = ask_directory(verbs);
    INFO(finished.out << finished.err);
    if (was_not_possible(finished)) return;
    CHECK(finished["directory"] == system);
    if (is_made) CHECK(finished["mode"] == "0750");
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("service directories: whichever call fails, it is told",
          "[service_directories][process][fault]") {
    const auto [call, error] = GENERATE(table<std::string, int>({{"mkdir", EACCES},
                                                                 {"mkdir", EROFS},
                                                                 {"mkdir", ENOSPC},
                                                                 {"open", EMFILE},
                                                                 {"fstat", EIO},
                                                                 {"chmod", EIO}}));
    CAPTURE(call, error);
    const UserFolder folder;
    const Finished finished =
        ask_directory(as_user({"variable:HOME:" + folder.path().string(), "state:x"}),
                      {{"DAEMONKIT_FAULT", call + ":1:" + std::to_string(error) + ":sticky"}});
    CHECK(finished["directory"] == "(no directory)");
    CHECK(finished["error"] == "service_directory");
    CHECK(finished["errno"] == std::to_string(error));
    CHECK(finished["status"] == (error == EACCES ? "77" : "78"));
}

TEST_CASE("service directories: interrupted calls are made again",
          "[service_directories][process][fault]") {
    const std::string call = GENERATE("mkdir", "open");
    const UserFolder folder;
    const Finished finished =
        ask_directory(as_user({"variable:HOME:" + folder.path().string(), "cache:x"}),
                      {{"DAEMONKIT_FAULT", call + ":1:" + std::to_string(EINTR)}});
    CHECK(finished["directory"] == folder / ".cache/x");
}

// SPDX-License-Identifier: MIT
#include <daemonkit/privileges.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "privileges_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

// A root with one directory and one file in it, for whoever comes there.
class Root {
public:
    Root() {
        fs::create_directory(folder_ / "inner");
        write_file(folder_ / "inner/file", "inside\n");
        ::chmod(folder_.path().c_str(), 0755);
        ::chmod((folder_ / "inner").c_str(), 0755);
    }
    std::string path() const { return folder_.path(); }
    std::string verb(const std::string& directory) const {
        return "root:" + path() + ":" + directory;
    }

private:
    TempFolder folder_;
};

// As root, or as root of a namespace: TZ is not set, unless it is given.
Finished run(std::vector<std::string> verbs, const std::string& zone = "") {
    ::unsetenv("TZ");
    std::map<std::string, std::string> variables;
    if (!zone.empty()) variables["TZ"] = zone;
    if (::geteuid() != 0) verbs.insert(verbs.begin(), "namespace:0:0");
    return run_privileges(verbs, variables);
}

bool was_impossible(const Finished& finished) {
    if (was_possible(finished)) return false;
    not_tested("this user may have no namespace");
    return true;
}

}  // namespace

TEST_CASE("change_root: the process is in the new root, and its time zone stays",
          "[change_root][process]") {
    const Root root;
    const std::string directory = GENERATE("/inner", "inner", "/../inner/.");
    const std::string zone = GENERATE("", "UTC0");
    const Finished finished =
        run({root.verb(directory), "where", "try:read:file", "try:read:/inner/file",
             "try:read:/../inner/file", "try:list:" + root.path()},
            zone);
    if (was_impossible(finished)) return;
    INFO(finished.out);
    CHECK(finished["changed"] == "yes");
    CHECK(finished["directory"] == "/inner");
    CHECK(finished["zone"] == (zone.empty() ? ":/etc/localtime" : zone));
    CHECK(finished["read:file"] == "yes");
    CHECK(finished["read:/inner/file"] == "yes");
    CHECK(finished["read:/../inner/file"] == "yes");
    CHECK(finished["list:" + root.path()] == std::to_string(ENOENT));
}

TEST_CASE("change_root: names are resolved before it, and privileges dropped behind it",
          "[change_root][privileges][root]") {
    const Root root;
    const Finished finished =
        run({"resolve:nobody", root.verb("/inner"), "apply", "look", "where", "try:write:file"});
    INFO(finished.out);
    CHECK(finished["applied"] == "yes");
    CHECK(finished["user"] == nobody + "," + nobody + "," + nobody);
    CHECK(finished["way_back"] == "barred");
    CHECK(finished["directory"] == "/inner");
    CHECK(finished["write:file"] == std::to_string(EACCES));

    const Finished too_late = run({root.verb("/"), "resolve:nobody"});
    CHECK(too_late["error"] == "resolve_user");
}

TEST_CASE("change_root: a root that cannot be had changes nothing", "[change_root][process]") {
    const Root root;
    const std::string bad = GENERATE("/absent", "/inner/file");
    const std::string zone = GENERATE("", "UTC0");
    const Finished finished = run({"root:" + root.path() + bad + ":/", "where"}, zone);
    if (was_impossible(finished)) return;
    INFO(finished.out);
    CHECK(finished["error"] == "change_root");
    CHECK(finished["errno"] == std::to_string(bad == "/absent" ? ENOENT : ENOTDIR));
    CHECK(finished["message"].find(root.path() + bad) != std::string::npos);
    CHECK(finished["directory"] == fs::current_path());
    CHECK(finished["zone"] == (zone.empty() ? "not set" : zone));
}

TEST_CASE("change_root: an ordinary user may not", "[change_root][process]") {
    const Root root;
    ::unsetenv("TZ");
    const Finished finished = run_privileges(as_ordinary_user({root.verb("/"), "where"}));
    INFO(finished.out);
    CHECK(finished["error"] == "change_root");
    CHECK(finished["errno"] == std::to_string(EPERM));
    CHECK(finished["status"] == "77");
    CHECK(finished["directory"] == fs::current_path());
    CHECK(finished["zone"] == "not set");
}

TEST_CASE("change_root: a directory that is not there is told by its name inside",
          "[change_root][process]") {
    const Root root;
    const Finished finished = run({root.verb("absent")});
    if (was_impossible(finished)) return;
    INFO(finished.out);
    CHECK(finished["error"] == "change_directory");
    CHECK(finished["message"].find("change_directory: /absent: ") == 0);
}

TEST_CASE("change_root: what is no path is refused before anything changes",
          "[change_root][unit]") {
    const auto refusal = [](const std::string& root, const std::string& directory) {
        try {
            change_root(root, directory);
        } catch (const Error& error) {
            return error.step();
        }
        return Step::application;
    };
    CHECK(refusal("", "/") == Step::resolve_path);
    CHECK(refusal("/\0x"s, "/") == Step::resolve_path);
    CHECK(refusal("/", "/\0x"s) == Step::resolve_path);
}

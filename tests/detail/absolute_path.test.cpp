// SPDX-License-Identifier: MIT
#include <daemonkit/detail/absolute_path.hpp>

#include "catch.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <string>

using daemonkit::Error;
using daemonkit::Step;
using daemonkit::detail::absolute_path;
using daemonkit::testkit::TempFolder;

namespace {

// The test's own current directory, given back at the end of the scope.
class CurrentFolder {
public:
    explicit CurrentFolder(const std::filesystem::path& folder) {
        std::filesystem::current_path(folder);
    }
    ~CurrentFolder() { std::filesystem::current_path(before_); }
    CurrentFolder(const CurrentFolder&) = delete;
    CurrentFolder& operator=(const CurrentFolder&) = delete;

private:
    std::filesystem::path before_ = std::filesystem::current_path();
};

Error refusal(const std::string& path) {
    try {
        absolute_path(path);
    } catch (const Error& error) {
        return error;
    }
    return {Step::application, "nothing was thrown", 0};
}

}  // namespace

TEST_CASE("absolute_path: an absolute path stays as it is, byte for byte", "[detail][unit]") {
    const std::string path = GENERATE("/", "/a", "//a//b/", "/a/../b/./c", "/a b\n");
    CHECK(absolute_path(path) == path);
}

TEST_CASE("absolute_path: a relative path stands below the current directory", "[detail][unit]") {
    const TempFolder folder;
    const CurrentFolder here(folder.path());
    CHECK(absolute_path("log") == folder / "log");
    CHECK(absolute_path("./log") == folder / "./log");
    CHECK(absolute_path("../log") == folder / "../log");
    CHECK(absolute_path("a/b") == folder / "a/b");
}

TEST_CASE("absolute_path: the root directory adds one slash, not two", "[detail][unit]") {
    const CurrentFolder here("/");
    CHECK(absolute_path("log") == "/log");
}

TEST_CASE("absolute_path: a current directory with a long name is found whole", "[detail][unit]") {
    const TempFolder folder;
    const CurrentFolder here(folder.path());
    std::string expected = folder.path().string();
    while (expected.size() < 3500) {
        const std::string part(200, 'd');
        std::filesystem::create_directory(part);
        std::filesystem::current_path(part);
        expected += "/" + part;
    }
    CHECK(absolute_path("log") == expected + "/log");
}

TEST_CASE("absolute_path: without a current directory a relative path is refused",
          "[detail][unit]") {
    const TempFolder folder;
    const auto gone = folder.path() / "gone";
    std::filesystem::create_directory(gone);
    const CurrentFolder here(gone);
    std::filesystem::remove(gone);

    const Error error = refusal("log");
    CHECK(error.step() == Step::resolve_path);
    CHECK(error.subject() == "log");
    CHECK(error.code().value() == ENOENT);
    CHECK(std::string(error.what()).find("removed") != std::string::npos);
    CHECK(absolute_path("/log") == "/log");  // does not ask
}

TEST_CASE("absolute_path: what cannot be a path is refused", "[detail][unit]") {
    CHECK(refusal("").step() == Step::resolve_path);
    CHECK(refusal("").code().value() == EINVAL);
    const Error nul = refusal(std::string("/var/log\0/x", 11));
    CHECK(nul.step() == Step::resolve_path);
    CHECK(nul.code().value() == EINVAL);
    CHECK(nul.subject() == "/var/log");
}

// SPDX-License-Identifier: MIT
#include <daemonkit/detail/thread_names.hpp>

#include "catch.hpp"
#include "process_probe.hpp"

#include <cerrno>
#include <string>

using namespace daemonkit::testkit;

namespace {

std::string names_with(const std::string& threads) {
    return ask_process({"threads:" + threads, "names"})["names"];
}

}  // namespace

TEST_CASE("other_thread_names: nobody when there is one thread", "[detail][process]") {
    CHECK(ask_process({"names"})["names"].empty());
}

TEST_CASE("other_thread_names: the others by name, and not the first", "[detail][process]") {
    CHECK(names_with("watcher") == "watcher");
    const std::string two = names_with("logger,io");
    CHECK((two == "logger, io" || two == "io, logger"));
    CHECK(names_with("exactly15chars_") == "exactly15chars_");
    CHECK(names_with("a %s\n\x01") == "a %s");  // the message is one line: Error sees to it
}

TEST_CASE("other_thread_names: what cannot be read is left out", "[detail][process][fault]") {
    const auto names = [](const char* fault) {
        return ask_process({"threads:a", "names"}, {{"DAEMONKIT_FAULT", fault}})["names"];
    };
    CHECK(names("open:1:24:sticky").empty());
    CHECK(names("read:1:5:sticky").empty());
    CHECK(names("read:1:3:sticky").empty());  // the thread has ended in between: ESRCH
    CHECK(names("open:1:4") == "a");          // interrupted: asked again
    CHECK(names("read:1:4") == "a");
}

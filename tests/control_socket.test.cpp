// SPDX-License-Identifier: MIT
#include <daemonkit/control_client.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/control_thread.hpp>

#include "catch.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

/// All words of the request, one a line.
ControlAnswer repeat(const ControlRequest& request) {
    std::string text = request.verb;
    for (const auto& argument : request.arguments) text += '\n' + argument;
    return {0, text};
}

}  // namespace

TEST_CASE("ControlSocket: a request arrives as it was meant, and so does its answer",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("repeat", repeat);
    const ControlThread thread(socket);
    const auto answer =
        ask(socket.path(), {"repeat", "plain", "two words", "", "\"\\\n\t", "caf\u00e9"});
    CHECK(answer.status == 0);
    CHECK(answer.text == "repeat\nplain\ntwo words\n\n\"\\\n\t\ncaf\u00e9");
}

TEST_CASE("ControlSocket: help lists the verbs, and an unknown one is told so",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("log-level", repeat, "sets the lowest severity").on("x", repeat);
    const ControlThread thread(socket);
    CHECK(ask(socket.path(), {"help"}).text ==
          "help       lists the verbs\nlog-level  sets the lowest severity\nx");
    const auto unknown = ask(socket.path(), {"no such", "verb"});
    CHECK(unknown.status == 64);
    CHECK(unknown.text == "unknown verb \"no such\"; help lists those there are");
}

TEST_CASE("ControlSocket: a handler that throws answers with the reason",
          "[control_socket][unit]") {
    const TempFolder folder;
    ControlSocket socket({.path = folder / "control"});
    socket.on("error", [](const ControlRequest&) -> ControlAnswer {
        throw Error(Step::lock_pid_file, "/run/x.pid", EWOULDBLOCK, "already running");
    });
    socket.on("exception", [](const ControlRequest&) -> ControlAnswer {
        throw std::runtime_error("bad config");
    });
    socket.on("other", [](const ControlRequest&) -> ControlAnswer { throw 7; });
    const ControlThread thread(socket);
    const auto error = ask(socket.path(), {"error"});
    CHECK(error.status == 75);
    CHECK(error.text.find("already running") != std::string::npos);
    CHECK(ask(socket.path(), {"exception"}).text == "bad config");
    CHECK(ask(socket.path(), {"exception"}).status == 70);
    CHECK(ask(socket.path(), {"other"}).status == 70);
}

TEST_CASE("ControlSocket: the socket has its mode whatever the umask, and is gone with the object",
          "[control_socket][unit]") {
    const TempFolder folder;
    const std::string path = folder / "control";
    {
        const ControlSocket socket({.path = path, .mode = 0620});
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK(S_ISSOCK(status.st_mode));
        CHECK((status.st_mode & 07777) == 0620);
    }
    CHECK(std::filesystem::is_empty(folder.path()));
}

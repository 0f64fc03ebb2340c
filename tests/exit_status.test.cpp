// SPDX-License-Identifier: MIT
#include <daemonkit/child_result.hpp>
#include <daemonkit/exit_status.hpp>

#include "catch.hpp"

#include <csignal>

using namespace daemonkit;

static_assert(ExitStatus::exited(0).success());
static_assert(!ExitStatus::exited(1).success());
static_assert(!ExitStatus::signalled(SIGTERM).success());

TEST_CASE("ExitStatus: an exit has a code and no signal, a death has a signal and no code",
          "[exit_status][unit]") {
    const auto exit = ExitStatus::exited(3);
    CHECK(exit.code() == 3);
    CHECK_FALSE(exit.signal());
    CHECK(exit.core() == CoreImage::none);
    CHECK(to_string(exit) == "ended with status 3");
    const auto death = ExitStatus::signalled(SIGSEGV, CoreImage::dumped);
    CHECK_FALSE(death.code());
    CHECK(death.signal() == SIGSEGV);
    CHECK(death.core() == CoreImage::dumped);
    CHECK(to_string(death) == "killed by SIGSEGV (core dumped)");
    CHECK(to_string(ExitStatus::signalled(SIGTERM)) == "killed by SIGTERM");
    CHECK(to_string(ExitStatus::signalled(SIGRTMIN + 3)) == "killed by SIGRTMIN+3");
}

TEST_CASE("ExitStatus: what waitpid stores is read by its own macros", "[exit_status][unit]") {
    CHECK(ExitStatus::from_wait(0) == ExitStatus::exited(0));
    CHECK(ExitStatus::from_wait(255 << 8) == ExitStatus::exited(255));
    CHECK(ExitStatus::from_wait(SIGKILL) == ExitStatus::signalled(SIGKILL));
    CHECK(ExitStatus::from_wait(SIGABRT | 0x80) ==
          ExitStatus::signalled(SIGABRT, CoreImage::dumped));
    CHECK_FALSE(ExitStatus::exited(SIGKILL) == ExitStatus::signalled(SIGKILL));
}

TEST_CASE("ChildResult: success is an end of its own accord with 0", "[exit_status][unit]") {
    CHECK(ChildResult{}.success());
    CHECK_FALSE(ChildResult{ExitStatus::exited(1)}.success());
    CHECK_FALSE(ChildResult{ExitStatus::exited(0), EndedBy::timeout}.success());
    CHECK(to_string(ChildResult{}) == "ended with status 0");
    CHECK(to_string(ChildResult{ExitStatus::exited(0), EndedBy::timeout}) ==
          "timed out, ended with status 0");
    CHECK(to_string(ChildResult{ExitStatus::signalled(SIGKILL), EndedBy::request}) ==
          "stopped, killed by SIGKILL");
}

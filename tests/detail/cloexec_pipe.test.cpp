// SPDX-License-Identifier: MIT
// Both forms of the pipe are tested wherever both can be compiled.
#include <daemonkit/detail/cloexec_pipe.hpp>
#include <daemonkit/detail/cloexec_pipe_fcntl.hpp>
#include <daemonkit/detail/platform.hpp>

#include "catch.hpp"
#include "run_program.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace daemonkit::detail;

namespace {

struct Form {
    const char* name;
    Result<int> (*make)(int (&)[2], int) noexcept;
};

const std::vector<Form> forms {
#if !DAEMONKIT_OS_MACOS()
    {"pipe2", cloexec_pipe_pipe2::cloexec_pipe},
#endif
        {"fcntl", cloexec_pipe_fcntl::cloexec_pipe}, {
        "picked", cloexec_pipe
    }
};

void close_both(const int (&ends)[2]) {
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace

TEST_CASE("cloexec_pipe: what goes in at the second end comes out at the first",
          "[cloexec_pipe][unit]") {
    for (const auto& form : forms) {
        CAPTURE(form.name);
        int ends[2];
        REQUIRE(form.make(ends, 0));
        CHECK(::write(ends[1], "x", 1) == 1);
        char byte = 0;
        CHECK(::read(ends[0], &byte, 1) == 1);
        CHECK(byte == 'x');
        close_both(ends);
    }
}

TEST_CASE("cloexec_pipe: both ends wait or do not wait, as asked", "[cloexec_pipe][unit]") {
    for (const auto& form : forms) {
        for (const int flags : {0, O_NONBLOCK}) {
            CAPTURE(form.name, flags);
            int ends[2];
            REQUIRE(form.make(ends, flags));
            CHECK((::fcntl(ends[0], F_GETFL) & O_NONBLOCK) == flags);
            CHECK((::fcntl(ends[1], F_GETFL) & O_NONBLOCK) == flags);
            close_both(ends);
        }
    }
}

TEST_CASE("cloexec_pipe: a program that is started has neither end", "[cloexec_pipe][process]") {
    for (const auto& form : forms) {
        CAPTURE(form.name);
        int ends[2];
        REQUIRE(form.make(ends, 0));
        const std::string look = "for fd in " + std::to_string(ends[0]) + " " +
                                 std::to_string(ends[1]) +
                                 "; do test -e /dev/fd/$fd && echo open=$fd; done; echo looked=1";
        const auto finished = daemonkit::testkit::run_program({"/bin/sh", "-c", look});
        CHECK(finished["looked"] == "1");
        CHECK(finished["open"] == "(no open)");
        close_both(ends);
    }
}

TEST_CASE("cloexec_pipe: without a free descriptor the error says so, and none is taken",
          "[cloexec_pipe][unit]") {
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    ::rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    for (const auto& form : forms) {
        CAPTURE(form.name);
        ::rlimit one_left = before;
        one_left.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
        ::setrlimit(RLIMIT_NOFILE, &one_left);
        int ends[2];
        const auto made = form.make(ends, 0);
        ::setrlimit(RLIMIT_NOFILE, &before);
        CHECK(made.error == EMFILE);
        const int next = ::dup(0);
        CHECK(next == lowest_free);
        ::close(next);
    }
}

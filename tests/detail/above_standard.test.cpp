// SPDX-License-Identifier: MIT
#include <daemonkit/detail/above_standard.hpp>

#include "catch.hpp"

#include <fcntl.h>
#include <unistd.h>

using daemonkit::detail::above_standard;
using daemonkit::detail::UniqueFd;

TEST_CASE("above_standard: a descriptor above 2 stays where it is", "[detail][unit]") {
    UniqueFd fd(::fcntl(2, F_DUPFD_CLOEXEC, 3));
    const int before = fd.get();
    CHECK(above_standard(fd).value == before);
    CHECK(fd.get() == before);
}

TEST_CASE("above_standard: one of 0 to 2 moves up, close-on-exec, and its number is free",
          "[detail][unit]") {
    const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
    ::close(0);
    int first = -1;
    int moved = -1;
    int flags = -1;
    bool zero_is_free = false;
    {
        UniqueFd fd(::open("/dev/null", O_RDONLY));
        first = fd.get();
        above_standard(fd);
        moved = fd.get();
        flags = ::fcntl(moved, F_GETFD);
        zero_is_free = ::fcntl(0, F_GETFD) == -1;
    }
    if (saved >= 0) {
        ::dup2(saved, 0);
        ::close(saved);
    }
    CHECK(first == 0);
    CHECK(moved > 2);
    CHECK(flags == FD_CLOEXEC);
    CHECK(zero_is_free);
}

TEST_CASE("above_standard: no descriptor, no move", "[detail][unit]") {
    UniqueFd none;
    CHECK_FALSE(above_standard(none));
    CHECK_FALSE(none.is_open());
}

// SPDX-License-Identifier: MIT
// What only looks like the null device needs another root: see fd_redirect.test.cpp.
#include <daemonkit/detail/null_device.hpp>

#include "catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using daemonkit::Step;
using daemonkit::detail::open_null_device;
using daemonkit::detail::UniqueFd;

TEST_CASE("null_device: it is a device, read and written, close-on-exec", "[detail][unit]") {
    const UniqueFd fd = open_null_device(Step::fill_standard_streams);
    struct ::stat status {};
    REQUIRE(::fstat(fd.get(), &status) == 0);
    CHECK(S_ISCHR(status.st_mode));
    char byte = 0;
    CHECK(::read(fd.get(), &byte, 1) == 0);
    CHECK(::write(fd.get(), "x", 1) == 1);
    CHECK(::fcntl(fd.get(), F_GETFD) == FD_CLOEXEC);
}

TEST_CASE("null_device: it takes the lowest free number, which fills a closed stream",
          "[detail][unit]") {
    const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
    ::close(0);
    int number = -1;
    {
        const UniqueFd fd = open_null_device(Step::fill_standard_streams);
        number = fd.get();
    }
    if (saved >= 0) {
        ::dup2(saved, 0);
        ::close(saved);
    }
    CHECK(number == 0);
}

// SPDX-License-Identifier: MIT
#include <daemonkit/error.hpp>

#include "catch.hpp"

#include <cerrno>
#include <string>
#include <system_error>

using daemonkit::Error;
using daemonkit::Step;

TEST_CASE("Error: the message names step, subject and reason", "[error][unit]") {
    const Error error(Step::open_stream, "/var/log/x.log", EACCES);
    CHECK(std::string(error.what()) == "open_stream: /var/log/x.log: Permission denied");
    CHECK(error.code() == std::errc::permission_denied);
    CHECK(error.step() == Step::open_stream);
    CHECK(error.subject() == "/var/log/x.log");
}

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

TEST_CASE("Error: what no call of the system was the reason of has no errno in its message",
          "[error][unit]") {
    const Error error(Step::application, "", ECANCELED, "the roof is missing");
    CHECK(std::string(error.what()) == "application: the roof is missing");
    CHECK(error.code() == std::errc::operation_canceled);
    CHECK(std::string(Error(Step::application, "", ECANCELED).what()) ==
          "application: Operation canceled");
    CHECK(std::string(Error(Step::open_stream, "/x.log", ENOENT, "no folder").what()) ==
          "open_stream: /x.log: no folder (No such file or directory)");
}

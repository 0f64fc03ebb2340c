// SPDX-License-Identifier: MIT
#include <daemonkit/severity.hpp>

#include "catch.hpp"

#include <string>

#include <syslog.h>  // LOG_EMERG to LOG_DEBUG

using daemonkit::Severity;
using daemonkit::to_string;

TEST_CASE("Severity: the numbers are those of syslog.h", "[severity][unit]") {
    CHECK(static_cast<int>(Severity::emergency) == LOG_EMERG);
    CHECK(static_cast<int>(Severity::alert) == LOG_ALERT);
    CHECK(static_cast<int>(Severity::critical) == LOG_CRIT);
    CHECK(static_cast<int>(Severity::error) == LOG_ERR);
    CHECK(static_cast<int>(Severity::warning) == LOG_WARNING);
    CHECK(static_cast<int>(Severity::notice) == LOG_NOTICE);
    CHECK(static_cast<int>(Severity::info) == LOG_INFO);
    CHECK(static_cast<int>(Severity::debug) == LOG_DEBUG);
}

TEST_CASE("Severity: each has its word, and a number that is none has one too",
          "[severity][unit]") {
    CHECK(std::string(to_string(Severity::emergency)) == "emergency");
    CHECK(std::string(to_string(Severity::alert)) == "alert");
    CHECK(std::string(to_string(Severity::critical)) == "critical");
    CHECK(std::string(to_string(Severity::error)) == "error");
    CHECK(std::string(to_string(Severity::warning)) == "warning");
    CHECK(std::string(to_string(Severity::notice)) == "notice");
    CHECK(std::string(to_string(Severity::info)) == "info");
    CHECK(std::string(to_string(Severity::debug)) == "debug");
    CHECK(std::string(to_string(static_cast<Severity>(8))) == "severity");
}

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

TEST_CASE(
    "Severity: a word is read as it is written, and as syslog.conf has it, and nothing else is",
    "[severity][unit]") {
    for (int number = 0; number <= 7; ++number) {
        const auto severity = static_cast<Severity>(number);
        CHECK(daemonkit::severity_named(to_string(severity)) == severity);
    }
    CHECK(daemonkit::severity_named("emerg") == Severity::emergency);
    CHECK(daemonkit::severity_named("crit") == Severity::critical);
    CHECK(daemonkit::severity_named("err") == Severity::error);
    CHECK(daemonkit::severity_named("warn") == Severity::warning);
    for (const char* word : {"", "severity", "Debug", "debug ", "debu", "7", "none"}) {
        CAPTURE(word);
        CHECK_FALSE(daemonkit::severity_named(word));
    }
}

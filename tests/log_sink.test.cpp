// SPDX-License-Identifier: MIT
#include <daemonkit/log_sink.hpp>

#include <daemonkit/severity_mask.hpp>
#include <daemonkit/syslog_sink.hpp>

#include "catch.hpp"

#include <string_view>

#include <syslog.h>  // LOG_MASK, LOG_UPTO

using daemonkit::LogSink;
using daemonkit::Severity;
using daemonkit::SeverityMask;

namespace {

struct Throwing {
    static bool is_enabled(Severity) noexcept { return true; }
    static void write(Severity, std::string_view) {}
};
struct Quiet {
    static bool is_enabled(Severity) noexcept { return false; }
    static void write(Severity, std::string_view) noexcept {}
};

}  // namespace

static_assert(LogSink<const daemonkit::SyslogSink> && LogSink<Quiet>);
static_assert(!LogSink<Throwing> && !LogSink<int>);

TEST_CASE("SeverityMask: it has the bits of setlogmask", "[severity_mask][unit]") {
    for (int number = 0; number < 8; ++number) {
        const auto severity = static_cast<Severity>(number);
        CHECK(SeverityMask::up_to(severity).bits() == static_cast<unsigned>(LOG_UPTO(number)));
        CHECK(SeverityMask::only({severity}).bits() == static_cast<unsigned>(LOG_MASK(number)));
        CHECK(SeverityMask::up_to(severity).holds(severity));
        CHECK(SeverityMask::only({severity}).holds(severity));
        CHECK(SeverityMask().holds(severity));
    }
    CHECK_FALSE(SeverityMask::up_to(Severity::warning).holds(Severity::notice));
    CHECK(SeverityMask::up_to(Severity::warning).holds(Severity::emergency));
    CHECK_FALSE(SeverityMask::only({Severity::info, Severity::alert}).holds(Severity::error));
    CHECK(SeverityMask::only({Severity::info, Severity::alert}).bits() == 0b0100'0010);
    CHECK(SeverityMask(0).bits() == 0);
}

TEST_CASE("SeverityMask: what is no severity is in no mask", "[severity_mask][unit]") {
    for (const unsigned number : {8U, 9U, 32U, 64U, 255U}) {
        CHECK_FALSE(SeverityMask().holds(static_cast<Severity>(number)));
        CHECK(SeverityMask::up_to(static_cast<Severity>(number)) == SeverityMask());
        CHECK(SeverityMask::only({static_cast<Severity>(number)}).bits() == 0);
    }
}

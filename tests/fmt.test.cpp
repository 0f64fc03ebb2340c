// SPDX-License-Identifier: MIT
#include <daemonkit/fmt.hpp>

#include <daemonkit/detail/platform.hpp>
#include <daemonkit/journal_sink.hpp>
#include <daemonkit/stderr_sink.hpp>
#include <daemonkit/syslog_client.hpp>
#include <daemonkit/syslog_sink.hpp>

#include "catch.hpp"
#include "journal_receiver.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace daemonkit;
using daemonkit::testkit::TestJournal;

namespace {

int formatted = 0;  // how often a Counted was

struct Counted {};
struct Throwing {
    int what;
};

// Keeps what it gets, from a threshold on.
struct Memory {
    bool is_enabled(Severity severity) const noexcept { return severity <= threshold; }
    void write(Severity severity, std::string_view text) noexcept {
        lines.emplace_back(severity, text);
    }
    Severity threshold = Severity::info;
    std::vector<std::pair<Severity, std::string>> lines = {};
};

}  // namespace

template <>
struct fmt::formatter<Counted> : fmt::formatter<int> {
    template <class Context>
    auto format(const Counted& /*unused*/, Context& context) const {
        return fmt::formatter<int>::format(++formatted, context);
    }
};

template <>
struct fmt::formatter<Throwing> : fmt::formatter<int> {
    template <class Context>
    auto format(const Throwing& value, Context& context) const {
        errno = EIO;
        if (value.what == 0) throw std::runtime_error("no reading\nof it");
        if (value.what == 1) throw 7;
        if (value.what == 2) throw std::bad_alloc();
        return fmt::formatter<int>::format(value.what, context);
    }
};

static_assert(noexcept(log(std::declval<Memory&>(), Severity::info, "{}", 1)));

TEST_CASE("log: what is formatted is the message, for every kind of argument", "[fmt][unit]") {
    Memory sink;
    const std::string name = "boiler";
    const std::string long_name(2000, 'x');
    auto moved = std::make_unique<int>(3);
    const void* const pointer = moved.get();
    log(sink, Severity::warning, "sensor {} of {} is at {:.1f} degrees", 2, name, 95.04);
    log(sink, Severity::info, "no arguments, {{}}");
    log(sink, Severity::error, "{0} {1:>4} {0}", long_name, std::string_view("ab"));
    log(sink, Severity::info, "{}", pointer);
    REQUIRE(sink.lines.size() == 4);
    CHECK(sink.lines[0] ==
          std::pair(Severity::warning, std::string("sensor 2 of boiler is at 95.0 degrees")));
    CHECK(sink.lines[1].second == "no arguments, {}");
    CHECK(sink.lines[2] == std::pair(Severity::error, long_name + "   ab " + long_name));
    CHECK(sink.lines[3].second.compare(0, 2, "0x") == 0);
}

TEST_CASE("log: below the threshold no argument is formatted", "[fmt][unit]") {
    Memory sink;
    formatted = 0;
    log(sink, Severity::debug, "{}", Counted{});
    CHECK(formatted == 0);
    CHECK(sink.lines.empty());
    log(sink, Severity::info, "{}", Counted{});
    CHECK(formatted == 1);
    CHECK(sink.lines.size() == 1);
}

// ThreadSanitizer brings an operator new of its own.
#if !DAEMONKIT_TSAN()
static int allocations = 0;

[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    ++allocations;
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

TEST_CASE("log: a message of up to 500 bytes needs no memory from the heap", "[fmt][unit]") {
    struct {
        static bool is_enabled(Severity) noexcept { return true; }
        void write(Severity, std::string_view text) noexcept { size = text.size(); }
        std::size_t size = 0;
    } sink;
    const std::string most(490, 'x');
    const std::string more(600, 'x');
    const int before = allocations;
    log(sink, Severity::info, "{} is {:.1f}", most, 95.04);
    const int then = allocations;
    log(sink, Severity::info, "{} is {:.1f}", more, 95.04);
    CHECK(then == before);
    CHECK(allocations == then + 1);
    CHECK(sink.size == 608);
}
#endif

TEST_CASE("log: a formatter that throws costs its message nothing but the arguments",
          "[fmt][unit]") {
    Memory sink;
    errno = E2BIG;
    log(sink, Severity::error, "sensor {}", Throwing{0});
    log(sink, Severity::error, "sensor {}", Throwing{1});
    log(sink, Severity::error, "sensor {}", Throwing{2});
    log(sink, Severity::error, "sensor {}", Throwing{3});
    CHECK(errno == E2BIG);
    REQUIRE(sink.lines.size() == 4);
    CHECK(sink.lines[0].second == "sensor {} [not formatted: no reading\nof it]");
    CHECK(sink.lines[1].second ==
          "sensor {} [not formatted: something that is no std::exception was thrown]");
    CHECK(sink.lines[2].second == "sensor {} [not formatted: std::bad_alloc]");
    CHECK(sink.lines[3].second == "sensor 3");
}

TEST_CASE("log: a format of the running program that is wrong is told in its message",
          "[fmt][unit]") {
    Memory sink;
    const std::string format = "{} and {}";
    log(sink, Severity::info, fmt::runtime(format), 1, 2);
    log(sink, Severity::info, fmt::runtime(format), 1);
    REQUIRE(sink.lines.size() == 2);
    CHECK(sink.lines[0].second == "1 and 2");
    CHECK(sink.lines[1].second.find("{} and {} [not formatted: ") == 0);
}

TEST_CASE("log: the journal gets the place of the call", "[fmt][unit]") {
    TestJournal journal;
    const JournalSink sink({.path = journal.path});
    const unsigned line = CodeLocation::current().line + 1;
    log(sink, Severity::info, "{} degrees", 95);
    log(sink, Severity::info, fmt::runtime("{} degrees"), 96);
    for (const unsigned offset : {0U, 1U}) {
        const auto entry = journal.receiver.next();
        CHECK(entry["MESSAGE"] == std::to_string(95 + offset) + " degrees");
        CHECK(entry["CODE_FILE"] == __FILE__);
        CHECK(entry["CODE_LINE"] == std::to_string(line + offset));
        CHECK(entry["CODE_FUNC"] == __func__);
    }
}

TEST_CASE("log: it takes every sink there is", "[fmt][unit]") {
    StderrSink terminal({.mask = SeverityMask::only({Severity::emergency})});
    const SyslogClient client({.to = LocalLog{.path = "/nowhere/log"}});
    log(terminal, Severity::debug, "{}", 1);
    log(client, Severity::debug, "{}", 1);
    log(std::as_const(terminal), Severity::debug, "{}", 1);
    CHECK(terminal.dropped() == 0);
    CHECK(client.dropped() == 1);
}

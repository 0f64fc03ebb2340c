// SPDX-License-Identifier: MIT
#include "../examples/settings.hpp"

#include "catch.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

using namespace std::chrono_literals;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::write_file;

namespace {

/// An environment variable for the length of a scope.
class Variable {
public:
    Variable(std::string name, const std::string& value) : name_(std::move(name)) {
        ::setenv(name_.c_str(), value.c_str(), 1);
    }
    ~Variable() { ::unsetenv(name_.c_str()); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    std::string name_;
};

enum class Colour : std::uint8_t { red, green };

struct Config {
    int count = 0;
    std::chrono::milliseconds interval{};
    std::string log;
    Colour colour = Colour::red;
    std::vector<int> ports;
};

Config config_of(settings::Source in) {
    return in.checked(Config{
        .count = in.get("count", settings::number(1, 9), 5),
        .interval = in.get("interval", settings::duration(10ms, 24h), 60s),
        .log = in.get("log", settings::path, "/var/log/test"),
        .colour = in.get("colour",
                         settings::one_of<Colour>({{"red", Colour::red}, {"green", Colour::green}}),
                         Colour::red),
        .ports = in.get("ports", settings::list_of(settings::number(1, 65535)), {80, 443}),
    });
}

/// What is wrong with the file, with its name left out; empty when nothing is.
std::string problems_of(const std::string& text) {
    const TempFolder folder;
    const std::string path = folder / "f";
    write_file(path, text);
    try {
        config_of(settings::Source("TEST", path));
    } catch (const settings::Invalid& invalid) {
        std::string problems = invalid.what();
        for (std::size_t at = 0; (at = problems.find(path)) != std::string::npos;)
            problems.replace(at, path.size(), "f");
        return problems;
    }
    return "";
}

Config read(const std::string& text) {
    const TempFolder folder;
    write_file(folder / "f", text);
    return config_of(settings::Source("TEST", folder / "f"));
}

}  // namespace

TEST_CASE("settings: what the file says is taken, what it does not say is as it was",
          "[settings][unit]") {
    const Config config = read(
        "# a comment\r\n\n \t \n  count=7 # and one after a blank\ninterval\t=  1500ms\n"
        "log = /a#b\ncolour = green\nports = 1, 22,80\t65535");
    CHECK(config.count == 7);
    CHECK(config.interval == 1500ms);
    CHECK(config.log == "/a#b");
    CHECK(config.colour == Colour::green);
    CHECK(config.ports == std::vector<int>{1, 22, 80, 65535});
    const Config nothing = read("");
    CHECK(nothing.count == 5);
    CHECK(nothing.interval == 60s);
    CHECK(nothing.ports == std::vector<int>{80, 443});
}

TEST_CASE("settings: all that is wrong is told at once, in the order of the lines",
          "[settings][unit]") {
    CHECK(problems_of("interval = soon\n\ncuont = 3\ncount = 10\nwords\n[x]\n= 4\n") ==
          "f:1: interval: \"soon\" is not a length of time such as 500ms, 30s or 5min\n"
          "f:3: there is no key cuont\n"
          "f:4: count: 10 is not from 1 to 9\n"
          "f:5: \"words\" is not of the form key = value\n"
          "f:6: there is no section x\n"
          "f:7: \"= 4\" is not of the form key = value");
}

TEST_CASE("settings: each kind of wrong line is refused with the reason", "[settings][unit]") {
    const auto refused = [](const std::string& line, const std::string& reason) {
        CHECK(problems_of("\n" + line + "\n") == "f:2: " + reason);
    };
    refused("count", "\"count\" is not of the form key = value");
    refused("Count = 1", "\"Count = 1\" is not of the form key = value");
    refused("co unt = 1", "\"co unt = 1\" is not of the form key = value");
    refused("count =", "count: it has no value");
    refused("count = # none", "count: it has no value");
    refused("count = a", "count: \"a\" is not a whole number");
    refused("count = 3x", "count: \"3x\" is not a whole number");
    refused("count = +3", "count: \"+3\" is not a whole number");
    refused("count = 3.5", "count: \"3.5\" is not a whole number");
    refused("count = 0", "count: 0 is not from 1 to 9");
    refused("count = -3", "count: -3 is not from 1 to 9");
    refused("count = 99999999999999999999", "count: 99999999999999999999 is not from 1 to 9");
    refused("log = here", "log: \"here\" is not an absolute path");
    refused("log = /\x01", "it has a control character");
    refused(std::string("log = /a\0b", 10), "it has a control character");
    refused("colour = blue", "colour: \"blue\" is none of red, green");
    refused("ports = , ,", "ports: it has no value");
    refused("ports = 1, x", "ports: \"x\" is not a whole number");
    refused("ports = 1 70000", "ports: 70000 is not from 1 to 65535");
    refused("count = " + std::string(100, '7') + "x",
            "count: \"" + std::string(60, '7') + "...\" is not a whole number");
    refused("[x", "\"[x\" is not of the form [section]");
    refused("[", "\"[\" is not of the form [section]");
    refused("[]", "\"[]\" is not of the form [section]");
    refused("[x] y", "\"[x] y\" is not of the form [section]");
}

TEST_CASE("settings: a key or a section that comes twice is refused with the place of the first",
          "[settings][unit]") {
    CHECK(problems_of("count = 3\n\ncount = 4\n") == "f:3: count: set before, in line 1");
    CHECK(problems_of("[a]\n[a]\n").find("f:2: section a begins before, in line 1") !=
          std::string::npos);
}

TEST_CASE("settings: a length of time has a unit, and is within its bounds", "[settings][unit]") {
    const auto parse = settings::duration(1ms, 24h * 365);
    CHECK(parse("7ms") == 7ms);
    CHECK(parse("7s") == 7s);
    CHECK(parse("7 min") == 7min);
    CHECK(parse("7h") == 7h);
    CHECK(parse("365d") == 24h * 365);
    const auto reason = [&](std::string_view value) -> std::string {
        try {
            parse(value);
        } catch (const settings::Invalid& invalid) {
            return invalid.what();
        }
        return "";
    };
    CHECK(reason("0s") == "0s is not from 1ms to 365d");
    CHECK(reason("366d") == "366d is not from 1ms to 365d");
    CHECK(reason("9223372036854775807d") == "9223372036854775807d is not from 1ms to 365d");
    CHECK(reason("99999999999999999999ms") == "99999999999999999999ms is not from 1ms to 365d");
    for (const char* const value : {"7", "s", "-7s", "7.5s", "7 s 3ms", "7S", "1e3ms"})
        CHECK(reason(value) ==
              settings::quoted(value) + " is not a length of time such as 500ms, 30s or 5min");
    CHECK(settings::to_string(0ms) == "0ms");
    CHECK(settings::to_string(90s) == "90s");
    CHECK(settings::to_string(120s) == "2min");
}

TEST_CASE("settings: a variable takes the place of what the file says", "[settings][unit]") {
    const Variable count("TEST_COUNT", " 2 ");
    const Variable other("TEST_OTHER", "of another program");
    const Variable interval("TEST_INTERVAL", "3s");
    CHECK(read("count = 7\n").count == 2);
    CHECK(read("count = bad, but nobody looks\n").count == 2);
    CHECK(read("").interval == 3s);
    CHECK(config_of(settings::Source("TEST")).count == 2);
    CHECK(config_of(settings::Source("ANOTHER")).count == 5);
}

TEST_CASE("settings: a bad variable is refused by its name, before the lines", "[settings][unit]") {
    const Variable count("TEST_COUNT", "many");
    const Variable colour("TEST_COLOUR", "");
    const Variable log("TEST_LOG", "/a\nb");
    CHECK(problems_of("interval = 1\n") ==
          "TEST_COUNT: \"many\" is not a whole number\n"
          "TEST_LOG: it has a control character\n"
          "TEST_COLOUR: it has no value\n"
          "f:1: interval: \"1\" is not a length of time such as 500ms, 30s or 5min");
}

TEST_CASE("settings: sections have keys of their own, and variables", "[settings][unit]") {
    const TempFolder folder;
    const std::string path = folder / "f";
    write_file(path, "name = top\n[web-1]\nname = one\n[db]\nport = 5432\nprot = 1\n");
    const Variable port("TEST_WEB_1_PORT", "80");
    settings::Source in("TEST", path);
    CHECK(in.get("name", settings::text) == "top");
    CHECK(in.sections() == std::vector<std::string>{"web-1", "db"});
    CHECK(in.get("web-1.name", settings::text) == "one");
    CHECK(in.get("web-1.port", settings::number(1, 99)) == 80);
    CHECK(in.get("db.port", settings::optional(settings::number(1, 9999)), std::nullopt) == 5432);
    CHECK(!in.get("db.user", settings::optional(settings::text), std::nullopt));
    in.get("db.name", settings::text);
    in.get("cache.name", settings::text);
    in.get("user", settings::text);
    CHECK(in.get("db.port", settings::number(1, 999), 1) == 1);
    in.refuse("web-1.port", "taken");
    in.refuse("web-1.name", "too short");
    try {
        in.checked(0);
        CHECK(false);
    } catch (const settings::Invalid& invalid) {
        CHECK(invalid.what() == path + ": cache.name: missing\n" +                             //
                                    path + ": user: missing\n" + "TEST_WEB_1_PORT: taken\n" +  //
                                    path + ":3: web-1.name: too short\n" +                     //
                                    path + ":4: db.name: missing\n" +                          //
                                    path + ":5: db.port: 5432 is not from 1 to 999\n" + path +
                                    ":6: there is no key db.prot");
    }
}

TEST_CASE("settings: a file that cannot be read is refused, and holds nobody up",
          "[settings][unit]") {
    const TempFolder folder;
    const auto reason = [](const std::string& path) -> std::string {
        try {
            settings::read_text(path);
        } catch (const settings::Invalid& invalid) {
            return std::string(invalid.what()).substr(path.size());
        }
        return "";
    };
    CHECK(reason(folder / "missing") == ": No such file or directory");
    CHECK(reason(folder.path()) == ": not a plain file");
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    CHECK(reason(folder / "fifo") == ": not a plain file");
    write_file(folder / "large", std::string(1024 * 1024 + 1, '#'));
    CHECK(reason(folder / "large") == ": larger than 1 MiB");
    write_file(folder / "as large as can be", std::string(1024 * 1024, '#'));
    CHECK(reason(folder / "as large as can be").empty());
}

TEST_CASE("settings: no text makes the reader do anything but read or refuse", "[settings][unit]") {
    std::uint32_t state = 1;
    const auto next = [&](std::uint32_t below) {
        state = state * 1664525 + 1013904223;
        return (state >> 8) % below;
    };
    constexpr std::string_view pieces[] = {"count", "=", "[",        "]",     "\n", "#",
                                           " ",     "9", "interval", "ms",    "\r", ",",
                                           "a",     "-", "\x80",     "ports", "\t", "/"};
    const TempFolder folder;
    for (int round = 0; round < 1000; ++round) {
        std::string text;
        for (std::uint32_t i = next(40); i > 0; --i) text += pieces[next(std::size(pieces))];
        write_file(folder / "f", text);
        try {
            config_of(settings::Source("TEST", folder / "f"));
        } catch (const settings::Invalid& invalid) {
            CHECK(std::string_view(invalid.what()).find(folder / "f:") == 0);
        }
    }
}

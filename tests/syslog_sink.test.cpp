// SPDX-License-Identifier: MIT
#include <daemonkit/syslog_sink.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <ctime>  // strptime
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include <syslog.h>

using daemonkit::Facility;
using daemonkit::Severity;
using daemonkit::SyslogSink;
using daemonkit::testkit::Finished;
using daemonkit::testkit::not_tested;
using daemonkit::testkit::TempFolder;

static_assert(!std::is_copy_constructible_v<SyslogSink> && !std::is_copy_assignable_v<SyslogSink>);
static_assert(!std::is_move_constructible_v<SyslogSink> && !std::is_move_assignable_v<SyslogSink>);
static_assert(noexcept(std::declval<const SyslogSink&>().write(Severity::info, "")));
static_assert(static_cast<int>(Facility::user) << 3 == LOG_USER);
static_assert(static_cast<int>(Facility::mail) << 3 == LOG_MAIL);
static_assert(static_cast<int>(Facility::daemon) << 3 == LOG_DAEMON);
static_assert(static_cast<int>(Facility::auth) << 3 == LOG_AUTH);
static_assert(static_cast<int>(Facility::syslog) << 3 == LOG_SYSLOG);
static_assert(static_cast<int>(Facility::printer) << 3 == LOG_LPR);
static_assert(static_cast<int>(Facility::news) << 3 == LOG_NEWS);
static_assert(static_cast<int>(Facility::uucp) << 3 == LOG_UUCP);
static_assert(static_cast<int>(Facility::cron) << 3 == LOG_CRON);
static_assert(static_cast<int>(Facility::auth_private) << 3 == LOG_AUTHPRIV);
static_assert(static_cast<int>(Facility::ftp) << 3 == LOG_FTP);
static_assert(static_cast<int>(Facility::local0) << 3 == LOG_LOCAL0);
static_assert(static_cast<int>(Facility::local7) << 3 == LOG_LOCAL7);

namespace {

// What a log daemon makes of a line that libc sends.
struct Line {
    int facility = -1;
    int severity = -1;
    std::string ident;
    std::string pid;
    std::string text;
};

std::vector<std::string> values(const Finished& finished, const std::string& key) {
    std::vector<std::string> found;
    std::istringstream lines(finished.out);
    for (std::string line; std::getline(lines, line);)
        if (line.compare(0, key.size() + 1, key + "=") == 0)
            found.push_back(line.substr(key.size() + 1));
    return found;
}

// "<PRIORITY>Mmm dd hh:mm:ss IDENT[PID]: TEXT", where [PID] may be missing; anything else fails the test.
Line parsed(const std::string& datagram) {
    INFO(datagram);
    const auto priority_end = datagram.find('>');
    REQUIRE(datagram.front() == '<');
    REQUIRE(priority_end != std::string::npos);
    const int priority = std::stoi(datagram.substr(1, priority_end - 1));

    const std::string time = datagram.substr(priority_end + 1, 16);
    std::tm fields{};
    const char* const time_end = ::strptime(time.c_str(), "%b %e %H:%M:%S ", &fields);
    REQUIRE(time_end == time.c_str() + time.size());

    const std::string rest = datagram.substr(priority_end + 17);
    const auto tag_end = rest.find(": ");
    REQUIRE(tag_end != std::string::npos);
    std::string ident = rest.substr(0, tag_end);
    std::string pid;
    if (const auto bracket = ident.find('['); bracket != std::string::npos) {
        REQUIRE(ident.back() == ']');
        pid = ident.substr(bracket + 1, ident.size() - bracket - 2);
        ident.resize(bracket);
    }
    return {priority >> 3, priority & 7, ident, pid, rest.substr(tag_end + 2)};
}

std::vector<Line> received(const Finished& finished) {
    std::vector<Line> lines;
    for (const auto& datagram : values(finished, "line")) lines.push_back(parsed(datagram));
    return lines;
}

std::vector<std::string> texts(const Finished& finished) {
    std::vector<std::string> all;
    for (const auto& line : received(finished)) all.push_back(line.text);
    return all;
}

using Words = std::vector<std::string>;

// Nothing when this machine allows no /dev/log of the test's own: then that is said, and the test ends.
std::optional<Finished> run(std::vector<std::string> operations) {
    operations.insert(operations.begin(), daemonkit::testkit::probe("probe_syslog"));
    Finished finished = daemonkit::testkit::run_program(operations);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    REQUIRE(finished.exit_status == 0);
    if (const auto why = values(finished, "not_allowed"); !why.empty()) {
        not_tested("a /dev/log of its own needs " + why.front());
        return {};
    }
    return finished;
}

}  // namespace

TEST_CASE("SyslogSink: a line arrives with facility, severity, ident, pid and text",
          "[syslog_sink][process]") {
    const auto finished = run({"open:ident=thermod", "write:5:started with 3 sensors", "receive"});
    if (!finished) return;
    const auto lines = received(*finished);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].facility == 3);
    CHECK(lines[0].severity == 5);
    CHECK(lines[0].ident == "thermod");
    CHECK(lines[0].pid == (*finished)["pid"]);
    CHECK(lines[0].text == "started with 3 sensors");
    CHECK(values(*finished, "errno").empty());
}

TEST_CASE("SyslogSink: every facility and severity arrives as its number",
          "[syslog_sink][process]") {
    const int facility =
        GENERATE(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23);
    std::vector<std::string> operations{"open:ident=p,facility=" + std::to_string(facility)};
    for (int severity = 0; severity < 8; ++severity)
        operations.push_back("write:" + std::to_string(severity) + ":x");
    operations.push_back("receive");
    const auto finished = run(operations);
    if (!finished) return;
    const auto lines = received(*finished);
    REQUIRE(lines.size() == 8);
    for (int severity = 0; severity < 8; ++severity) {
        CHECK(lines[static_cast<std::size_t>(severity)].facility == facility);
        CHECK(lines[static_cast<std::size_t>(severity)].severity == severity);
    }
}

TEST_CASE("SyslogSink: without an ident, the name of the program, and the pid can be left out",
          "[syslog_sink][process]") {
    const auto finished = run({"open:pid=left_out", "write:6:x", "receive"});
    if (!finished) return;
    const auto lines = received(*finished);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].ident == "probe_syslog");
    CHECK(lines[0].pid.empty());
}

TEST_CASE("SyslogSink: a forked process logs under its own pid", "[syslog_sink][process]") {
    const auto finished =
        run({"open:ident=p", "fork-write:6:from the child", "write:6:from the other", "receive"});
    if (!finished) return;
    const auto lines = received(*finished);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].text == "from the child");
    CHECK(lines[0].pid == (*finished)["child"]);
    CHECK(lines[1].pid == (*finished)["pid"]);
}

TEST_CASE("SyslogSink: a text is never a format", "[syslog_sink][process]") {
    const auto finished = run({"open:ident=p", "write:6:%s%n%m 100 % %%", "receive"});
    if (!finished) return;
    CHECK(texts(*finished) == Words{"%s%n%m 100 % %%"});
}

TEST_CASE(
    "SyslogSink: whatever the bytes, it is one datagram, and nothing of it is dropped silently",
    "[syslog_sink][process]") {
    // a, NUL, b, newline, "<0>forged", newline
    const auto finished =
        run({"open:ident=p", "write-hex:6:6100620a3c303e666f726765640a", "write-hex:6:c3a9ff",
             "write:6:", "write-x:6:8000", "receive", "write-x:6:8001", "receive"});
    if (!finished) return;
    CHECK(texts(*finished) == Words{"a#000b#012<0>forged", "\\xc3\\xa9\\xff", "",
                                    std::string(8000, 'x'), std::string(7994, 'x') + " [cut]"});
}

TEST_CASE("SyslogSink: below the threshold nothing is sent, by the sink or by libc",
          "[syslog_sink][process]") {
    const auto finished =
        run({"open:ident=p,threshold=4", "mask", "write:4:warning", "write:5:notice",
             "direct:5:libc notice", "direct:3:libc error", "threshold:6", "mask", "write:6:info",
             "write:7:debug", "threshold:0", "mask", "write:0:emergency", "write:1:alert",
             "write:9:no severity", "threshold:200", "mask", "write:9:no severity", "receive"});
    if (!finished) return;
    CHECK(texts(*finished) == Words{"warning", "libc error", "info", "emergency"});
    CHECK(values(*finished, "mask") == Words{"31", "127", "1", "255"});
    CHECK(values(*finished, "threshold") == Words{"warning", "info", "emergency", "debug"});
}

TEST_CASE("SyslogSink: afterwards libc has its mask, ident and facility of before",
          "[syslog_sink][process]") {
    const auto finished =
        run({"mask", "open:ident=p,facility=16,threshold=3,copy=to_stderr", "mask", "close", "mask",
             "direct:6:after", "receive", "open:ident=q", "write:6:again", "receive"});
    if (!finished) return;
    CHECK(values(*finished, "mask") == Words{"255", "15", "255"});
    const auto lines = received(*finished);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].ident == "probe_syslog");
    CHECK(lines[0].facility == 1);
    CHECK(lines[0].pid.empty());
    CHECK(lines[1].ident == "q");
    CHECK(finished->err.empty());  // nor does a later line go to stderr
}

TEST_CASE("SyslogSink: a second one is refused while the first lives, which goes on",
          "[syslog_sink][process]") {
    const auto finished = run({"open:ident=first", "second", "write:6:still here", "receive",
                               "close", "open:ident=next", "write:6:free again", "receive"});
    if (!finished) return;
    CHECK((*finished)["error"] == "open_syslog");
    CHECK((*finished)["subject"] == "another");
    CHECK((*finished)["errno"] == std::to_string(EBUSY));
    const auto lines = received(*finished);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].ident == "first");
    CHECK(lines[1].ident == "next");
}

TEST_CASE("SyslogSink: connected at once, it survives a chroot, and connected later, it does not",
          "[syslog_sink][process]") {
    const TempFolder folder;
    const std::string chroot = "chroot:" + folder.path().string();
    const auto at_once = run({"open:ident=p", chroot, "write:6:from inside", "receive"});
    if (!at_once) return;
    CHECK(texts(*at_once) == Words{"from inside"});
    const auto later =
        run({"open:ident=p,connect=at_first_line", chroot, "write:6:from inside", "receive"});
    REQUIRE(later);
    CHECK(texts(*later).empty());
}

TEST_CASE("SyslogSink: lines arrive again after the log daemon was restarted",
          "[syslog_sink][process]") {
    const auto finished = run({"open:ident=p", "write:6:1", "receive", "stop-server",
                               "write:6:lost", "start-server", "write:6:2", "receive"});
    if (!finished) return;
    CHECK(texts(*finished) == Words{"1", "2"});
}

TEST_CASE(
    "SyslogSink: with no log daemon a sink is made, and lines can go to the console or to stderr",
    "[syslog_sink][process]") {
    const auto silent = run({"stop-server", "open:ident=p", "write:6:nobody", "write:6:reads"});
    if (!silent) return;
    CHECK(silent->err.empty());
    CHECK(values(*silent, "error").empty());
    CHECK(values(*silent, "errno").empty());

    const auto console = run({"make-console", "open:ident=p,copy=to_console_if_lost",
                              "write:6:taken", "stop-server", "write:2:lost", "console"});
    REQUIRE(console);
    const auto lines = values(*console, "console");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("p[" + (*console)["pid"] + "]: lost") != std::string::npos);

    const auto copied = run({"open:ident=p,copy=to_stderr", "write:6:both ways", "receive"});
    REQUIRE(copied);
    CHECK(texts(*copied) == Words{"both ways"});
    CHECK(copied->err == "p[" + (*copied)["pid"] + "]: both ways\n");
}

TEST_CASE("SyslogSink: an ident or facility that no log daemon can read is refused",
          "[syslog_sink][unit]") {
    // Nothing is opened here: the options are looked at before libc hears of them.
    const auto refusal = [](const daemonkit::SyslogOptions& options) -> std::string {
        try {
            const SyslogSink sink(options);
        } catch (const daemonkit::Error& error) {
            CHECK(error.step() == daemonkit::Step::open_syslog);
            CHECK(error.code().value() == EINVAL);
            return error.what();
        }
        return "accepted";
    };
    CHECK(refusal({.ident = std::string("a\0b", 3)}).find("a#000b: the ident must be one word") !=
          std::string::npos);
    CHECK(refusal({.ident = "two words"}).find("one word") != std::string::npos);
    CHECK(refusal({.ident = "line\n"}).find("one word") != std::string::npos);
    CHECK(refusal({.ident = "\x7f"}).find("one word") != std::string::npos);
    CHECK(refusal({.ident = std::string(49, 'i')}).find("longer than 48") != std::string::npos);
    for (const int facility : {0, 12, 15, 24, 255})
        CHECK(refusal({.ident = "p", .facility = static_cast<Facility>(facility)})
                  .find("no such facility") != std::string::npos);
}

TEST_CASE("SyslogSink: rsyslogd reads every field", "[syslog_sink][process]") {
    if (std::system("command -v rsyslogd >/dev/null 2>&1") != 0)
        return not_tested("rsyslogd is not installed");
    const TempFolder folder;
    const std::string log = folder / "log";
    daemonkit::testkit::write_file(
        folder / "conf",
        "global(workDirectory=\"" + folder.path().string() + "\")\n" +
            "module(load=\"imuxsock\" SysSock.Name=\"/dev/log\" SysSock.RateLimit.Interval=\"0\")\n"
            "template(name=\"fields\" type=\"string\"\n"
            "  "
            "string=\"%syslogfacility-text%|%syslogseverity-text%|%programname%|%procid%|%msg%"
            "\\n\")\n"
            "action(type=\"omfile\" file=\"" +
            log + "\" template=\"fields\")\n");
    const auto finished =
        run({"rsyslogd:" + folder.path().string(), "open:ident=thermod,facility=19",
             "write:4:sensor 2 is hot", "write-hex:3:6100620a3c303e666f726765640a",
             "write-hex:6:c3a974c3a9", "write-x:6:9000"});
    if (!finished) return;
    const std::string head = "|thermod|" + (*finished)["pid"] + "| ";
    std::istringstream file(daemonkit::testkit::read_file(log));
    std::vector<std::string> ours;
    for (std::string line; std::getline(file, line);)
        if (line.find("|thermod|") != std::string::npos) ours.push_back(line);
    REQUIRE(ours.size() == 4);
    CHECK(ours[0] == "local3|warning" + head + "sensor 2 is hot");
    CHECK(ours[1] == "local3|err" + head + "a#000b#012<0>forged");
    CHECK(ours[2] == "local3|info" + head + "\xc3\xa9t\xc3\xa9");
    CHECK(ours[3] == "local3|info" + head + std::string(7994, 'x') + " [cut]");
}

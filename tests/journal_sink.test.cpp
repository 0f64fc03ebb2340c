// SPDX-License-Identifier: MIT
#include <daemonkit/journal_sink.hpp>

#include <daemonkit/error.hpp>
#include <daemonkit/log_sink.hpp>

#include "catch.hpp"
#include "journal_receiver.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::JournalRecord;
using daemonkit::testkit::TestJournal;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

static_assert(LogSink<JournalSink> && LogSink<const JournalSink>);
static_assert(!std::is_copy_constructible_v<JournalSink> &&
              !std::is_move_constructible_v<JournalSink>);

namespace {

template <class Action>
std::chrono::milliseconds time_of(Action action) {
    const auto before = Clock::now();
    action();
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - before);
}

std::optional<Error> refusal(const JournalSinkOptions& options) {
    try {
        const JournalSink sink(options);
    } catch (const Error& error) {
        CHECK(error.step() == Step::open_journal);
        CHECK(error.exit_status() == 78);
        return error;
    }
    return {};
}

constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

TEST_CASE("JournalSink: an entry is these bytes and no others", "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.ident = "thermod", .facility = Facility::local3, .path = journal.path});
    errno = E2BIG;
    log.write(Severity::warning, "sensor 2 is hot", {{"SENSOR", "2"}, {"NOTE", "a\nb"}},
              {"thermo.cpp", 71, "measure"});
    CHECK(errno == E2BIG);
    const JournalRecord entry = journal.receiver.next();
    CHECK(entry.bytes ==
          "PRIORITY=4\nSYSLOG_IDENTIFIER=thermod\nSYSLOG_FACILITY=19\n"
          "CODE_FILE=thermo.cpp\nCODE_LINE=71\nCODE_FUNC=measure\n"
          "MESSAGE=sensor 2 is hot\nSENSOR=2\nNOTE\n\3" +
              std::string(7, '\0') + "a\nb\n");
    CHECK(entry.pid == ::getpid());
    CHECK(log.dropped() == 0);
}

TEST_CASE("JournalSink: the place in the source is that of the call", "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    const unsigned line = CodeLocation::current().line + 1;
    log.write(Severity::info, "1");
    log.write(Severity::info, "2", {{"A", "b"}});
    for (const unsigned offset : {0U, 1U}) {
        const JournalRecord entry = journal.receiver.next();
        CHECK(entry["CODE_FILE"] == __FILE__);
        CHECK(entry["CODE_LINE"] == std::to_string(line + offset));
        CHECK(entry["CODE_FUNC"] == __func__);
    }
    log.write(Severity::info, "3", CodeLocation{});
    CHECK(journal.receiver.next()["CODE_LINE"] == "(no CODE_LINE)");
}

TEST_CASE("JournalSink: the ident is the program's name when nothing is said",
          "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    log.write(Severity::debug, "");
    const JournalRecord entry = journal.receiver.next();
    CHECK(entry["SYSLOG_IDENTIFIER"] == detail::sys::program_name());
    CHECK(entry["SYSLOG_FACILITY"] == "3");
    CHECK(entry["PRIORITY"] == "7");
    CHECK(entry["MESSAGE"].empty());
}

TEST_CASE("JournalSink: any bytes arrive, and no value begins a field of its own",
          "[journal_sink][unit]") {
    TestJournal journal;
    const std::string odd("a\nPRIORITY=0\nb\0c\xff\r=", 20);
    const JournalSink log({.ident = "x\ny", .fields = {{"COMMON", odd}}, .path = journal.path});
    for (const std::size_t size : {0U, 1U, 8U, 200U, 255U, 256U, 257U, 300U, 5000U, 70'000U}) {
        CAPTURE(size);
        const std::string text = std::string(size, 'm') + odd;
        const std::string value = odd + std::string(size, 'v');
        log.write(Severity::info, text, {{"VALUE", value}, {"PLAIN", std::string(size, 'p')}});
        const JournalRecord entry = journal.receiver.next();
        CHECK(entry["MESSAGE"] == text);
        CHECK(entry["VALUE"] == value);
        CHECK(entry["PLAIN"] == std::string(size, 'p'));
        CHECK(entry["COMMON"] == odd);
        CHECK(entry["SYSLOG_IDENTIFIER"] == "x\ny");
        CHECK(entry["PRIORITY"] == "6");
    }
    log.write(Severity::info, "two lines\nof text\r\n\n");
    CHECK(journal.receiver.next()["MESSAGE"] == "two lines\nof text");
}

TEST_CASE("JournalSink: what is too long for a datagram goes as sealed memory",
          "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    const int lowest = ::dup(0);
    ::close(lowest);
    const std::string text = std::string(3'000'000, 'x') + "\nend";
    const std::string value(1'000'000, 'v');
    log.write(Severity::info, text, {{"VALUE", value}});
    const JournalRecord entry = journal.receiver.next();
    CHECK(entry.as_file);
    CHECK((entry.seals & all_seals) == all_seals);
    CHECK(entry["MESSAGE"] == text);
    CHECK(entry["VALUE"] == value);
    CHECK(entry["PRIORITY"] == "6");
    log.write(Severity::info, "short again");
    CHECK_FALSE(journal.receiver.next().as_file);
    const int after = ::dup(0);
    ::close(after);
    CHECK(after == lowest);  // nothing stays open
}

TEST_CASE("JournalSink: a limit on the size of files ends no program", "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    struct ::rlimit before {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const struct ::rlimit small { 4096, before.rlim_max };
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    log.write(Severity::info, std::string(3'000'000, 'x'));
    log.write(Severity::info, "short");
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(log.dropped() == 1);
    CHECK(journal.receiver.messages() == Words{"1 messages dropped", "short"});
}

TEST_CASE("JournalSink: fields that have no room are left out, and their number is told",
          "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    const std::string small(100, 's');
    const std::string large(300, 'l');
    const std::string text(1000, 'm');
    std::vector<JournalField> fields(200, {"SMALL", small});
    log.write(Severity::info, text, fields);
    JournalRecord entry = journal.receiver.next();
    CHECK(entry["MESSAGE"] == text);
    auto told = std::stoul(entry["FIELDS_LEFT_OUT"]);
    CHECK(entry.fields.size() - 8 == 200 - told);
    CHECK(200 - told >= 37);  // the 4000 bytes that are promised

    fields.assign(200, {"LARGE", large});
    log.write(Severity::info, text, fields);
    entry = journal.receiver.next();
    told = std::stoul(entry["FIELDS_LEFT_OUT"]);
    CHECK(entry.fields.size() - 8 == 200 - told);
    CHECK(200 - told >= 20);

    fields.assign(20, {"LARGE", large});
    log.write(Severity::info, text, fields);
    entry = journal.receiver.next();
    CHECK(entry.fields.size() == 7 + 20);
    CHECK(entry["FIELDS_LEFT_OUT"] == "(no FIELDS_LEFT_OUT)");
    CHECK(log.dropped() == 0);
}

TEST_CASE("JournalSink: the names of fields keep the journal's rules", "[journal_sink][unit]") {
    for (const char* const name :
         {"", "_PID", "1A", "a", "A-B", "A B", "A=B", "A\nB", "\xc3\x84",
          "A2345678901234567890123456789012345678901234567890123456789012345"}) {
        CAPTURE(name);
        try {
            static_cast<void>(JournalFieldName::checked(name));
            FAIL("accepted");
        } catch (const Error& error) {
            CHECK(error.step() == Step::open_journal);
            CHECK(error.code().value() == EINVAL);
        }
    }
    CHECK(JournalFieldName::checked("A_1").view() == "A_1");
    CHECK(JournalFieldName::checked(
              "A234567890123456789012345678901234567890123456789012345678901234")
              .view()
              .size() == 64);
    static_assert(JournalFieldName("SENSOR_2").view() == "SENSOR_2");
}

TEST_CASE("JournalSink: an option that can never work is refused", "[journal_sink][unit]") {
    CHECK(refusal({.path = ""}));
    CHECK(refusal({.path = "relative"}));
    CHECK(refusal({.path = "/" + std::string(200, 'x')}));
    const auto error = refusal({.fields = std::vector<JournalField>(25, {"A", "b"})});
    REQUIRE(error);
    CHECK(error->subject() == "A");
    CHECK_FALSE(refusal({.fields = std::vector<JournalField>(24, {"A", std::string(300, 'b')})}));
    CHECK_FALSE(refusal({.path = "/nowhere/socket"}));
}

TEST_CASE("JournalSink: what the mask keeps out is not sent", "[journal_sink][unit]") {
    TestJournal journal;
    JournalSink log({.mask = SeverityMask::up_to(Severity::warning), .path = journal.path});
    log.write(Severity::notice, "1");
    log.write(Severity::notice, "2", {{"A", "b"}});
    log.write(Severity::warning, "3");
    CHECK(log.set_mask(SeverityMask::only({Severity::debug})) ==
          SeverityMask::up_to(Severity::warning));
    log.write(Severity::warning, "4");
    log.write(Severity::debug, "5");
    log.write(static_cast<Severity>(9), "6");
    CHECK(journal.receiver.messages() == Words{"3", "5"});
    CHECK(log.dropped() == 0);
}

TEST_CASE("JournalSink: a journal that is restarted is found again, and every loss is told",
          "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    log.write(Severity::info, "1");
    CHECK(journal.receiver.messages() == Words{"1"});
    journal.receiver.stop();
    CHECK(time_of([&] {
              log.write(Severity::info, "lost");
              log.write(Severity::info, "lost");
          }) < 50ms);
    CHECK(log.dropped() == 2);
    journal.receiver.start();
    std::optional<JournalRecord> first;
    for (const auto end = Clock::now() + 5s; !first && Clock::now() < end;
         first = journal.receiver.receive(1ms))
        log.write(Severity::notice, "again");
    REQUIRE(first);
    CHECK((*first)["MESSAGE"] == std::to_string(log.dropped()) + " messages dropped");
    CHECK((*first)["PRIORITY"] == "5");
    CHECK(journal.receiver.next()["MESSAGE"] == "again");
}

TEST_CASE("JournalSink: a journal that is not read holds up all messages together for one bound",
          "[journal_sink][unit]") {
    TestJournal journal;
    std::optional<JournalSink> log;
    log.emplace(JournalSinkOptions{.bound = 50ms, .path = journal.path});
    constexpr std::uint64_t count = 3000;
    const auto time = time_of([&] {
        for (std::uint64_t i = 0; i < count; ++i) log->write(Severity::info, "x");
    });
    CHECK(time >= 50ms);
    CHECK(time < 10s);  // one bound for each would be minutes
    const std::uint64_t dropped = log->dropped();
    CHECK(dropped > 0);
    // One that is too long for a datagram waits no longer either.
    CHECK(time_of([&] { log->write(Severity::info, std::string(1'000'000, 'x')); }) < 10s);
    const Words arrived = journal.receiver.messages();
    CHECK(arrived.size() == count - dropped);
    log.reset();  // tells what is still to be told
    CHECK(journal.receiver.messages() == Words{std::to_string(dropped + 1) + " messages dropped"});
}

TEST_CASE("JournalSink: messages of eight threads arrive whole, in the order of each thread",
          "[journal_sink][unit]") {
    TestJournal journal;
    constexpr int count = 500;
    std::atomic<int> running{8};
    std::map<std::string, int> next;
    Words wrong;
    std::thread reader([&] {
        for (bool is_last = false; !is_last;) {
            is_last = running == 0;
            while (const auto entry = journal.receiver.receive(1ms)) {
                const std::string name = (*entry)["THREAD"];
                if ((*entry)["MESSAGE"] != name + std::to_string(next[name]++) ||
                    (*entry)["LONG"] != std::string(600, name[0]))
                    wrong.push_back(entry->bytes);
            }
        }
    });
    std::uint64_t dropped = 0;
    {
        const JournalSink log({.bound = 10s, .path = journal.path});
        std::vector<std::thread> threads;
        for (int thread = 0; thread < 8; ++thread) {
            threads.emplace_back([&, name = std::string(1, static_cast<char>('a' + thread))] {
                for (int i = 0; i < count; ++i)
                    log.write(Severity::info, name + std::to_string(i),
                              {{"THREAD", name}, {"LONG", std::string(600, name[0])}});
                --running;
            });
        }
        for (auto& thread : threads) thread.join();
        dropped = log.dropped();
    }
    reader.join();
    CHECK(dropped == 0);
    CHECK(wrong.empty());
    CHECK(next.size() == 8);
    for (const auto& [name, sent] : next) CHECK(sent == count);
}

TEST_CASE("JournalSink: what was opened by the number of its descriptor gets nothing for long",
          "[journal_sink][unit]") {
    TestJournal journal;
    const JournalSink log({.path = journal.path});
    log.write(Severity::info, "1");
    const int fd = log.native_handle();
    REQUIRE(fd > 2);
    ::close(fd);
    std::array<int, 2> other{};  // takes datagrams as well, so that no error tells
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, other.data()) == 0);
    if (other[0] != fd) {
        REQUIRE(::dup2(other[0], fd) == fd);
        ::close(other[0]);
    }
    Words arrived;
    for (const auto end = Clock::now() + 5s; arrived.size() < 2 && Clock::now() < end;
         std::this_thread::sleep_for(1ms)) {
        log.write(Severity::info, "again");
        for (const auto& each : journal.receiver.messages()) arrived.push_back(each);
    }
    CHECK(arrived.size() >= 2);
    CHECK(::fcntl(fd, F_GETFD) >= 0);  // the stranger's descriptor is left alone
    ::close(fd);
    ::close(other[1]);
}

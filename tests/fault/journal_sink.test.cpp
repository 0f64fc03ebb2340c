// SPDX-License-Identifier: MIT
// JournalSink when system calls fail: what the journal can be given arrives, everything else is counted.
#include <daemonkit/journal_sink.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "journal_receiver.hpp"
#include "not_tested.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using daemonkit::testkit::open_descriptors;
using daemonkit::testkit::TestJournal;
using daemonkit::testkit::with_fault;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

TEST_CASE("JournalSink: a connection that breaks is made anew, and nothing is lost",
          "[journal_sink][fault][unit]") {
    TestJournal journal;
    for (const int error : {ECONNREFUSED, ECONNRESET, ENOTCONN, EPIPE, EBADF, ENOENT, EPERM}) {
        CAPTURE(error);
        const JournalSink log({.path = journal.path});
        log.write(Severity::info, "1");
        const Fault fault("sendmsg", 1, error);
        log.write(Severity::info, "2");
        CHECK(fault.hits() == 1);
        CHECK(journal.receiver.messages() == Words{"1", "2"});
        CHECK(log.dropped() == 0);
    }
}

TEST_CASE("JournalSink: what fails for a moment is tried again, and nothing is lost",
          "[journal_sink][fault][unit]") {
    TestJournal journal;
    for (const int error : {EINTR, EAGAIN, ENOBUFS, ENOMEM}) {
        CAPTURE(error);
        const JournalSink log({.path = journal.path});
        const Fault fault("sendmsg", 1, error);
        log.write(Severity::info, "1");
        CHECK(fault.hits() == 1);
        CHECK(journal.receiver.messages() == Words{"1"});
        CHECK(log.dropped() == 0);
    }
}

TEST_CASE("JournalSink: a send that fails for good holds up nobody beyond the bound",
          "[journal_sink][fault][unit]") {
    TestJournal journal;
    for (const int error : {EINTR, EAGAIN, ENOBUFS, EIO, ECONNREFUSED, EMSGSIZE}) {
        CAPTURE(error);
        const JournalSink log({.bound = 20ms, .path = journal.path});
        {
            const Fault fault("sendmsg", 1, error, Repeat::for_good);
            const auto before = Clock::now();
            for (int i = 0; i < 10; ++i) log.write(Severity::info, "x");
            CHECK(Clock::now() - before < 10s);  // not for ever
            CHECK(log.dropped() == 10);
        }
        std::this_thread::sleep_for(110ms);  // the longest interval between attempts
        log.write(Severity::info, "again");
        CHECK(journal.receiver.messages() == Words{"10 messages dropped", "again"});
    }
}

TEST_CASE("JournalSink: a large entry goes as a file of another kind where memory cannot be sealed",
          "[journal_sink][fault][unit]") {
    TestJournal journal;
    if (::access("/dev/shm", W_OK) != 0)
        return daemonkit::testkit::not_tested("/dev/shm cannot be written to");
    const std::string text(1'000'000, 'x');
    const JournalSink log({.path = journal.path});
    const int before = open_descriptors();
    for (const auto& [call, error] :
         std::vector<std::pair<const char*, int>>{{"memfd_create", ENOSYS},
                                                  {"memfd_create", EMFILE},
                                                  {"fcntl_seal", EPERM},
                                                  {"write", ENOSPC}}) {
        CAPTURE(call);
        const Fault fault(call, 1, error);
        log.write(Severity::info, text);
        CHECK(fault.hits() == 1);
        const auto entry = journal.receiver.next();
        CHECK(entry.as_file);
        CHECK((entry.seals & F_SEAL_WRITE) == 0);
        CHECK(entry["MESSAGE"] == text);
    }
    {
        // A kernel that does not know the newest of the flags.
        const Fault fault("memfd_create", 1, EINVAL);
        log.write(Severity::info, text);
        CHECK(fault.hits() == 1);
        CHECK((journal.receiver.next().seals & F_SEAL_WRITE) != 0);
    }
    {
        const Fault fault("write", 1, EINTR);
        log.write(Severity::info, text);
        CHECK(fault.hits() == 1);
        CHECK((journal.receiver.next().seals & F_SEAL_WRITE) != 0);
    }
    CHECK(log.dropped() == 0);
    CHECK(open_descriptors() == before);
}

TEST_CASE("JournalSink: a large entry that can be put nowhere is counted",
          "[journal_sink][fault][unit]") {
    TestJournal journal;
    const std::string text(1'000'000, 'x');
    for (const char* const call : {"write", "getrlimit"}) {
        CAPTURE(call);
        const JournalSink log({.path = journal.path});
        const int before = open_descriptors();
        const auto outcome = with_fault(call, 1, EIO, Repeat::for_good, [&] {
            log.write(Severity::info, text);
            log.write(Severity::info, "short");
        });
        CHECK(outcome.hits > 0);
        CHECK(log.dropped() == 1);
        CHECK(open_descriptors() == before);
        CHECK(journal.receiver.messages() == Words{"1 messages dropped", "short"});
    }
    {
        const JournalSink log({.path = journal.path});
        const Fault fault("any", 3, ENFILE, Repeat::for_good);  // behind the send and getrlimit
        log.write(Severity::info, text);
        CHECK(log.dropped() == 1);
    }
}

TEST_CASE("JournalSink: whatever fails in the making, the sink is there and sends later",
          "[journal_sink][fault][unit]") {
    TestJournal journal;
    for (const char* const call : {"mmap", "madvise", "socket", "connect", "fstat"}) {
        CAPTURE(call);
        std::optional<JournalSink> log;
        const auto outcome = with_fault(call, 1, EACCES, Repeat::for_good, [&] {
            log.emplace(JournalSinkOptions{.path = journal.path});
        });
        REQUIRE_FALSE(outcome.error);
        std::this_thread::sleep_for(5ms);  // until the second attempt
        log->write(Severity::info, "there");
        CHECK(journal.receiver.messages() == Words{"there"});
    }
}

// SPDX-License-Identifier: MIT
#include <daemonkit/detail/proc_status.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "process_probe.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

using daemonkit::detail::proc_field;
using daemonkit::detail::proc_pid;
using daemonkit::detail::read_proc_status;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using namespace daemonkit::testkit;

namespace {

int number(const Finished& finished, const std::string& key) { return std::stoi(finished[key]); }

bool has_signal(const Finished& finished, const std::string& key, int signal) {
    return (std::stoull(finished[key]) >> static_cast<unsigned>(signal - 1) & 1U) != 0;
}

}  // namespace

TEST_CASE("proc_field: the number behind a label, and nothing where there is none",
          "[detail][unit]") {
    constexpr std::string_view text =
        "Name:\tx\nThreads:\t12\nFDSize:\t64\nSigCgt:\t00000000ffffffff\nEmpty:\nLast:\t7";
    CHECK(proc_field<int>(text, "\nThreads:", 10) == 12);
    CHECK(proc_field<int>(text, "\nFDSize:", 10) == 64);
    CHECK(proc_field<std::uint64_t>(text, "\nSigCgt:", 16) == 0xffffffffU);
    CHECK(proc_field<int>(text, "\nLast:", 10) == 7);
    CHECK_FALSE(proc_field<int>(text, "\nMissing:", 10));
    CHECK_FALSE(proc_field<int>(text, "\nName:", 10));
    CHECK_FALSE(proc_field<int>(text, "\nEmpty:", 10));
    CHECK_FALSE(proc_field<int>("\nThreads:", "\nThreads:", 10));
    CHECK_FALSE(proc_field<int>("\nThreads:\t99999999999999999999\n", "\nThreads:", 10));
    CHECK_FALSE(proc_field<int>("", "\nThreads:", 10));
}

TEST_CASE("read_proc_status: threads, signals and descriptors as they are", "[detail][process]") {
    const Finished plain = ask_process({"status"});
    CHECK(plain["pid"] == plain["self"]);
    CHECK(plain["threads"] == "1");
    CHECK(number(plain, "slots") > 2);
    CHECK(plain["streams"] == "open");

    const Finished changed = ask_process(
        {"threads:a,b,c", "ignore:1", "ignore:64", "catch:15", "catch:34", "at:900", "status"});
    CHECK(changed["threads"] == "4");
    CHECK(has_signal(changed, "ignored", 1));
    CHECK(has_signal(changed, "ignored", 64));
    CHECK_FALSE(has_signal(changed, "ignored", 2));
    CHECK(has_signal(changed, "caught", 15));
    CHECK(has_signal(changed, "caught", 34));
    CHECK_FALSE(has_signal(changed, "caught", 64));
    CHECK(number(changed, "slots") > 900);
}

TEST_CASE(
    "proc_pid: the last number of its line, and where that cannot be read the kernel is asked",
    "[detail][unit]") {
    CHECK(proc_pid("Pid:\t7\nNSpid:\t7\nNSpgid:\t8\n") == 7);
    CHECK(proc_pid("Pid:\t7\nNSpid:\t7\t30\t2\nNSpgid:\t8\n") == 2);
    CHECK(proc_pid("Pid:\t7\nNSpid:\t7\t30\t2") == 2);
    for (const char* const line : {"", "\nNSpid:", "\nNSpid:\n", "\nNSpid:\t\n", "\nNSpid:\tx\n"})
        CHECK(proc_pid(std::string("Pid:\t7") + line) == ::getpid());
}

TEST_CASE("read_proc_status: in a pid namespace the pid is the one that is known there",
          "[detail][process]") {
    const Finished finished = ask_process({"pid-one", "status"});
    if (was_not_possible(finished)) return;
    CHECK(finished["self"] == "1");
    CHECK(finished["pid"] == "1");
}

TEST_CASE("read_proc_status: the streams are open when none of them is closed",
          "[detail][process]") {
    const std::string closed = GENERATE("0", "1", "2");
    CHECK(ask_process({"close:" + closed, "status"})["streams"] == "unknown");
}

TEST_CASE("read_proc_status: any number of supplementary groups does not hide what stands behind",
          "[detail][root]") {
    const std::string count = GENERATE("300", "400", "5000", "65536");
    const Finished finished =
        ask_process({"groups:" + count, "threads:a", "ignore:1", "catch:15", "status"});
    CHECK(finished["threads"] == "2");
    CHECK(has_signal(finished, "ignored", 1));
    CHECK(has_signal(finished, "caught", 15));
}

TEST_CASE("read_proc_status: without /proc nothing is known", "[detail][process]") {
    const Finished finished = ask_process({"hide-proc", "status", "threads:a", "names"});
    if (was_not_possible(finished)) return;
    CHECK(finished["status"] == "unknown");
    CHECK(finished["names"].empty());
}

TEST_CASE("read_proc_status: what cannot be read is not known, and no descriptor is lost",
          "[detail][unit][fault]") {
    const int before = open_descriptors();
    for (const char* const call : {"open", "read"}) {
        for (const int error : {EIO, EMFILE, EACCES, EINTR}) {
            const Fault fault(call, 1, error, Repeat::for_good);
            CHECK_FALSE(read_proc_status());
            CHECK(fault.hits() <= 64);
        }
        const Fault fault(call, 1, EINTR);
        CHECK(read_proc_status());
        CHECK(fault.hits() == 1);
    }
    {
        const Fault fault("read", 2, EIO);  // half of it is not taken for the whole
        const bool is_known = read_proc_status().has_value();
        CHECK(is_known == (fault.hits() == 0));
    }
    CHECK(open_descriptors() == before);
}

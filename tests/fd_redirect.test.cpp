// SPDX-License-Identifier: MIT
#include <daemonkit/fd_redirect.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdlib>  // posix_openpt
#include <filesystem>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using daemonkit::FdRedirect;
using daemonkit::testkit::Finished;
using daemonkit::testkit::not_tested;
using daemonkit::testkit::read_file;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::write_file;

static_assert(!std::is_copy_constructible_v<FdRedirect> && !std::is_copy_assignable_v<FdRedirect>);
static_assert(!std::is_move_constructible_v<FdRedirect> && !std::is_move_assignable_v<FdRedirect>);
static_assert(std::is_nothrow_destructible_v<FdRedirect>);

namespace {

// Runs the probe; it must end by itself and understand every operation.
Finished run(std::vector<std::string> operations) {
    operations.insert(operations.begin(), daemonkit::testkit::probe("probe_redirect"));
    Finished finished = daemonkit::testkit::run_program(operations);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    REQUIRE(finished.exit_status == 0);
    REQUIRE(finished["failed"] == "(no failed)");
    return finished;
}

// What the program printed, without the lines of its report.
std::string printed(const Finished& finished) {
    std::string text;
    std::istringstream lines(finished.out);
    for (std::string line; std::getline(lines, line);)
        if (line.find('=') == std::string::npos) text += line + "\n";
    return text;
}

}  // namespace

TEST_CASE("FdRedirect: what is printed in the scope goes to the file, before and after it does not",
          "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const Finished finished =
        run({"print:out:before\n", "cout:and this\n", "out=append:" + log, "print:out:printed\n",
             "cout:streamed\n", "write:out:written\n", "look:1", "leave", "print:out:after\n"});
    CHECK(printed(finished) == "before\nand this\nafter\n");
    // write(2) has no buffer: it comes first, and the rest in its order.
    CHECK(read_file(log) == "written\nprinted\nstreamed\n");
    CHECK(finished["fd1"] == log + " kept");
}

TEST_CASE("FdRedirect: stderr, and each stream alone", "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const Finished finished = run({"err=append:" + log, "print:err:error\n", "print:out:output\n",
                                   "leave", "print:err:after\n"});
    CHECK(read_file(log) == "error\n");
    CHECK(printed(finished) == "output\n");
    CHECK(finished.err == "after\n");
}

TEST_CASE("FdRedirect: stdin reads a file, and then what it read before",
          "[fd_redirect][process]") {
    const TempFolder folder;
    write_file(folder / "input", "from the file\n");
    const Finished finished = run({"in=read:" + folder / "input", "read", "leave", "look:0"});
    CHECK(finished["line"] == "from the file");
    CHECK(finished["fd0"] == "/dev/null kept");
}

TEST_CASE("FdRedirect: a program started in the scope has the stream", "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    run({"out=append:" + log, "spawn:from a child"});
    CHECK(read_file(log) == "from a child\n");
}

TEST_CASE("FdRedirect: the null device and the default take everything, Inherit changes nothing",
          "[fd_redirect][process]") {
    const Finished finished = run({"out=null", "print:out:lost\n", "look:1", "leave", "out=default",
                                   "print:out:lost\n", "leave", "out=inherit", "print:out:seen\n",
                                   "restore", "reopen", "release", "print:out:still seen\n"});
    CHECK(finished["fd1"] == "/dev/null kept");
    CHECK(printed(finished) == "seen\nstill seen\n");
}

TEST_CASE("FdRedirect: nested scopes end one by one", "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string outer = folder / "outer";
    const std::string inner = folder / "inner";
    const Finished finished =
        run({"out=append:" + outer, "print:out:1\n", "out=append:" + inner, "print:out:2\n",
             "leave", "print:out:3\n", "leave", "print:out:4\n"});
    CHECK(read_file(outer) == "1\n3\n");
    CHECK(read_file(inner) == "2\n");
    CHECK(printed(finished) == "4\n");
}

TEST_CASE("FdRedirect: a duplicate is taken of what the descriptor is at that moment",
          "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    SECTION("2>file 1>&2: both in the file") {
        run({"err=append:" + log, "out=duplicate:2", "print:out:output\n", "print:err:error\n"});
        CHECK(read_file(log) == "error\noutput\n");
    }
    SECTION("1>&2 2>file: stdout is what stderr was") {
        const Finished finished = run(
            {"out=duplicate:2", "err=append:" + log, "print:err:error\n", "print:out:output\n"});
        CHECK(read_file(log) == "error\n");
        CHECK(finished.err == "output\n");
    }
    SECTION("out to err and err to out, one after the other: both are stderr, as in a shell") {
        const Finished finished =
            run({"out=duplicate:2", "err=duplicate:1", "print:err:1\n", "write:out:2\n", "leave",
                 "leave", "print:out:out\n", "print:err:err\n"});
        CHECK(finished.err == "1\n2\nerr\n");
        CHECK(printed(finished) == "out\n");
    }
    SECTION("err to out and out to err, one after the other: both are stdout") {
        const Finished finished =
            run({"err=duplicate:1", "out=duplicate:2", "print:err:1\n", "write:out:2\n", "leave",
                 "leave", "print:out:out\n", "print:err:err\n"});
        CHECK(printed(finished) == "1\n2\nout\n");
        CHECK(finished.err == "err\n");
    }
    SECTION("a true swap goes through a third descriptor") {
        const Finished finished =
            run({"dup:1:50", "out=duplicate:2", "err=duplicate:50", "print:out:to stderr\n",
                 "print:err:to stdout\n", "restore", "leave", "leave"});
        CHECK(finished.err == "to stderr\n");
        CHECK(printed(finished) == "to stdout\n");
    }
}

TEST_CASE("FdRedirect: onto itself, the stream stays, and loses close-on-exec for the scope",
          "[fd_redirect][process]") {
    const Finished finished = run({"guard:1", "out=duplicate:1", "look:1", "spawn:from a child"});
    CHECK(finished["fd1"].find(" kept") != std::string::npos);
    CHECK(printed(finished) == "from a child\n");
    const Finished after = run({"guard:1", "out=duplicate:1", "leave", "look:1"});
    CHECK(after["fd1"].find(" guarded") != std::string::npos);
}

TEST_CASE("FdRedirect: a stream that was closed is closed again afterwards",
          "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    SECTION("stdout") {
        const Finished finished = run({"close:1", "out=append:" + log, "look:1",
                                       "print:out:in the log\n", "leave", "look:1"});
        CHECK(read_file(log) == "in the log\n");
        CHECK(finished["fd1"] == "closed");
    }
    SECTION("all three") {
        const Finished finished =
            run({"close:0", "close:1", "close:2", "err=append:" + log, "out=null", "in=null",
                 "look:0", "look:1", "print:err:in the log\n"});
        CHECK(finished["fd0"] == "/dev/null kept");
        CHECK(finished["fd1"] == "/dev/null kept");
        CHECK(read_file(log) == "in the log\n");
    }
    SECTION("stdin, whose number an open file would otherwise get") {
        const Finished finished =
            run({"close:0", "out=append:" + log, "look:0", "print:out:in the log\n"});
        CHECK(finished["fd0"] == "closed");
        CHECK(read_file(log) == "in the log\n");
    }
}

TEST_CASE(
    "FdRedirect: in the scope one descriptor more is open, close-on-exec, and afterwards none",
    "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const Finished finished = run(
        {"dup:1:99", "guard:99", "count:one_more", "close:99", "count:before", "out=append:" + log,
         "count:inside", "reopen", "count:reopened", "restore", "count:restored", "leave",
         "out=append:" + log, "release", "count:released", "leave", "count:after"});
    CHECK(finished["inside"] == finished["one_more"]);
    CHECK(finished["reopened"] == finished["one_more"]);
    CHECK(finished["restored"] == finished["before"]);
    CHECK(finished["released"] == finished["before"]);
    CHECK(finished["after"] == finished["before"]);
    CHECK(finished["inside"] != finished["before"]);
}

TEST_CASE("FdRedirect: restore undoes now, and once", "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const Finished finished =
        run({"out=append:" + log, "print:out:in\n", "restore", "print:out:out\n", "restore",
             "reopen", "print:out:still out\n", "leave", "print:out:after\n"});
    CHECK(read_file(log) == "in\n");
    CHECK(printed(finished) == "out\nstill out\nafter\n");
}

TEST_CASE("FdRedirect: release lets the redirect outlive its scope", "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const Finished finished = run({"out=append:" + log, "release", "restore", "print:out:in\n",
                                   "leave", "print:out:after\n"});
    CHECK(read_file(log) == "in\nafter\n");
    CHECK(printed(finished).empty());
}

TEST_CASE("FdRedirect: reopen follows a rotated log, from any directory",
          "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const std::string rotated = folder / "log.1";
    run({"chdir:" + folder.path().string(), "out=append:log", "chdir:/", "print:out:1\n",
         "rename:" + log + ":" + rotated, "print:out:2\n", "reopen", "print:out:3\n", "release",
         "reopen", "print:out:4\n"});
    CHECK(read_file(rotated) == "1\n2\n");
    CHECK(read_file(log) == "3\n4\n");
}

TEST_CASE("FdRedirect: when a log cannot be opened again, the old one is written on",
          "[fd_redirect][process]") {
    const TempFolder folder;
    std::filesystem::create_directory(folder / "logs");
    const std::string log = folder / "logs/log";
    const std::string moved = folder / "moved";
    const Finished finished =
        run({"out=append:" + log, "print:out:1\n", "rename:" + folder / "logs" + ":" + moved,
             "reopen", "print:out:2\n"});
    CHECK(finished["error"] == "open_stream");
    CHECK(finished["subject"] == log);
    CHECK(finished["errno"] == std::to_string(ENOENT));
    CHECK(read_file(moved + "/log") == "1\n2\n");
}

TEST_CASE("FdRedirect: a target that cannot be opened leaves the stream as it is",
          "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string target = GENERATE("append:/nowhere/log", "append:", "append:/",
                                        "read:/etc/passwd", "duplicate:987", "duplicate:-1");
    const Finished finished =
        run({"print:out:before\n", "out=" + target, "print:out:after\n", "look:3"});
    CAPTURE(target, finished["message"]);
    CHECK((finished["error"] == "open_stream" || finished["error"] == "resolve_path"));
    CHECK(printed(finished) == "before\nafter\n");
    CHECK(finished["fd3"] == "closed");
}

TEST_CASE("FdRedirect: leaving the scope keeps errno", "[fd_redirect][process]") {
    CHECK(run({"out=null", "leave-errno"})["errno_kept"] == "yes");
    CHECK(run({"close:0", "in=null", "leave-errno"})["errno_kept"] == "yes");
}

TEST_CASE("FdRedirect: a forked process that leaves the scope does not disturb the other",
          "[fd_redirect][process]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    const Finished finished = run({"out=append:" + log, "fork-leave:outside", "print:out:inside\n",
                                   "leave", "print:out:outside too\n"});
    CHECK(read_file(log) == "inside\n");
    CHECK(printed(finished) == "outside\noutside too\n");
}

TEST_CASE("FdRedirect: a terminal as target does not become the controlling terminal",
          "[fd_redirect][process]") {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master >= 0);
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    const std::string terminal = ::ptsname(master);
    const Finished finished =
        run({"session", "out=append:" + terminal, "in=read:" + terminal, "look:1", "terminal"});
    ::close(master);
    CHECK(finished["error"] == "(no error)");
    CHECK(finished["fd1"] == terminal + " kept");
    CHECK(finished["terminal"] == "none");
}

namespace {

// The null device of a root folder is opened; what is wrong with it is said, and the stream stays.
void check_refused_null(const TempFolder& root, const std::string& reason) {
    const Finished finished =
        run({"chroot:" + root.path().string(), "out=null", "print:out:still here\n"});
    if (finished["not_allowed"] != "(no not_allowed)")
        return not_tested("a chroot needs root or a user namespace");
    CHECK(finished["error"] == "open_stream");
    CHECK(finished["subject"] == "/dev/null");
    CHECK(finished["message"].find(reason) != std::string::npos);
    CHECK(printed(finished) == "still here\n");
}

}  // namespace

TEST_CASE("FdRedirect: what only looks like the null device is refused", "[fd_redirect][process]") {
    const TempFolder root;
    std::filesystem::create_directory(root / "dev");
    SECTION("nothing is there, and nothing is made") {
        check_refused_null(root, "there is no null device");
        CHECK_FALSE(std::filesystem::exists(root / "dev/null"));
    }
    SECTION("a plain file") {
        write_file(root / "dev/null", "");
        check_refused_null(root, "this is not the null device");
        CHECK(read_file(root / "dev/null").empty());
    }
    SECTION("a pipe that would be waited for") {
        REQUIRE(::mkfifo((root / "dev/null").c_str(), 0600) == 0);
        check_refused_null(root, "this is not the null device");
    }
}

TEST_CASE("FdRedirect: another device in the place of the null device is refused",
          "[fd_redirect][root]") {
    const TempFolder root;
    std::filesystem::create_directory(root / "dev");
    constexpr ::dev_t zero_device = (1 << 8) | 5;
    if (::mknod((root / "dev/null").c_str(), S_IFCHR | 0666, zero_device) != 0)
        return not_tested("root may not make a device here");
    check_refused_null(root, "this is not the null device");
}

TEST_CASE("with_absolute_path: paths become absolute, other targets stay", "[fd_redirect][unit]") {
    const auto append = daemonkit::detail::with_absolute_path(daemonkit::AppendTo{"log", 0600});
    CHECK(std::get<daemonkit::AppendTo>(append).path == std::filesystem::current_path() / "log");
    CHECK(std::get<daemonkit::AppendTo>(append).mode == 0600);
    const auto read = daemonkit::detail::with_absolute_path(daemonkit::ReadFrom{"/in"});
    CHECK(std::get<daemonkit::ReadFrom>(read).path == "/in");
    CHECK(std::get<daemonkit::Duplicate>(
              daemonkit::detail::with_absolute_path(daemonkit::Duplicate{5}))
              .fd == 5);
    CHECK_THROWS_AS(daemonkit::detail::with_absolute_path(daemonkit::AppendTo{}), daemonkit::Error);
}

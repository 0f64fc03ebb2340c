// SPDX-License-Identifier: MIT
// run: a whole daemon in one call; what fails is told in one line, where it is seen, and in the status.
#include <daemonkit/run.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "surroundings.hpp"

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>  // memfd_create
#include <sys/resource.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// A program that consists of run.
struct Program {
    explicit Program(const Words& options, const Surroundings& surroundings = {})
        : start(Words{probe("probe_run"), files.folder.path()} + options, surroundings) {}

    // The log without the pid in "body PID".
    std::string log() const {
        std::string text = read_file(files.log);
        const auto at = text.find("body ");
        return at == 0 ? "body" + text.substr(text.find('\n')) : text;
    }

    DaemonFiles files;
    DaemonStart start;
};

// The daemon has gone its own way after the launcher's end: its status.
int daemon_status(Program& program) {
    REQUIRE(program.start.await().exit_status == 0);
    const pid_t daemon = program.start.daemon();
    write_file(program.files.folder / "go", "");
    return DaemonStart::await_end(daemon).exit_status;
}

// What a start that failed has told, and with which status.
std::string told(Program& program, int status) {
    CHECK(program.start.await().exit_status == status);
    CHECK(program.start.leaves_nothing());
    CHECK_FALSE(fs::exists(program.files.pid_file));
    return program.start.err();
}

}  // namespace

TEST_CASE("run: the body runs in the daemon, and its status is the daemon's", "[run][process]") {
    SECTION("a status") {
        Program program({"status", "--hold", "--status", "7"});
        CHECK(daemon_status(program) == 7);
        CHECK(program.log() == "body\n");
        CHECK(program.start.err() == "");
    }
    SECTION("nothing, which is 0") {
        Program program({"nothing", "--hold"});
        CHECK(daemon_status(program) == 0);
    }
    SECTION("ready when it says so") {
        Program program({"status", "--hold", "--ready", "notified", "--status", "5"});
        CHECK(daemon_status(program) == 5);
        CHECK_FALSE(fs::exists(program.files.pid_file));
    }
}

TEST_CASE("run: a start that fails is told by the launcher", "[run][process]") {
    SECTION("before the body") {
        Program program({"nothing", "--directory", "/no/such/folder"});
        CHECK(told(program, 78) ==
              "probe_run: change_directory: /no/such/folder: No such file or directory\n");
        CHECK(program.log() == "");
    }
    SECTION("by an exception of the body") {
        Program program({"throw_early", "--ready", "notified"});
        CHECK(told(program, 70) == "probe_run: application: the roof is missing\n");
        CHECK(program.log() == "body\n");
    }
    SECTION("by an Error of the body") {
        Program program({"error_early", "--ready", "notified"});
        CHECK(told(program, 70) ==
              "probe_run: application: the cellar: locked (Permission denied)\n");
    }
    SECTION("by what is no exception at all") {
        Program program({"int_early", "--ready", "notified"});
        CHECK(told(program, 70) ==
              "probe_run: application: something was thrown that is no std::exception\n");
    }
    SECTION("by a body that ends without having been ready") {
        Program program({"forgets_ready", "--ready", "notified"});
        CHECK(told(program, 70) ==
              "probe_run: application: daemon: the block was left before notify_ready\n");
    }
}

TEST_CASE("run: what the body throws when the daemon is up goes to the daemon's stderr",
          "[run][process]") {
    const std::string ready = GENERATE("notified", "constructed");
    CAPTURE(ready);
    SECTION("an exception") {
        Program program({"throw_late", "--hold", "--ready", ready});
        CHECK(daemon_status(program) == 70);
        CHECK(program.log() == "body\nprobe_run: the roof has gone\n");
        CHECK(program.start.err() == "");
    }
    SECTION("what is no exception") {
        Program program({"int_late", "--hold", "--ready", ready});
        CHECK(daemon_status(program) == 70);
        CHECK(program.log() ==
              "body\nprobe_run: application: something was thrown that is no std::exception\n");
        CHECK_FALSE(fs::exists(program.files.pid_file));
    }
    SECTION("an Error") {
        Program program({"error_late", "--hold", "--ready", ready});
        CHECK(daemon_status(program) == 70);
        CHECK(program.log() ==
              "body\nprobe_run: application: the cellar: locked (Permission denied)\n");
    }
}

TEST_CASE("run: in the foreground the same, and the status is the program's", "[run][process]") {
    SECTION("a status") {
        Program program({"status", "--foreground", "--status", "9"});
        CHECK(program.start.await().exit_status == 9);
        CHECK(program.log() == "body\n");
    }
    SECTION("an exception, told on the stderr of the body") {
        Program program({"throw_late", "--foreground"});
        CHECK(program.start.await().exit_status == 70);
        CHECK(program.log() == "body\nprobe_run: the roof has gone\n");
    }
    SECTION("what is no exception") {
        Program program({"int_late", "--foreground"});
        CHECK(program.start.await().exit_status == 70);
        CHECK(program.log() ==
              "body\nprobe_run: application: something was thrown that is no std::exception\n");
        CHECK_FALSE(fs::exists(program.files.pid_file));
    }
    SECTION("a start that fails") {
        Program program({"nothing", "--foreground", "--directory", "/no/such/folder"});
        CHECK(program.start.await().exit_status == 78);
        CHECK(program.start.err() ==
              "probe_run: change_directory: /no/such/folder: No such file or directory\n");
    }
}

TEST_CASE("run: a body that ends its thread leaves the scope as by any other way",
          "[run][process]") {
    SECTION("in the foreground") {
        Program program({"ends_thread", "--foreground"});
        CHECK(program.start.await().exit_status == 0);
        CHECK(program.start.err() == "");
        CHECK_FALSE(fs::exists(program.files.pid_file));
    }
    SECTION("in a daemon that is not ready") {
        Program program({"ends_thread", "--ready", "notified"});
        CHECK(told(program, 70).rfind("probe_run: application: daemon: ", 0) == 0);
    }
}

TEST_CASE("run: where nobody reads the launcher's stderr, the status still tells",
          "[run][process]") {
    const std::string stderr_is =
        GENERATE("closed", "full", "a pipe without a reader", "a file that may not grow");
    CAPTURE(stderr_is);
    const auto prepare = [stderr_is] {
        int ends[2];
        if (stderr_is == "a pipe without a reader" && ::pipe(ends) == 0) {
            ::dup2(ends[1], 2);
            ::close(ends[0]);
            ::close(ends[1]);
            return;
        }
        if (stderr_is == "a file that may not grow") {
            const struct ::rlimit limit { 4096, 4096 };  // the log and the pid file are shorter
            const int file = ::memfd_create("stderr", 0);
            require(::ftruncate(file, 4096) == 0 && ::lseek(file, 0, SEEK_END) == 4096 &&
                    ::dup2(file, 2) == 2 && ::setrlimit(RLIMIT_FSIZE, &limit) == 0);
            ::close(file);
            return;
        }
        ::close(2);
        if (stderr_is == "full") ::open("/dev/full", O_WRONLY);
    };
    SECTION("before the body") {
        Program program({"nothing", "--directory", "/no/such/folder"}, {{}, prepare});
        CHECK(told(program, 78) == "");
    }
    SECTION("in the body") {
        Program program({"error_early", "--ready", "notified"}, {{}, prepare});
        CHECK(told(program, 70) == "");
    }
    SECTION("in the body, which has told what it does") {
        Program program({"tells_and_fails", "--ready", "notified"}, {{}, prepare});
        CHECK(told(program, 70) == "");
    }
}

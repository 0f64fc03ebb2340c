// SPDX-License-Identifier: MIT
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "not_tested.hpp"

#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;

namespace {

/// A terminal that a launcher is started on, as from a login; the object is the screen and the person.
class Terminal {
public:
    Terminal() : screen_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        REQUIRE(screen_ >= 0);
        REQUIRE(::grantpt(screen_) == 0);
        REQUIRE(::unlockpt(screen_) == 0);
        name_ = ::ptsname(screen_);
    }
    ~Terminal() { hang_up(); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// The launcher leads a session on this terminal, with 0-2 on it.
    Surroundings login() const {
        return {{}, [name = name_] {
                    ::setsid();
                    const int line = ::open(name.c_str(), O_RDWR);
                    ::ioctl(line, TIOCSCTTY, 0);
                    for (const int fd : {0, 1, 2}) ::dup2(line, fd);
                    if (line > 2) ::close(line);
                }};
    }

    /// Waits until the text stands on the screen.
    bool shows(const std::string& text) {
        return eventually([&] {
            read_what_comes();
            return shown_.find(text) != std::string::npos;
        });
    }

    /// What stands on the screen now.
    const std::string& shown() {
        while (read_what_comes()) continue;
        return shown_;
    }

    void press(char key) { REQUIRE(::write(screen_, &key, 1) == 1); }

    /// The line is cut: the kernel sends SIGHUP to whoever has this terminal.
    void hang_up() {
        if (screen_ >= 0) ::close(screen_);
        screen_ = -1;
    }

    const std::string& name() const { return name_; }

private:
    bool read_what_comes() {
        pollfd line{screen_, POLLIN, 0};
        char bytes[1024];
        if (::poll(&line, 1, 1) < 1 || (line.revents & POLLIN) == 0) return false;
        const ssize_t size = ::read(screen_, bytes, sizeof bytes);
        if (size > 0) shown_.append(bytes, static_cast<std::size_t>(size));
        return size > 0;
    }

    int screen_;
    std::string name_;
    std::string shown_;
};

bool has_terminals() {
    const int screen = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (screen < 0) return false;
    const bool works = ::grantpt(screen) == 0 && ::unlockpt(screen) == 0 &&
                       ::access(::ptsname(screen), R_OK | W_OK) == 0;
    ::close(screen);
    return works;
}

bool logs(const DaemonFiles& files, const std::string& text) {
    return eventually([&] { return read_file(files.log).find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("DaemonContext: started on a terminal the daemon has none, and lives on when it hangs up",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    Terminal terminal;
    DaemonStart start(files.start(), terminal.login());
    REQUIRE(why_not_up(start, files) == "");
    const pid_t daemon = start.daemon();
    CHECK(stat_field(daemon, 4) == "0");  // tty_nr: no controlling terminal
    const Report report(files.report);
    CHECK(report["terminal"] == "none");
    CHECK(report["session"] != report["pid"]);
    for (const std::string& fd : report.keys_after("fd.")) {
        CAPTURE(fd);
        // Standard error is the launcher's until the daemon is ready, after the report.
        if (fd != "2") CHECK(report["fd." + fd] != terminal.name());
    }

    terminal.hang_up();
    REQUIRE(::kill(daemon, SIGUSR1) == 0);
    CHECK(logs(files, "signal " + std::to_string(SIGUSR1)));
    CHECK(read_file(files.log).find("signal " + std::to_string(SIGHUP) + " ") == std::string::npos);
    CHECK(DaemonStart::end(daemon, SIGTERM).exit_status == 0);
}

TEST_CASE("DaemonContext: what a start prints to stderr stands on the terminal until it is ready",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    Terminal terminal;
    DaemonStart start(files.start({"--init", "throw"}), terminal.login());
    CHECK(start.await().exit_status == 70);
    CHECK(terminal.shows("application: the roof is missing"));
    CHECK(start.leaves_nothing());
}

TEST_CASE("DaemonContext: a terminal that nobody reads does not hold up a start that says much",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    Terminal terminal;
    // A terminal with some room, but not for all of a line, is called writable all the same.
    DaemonStart start(files.start({"--ready", "notified", "--statuses", "200", "--status",
                                   std::string(1900, 'x')}),
                      terminal.login());
    CHECK(start.await().exit_status == 0);
    CHECK(DaemonStart::end(start.daemon(), SIGTERM).exit_status == 0);
}

TEST_CASE("DaemonContext: what the daemon prints to stderr later does not stand on the terminal",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    Terminal terminal;
    DaemonStart start(files.start({"--say", "hello"}), terminal.login());
    REQUIRE(why_not_up(start, files) == "");
    CHECK(logs(files, "later: hello"));
    CHECK(terminal.shown() == "hello\r\n");
}

TEST_CASE("DaemonContext: a terminal that the daemon opens does not become its own",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    const Terminal terminal;  // nobody's so far
    DaemonStart start(files.start({"--open-terminal", terminal.name()}));
    REQUIRE(why_not_up(start, files) == "");
    CHECK(logs(files, "the terminal opened: yes, controlling: no"));
}

TEST_CASE("DaemonContext: Ctrl+C while the launcher waits ends the start and leaves no daemon",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    Terminal terminal;
    DaemonStart start(files.start({"--init", "hang"}), terminal.login());
    REQUIRE(logs(files, "starting"));
    terminal.press('\x03');
    CHECK(start.await().exit_status == 128 + SIGINT);  // its SignalSet catches what is sent again
    CHECK(terminal.shown().find("interrupted by SIGINT") != std::string::npos);
    CHECK(start.leaves_nothing());
    CHECK_FALSE(is_locked(files.pid_file));
}

TEST_CASE("DaemonContext: a terminal that hangs up while the launcher waits ends the start",
          "[terminal][process]") {
    if (!has_terminals()) return not_tested("there are no pseudo terminals (devpts)");
    const DaemonFiles files;
    Terminal terminal;
    DaemonStart start(files.start({"--init", "hang"}), terminal.login());
    REQUIRE(logs(files, "starting"));
    terminal.hang_up();
    CHECK(start.await().exit_status == 128 + SIGHUP);
    CHECK(start.leaves_nothing());
    CHECK_FALSE(is_locked(files.pid_file));
}

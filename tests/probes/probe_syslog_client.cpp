// SPDX-License-Identifier: MIT
// probe_syslog_client VERB...: a SyslogClient with the ident p, in processes that come from one another.
//
//   local:PATH  udp:PORT  tcp:PORT   the client; with repeated verbs, a new one
//   default               one for the socket that every log daemon has
//   lost:WHERE            where lines go that the log does not take, from the next client on: stderr, console
//   write:TEXT
//   fork-write:TEXT       from a forked process, whose pid is reported as child=
//   fork-storm:COUNT      four threads write without a pause, and as many processes are forked; each of them writes
//                         "child" and ends: children=, how many of them did
//   vanish                every descriptor above 2 is closed, as by a careless library
//   daemon:CLOSE:ROOT     a DaemonContext with CloseInherited::CLOSE and, if it is not empty, that root directory;
//                         the rest is done by the daemon
//   chroot:FOLDER         a new root directory         user-namespace   in which this is allowed to everybody
//   utc                   libc forgets the zone, as after a chroot
//   private-dev           a /dev of its own              make-console  console   reports what went to /dev/console
// pid= is the process that does the last verb. An Error is reported.

#include "forked_writes.hpp"
#include "private_dev.hpp"
#include "verbs.hpp"

#include <daemonkit/context.hpp>
#include <daemonkit/syslog_client.hpp>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

struct Stage {
    std::optional<DaemonContext> context;
    SyslogClientOptions options{.ident = "p"};
    std::optional<SyslogClient> client;
};

void start_daemon(Stage& stage, const Verb& verb) {
    DaemonOptions options{.detach = Detach::always,
                          .close_inherited = verb.first == "all"
                                                 ? CloseInherited::all
                                                 : CloseInherited::not_close_on_exec,
                          .out = Inherit{},
                          .err = Inherit{}};
    if (!verb.second.empty()) options.chroot_directory = verb.second;
    stage.context.emplace(options);
}

void do_verb(Stage& stage, const Verb& verb, const std::string& text) {
    const auto open = [&](SyslogTarget target) {
        stage.options.to = std::move(target);
        stage.client.reset();
        stage.client.emplace(stage.options);
    };
    const auto port = [&] { return static_cast<std::uint16_t>(std::stoi(verb.first)); };
    if (verb.name == "local")
        open(LocalLog{.path = verb.first});
    else if (verb.name == "default")
        open(LocalLog{});
    else if (verb.name == "udp")
        open(UdpHost{.host = "127.0.0.1", .port = port()});
    else if (verb.name == "tcp")
        open(TcpHost{.host = "127.0.0.1", .port = port()});
    else if (verb.name == "lost")
        stage.options.lost = verb.first == "stderr" ? LostLines::to_stderr : LostLines::to_console;
    else if (verb.name == "write")
        stage.client->write(Severity::info, text.substr(6));
    else if (verb.name == "fork-write")
        probe::fork_write(*stage.client, verb.first);
    else if (verb.name == "fork-storm")
        probe::fork_storm(*stage.client, std::stoi(verb.first));
    else if (verb.name == "vanish")
        for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    else if (verb.name == "daemon")
        start_daemon(stage, verb);
    else if (verb.name == "chroot")
        require(::chroot(verb.first.c_str()) == 0 && ::chdir("/") == 0, "a chroot");
    else if (verb.name == "user-namespace")
        probe::enter_user_namespace(0, 0);
    else if (verb.name == "utc") {
        ::setenv("TZ", "UTC0", 1);
        ::tzset();
    } else if (verb.name == "private-dev") {
        const std::string refused = testkit::enter_private_dev();
        require(refused.empty(), refused);
    } else if (verb.name == "make-console") {
        std::ofstream("/dev/console").flush();
    } else if (verb.name == "console") {
        std::ifstream console("/dev/console");
        for (std::string line; std::getline(console, line);) report("console", line);
    } else {
        require(false, "the verb " + text);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Stage stage;
    for (int at = 1; at < argc; ++at) {
        try {
            do_verb(stage, Verb(argv[at]), argv[at]);
        } catch (const Error& error) {
            report(error);
        }
    }
    report("pid", std::to_string(::getpid()));
    stage.client.reset();
    stage.context.reset();
    ::_exit(0);  // LeakSanitizer, run at exit, needs a /proc
}

// SPDX-License-Identifier: MIT
// probe_journal_sink VERB...: a JournalSink in processes that come from one another.
//
//   open:PATH             the sink                     write:TEXT
//   fork-write:TEXT       a child writes; child= is its pid
//   fork-storm:COUNT      four threads write "storm" while so many children are forked, each of which writes "child";
//                         children= is how many of them ended within their time
//   vanish                every descriptor above 2 is closed
//   daemon:CLOSE:ROOT     a DaemonContext with CloseInherited::CLOSE and, if it is not empty, that root directory;
//                         the rest is done by the daemon
//   chroot:FOLDER         a new root directory         user-namespace   in which this is allowed to everybody
//   stream:TEXT           JOURNAL_STREAM is: right (the device and inode of stderr), or that text; listening= tells
// pid= is the process that does the last verb. An Error is reported.

#include "forked_writes.hpp"
#include "verbs.hpp"

#include <daemonkit/context.hpp>
#include <daemonkit/journal_sink.hpp>

#include <cstdlib>
#include <optional>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

struct Stage {
    std::optional<DaemonContext> context;
    std::optional<JournalSink> sink;
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

void look_for_stream(const std::string& text) {
    struct ::stat status {};
    require(::fstat(2, &status) == 0, "fstat");
    const std::string right = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    ::setenv("JOURNAL_STREAM", text == "right" ? right.c_str() : text.c_str(), 1);
    report("listening", journal_is_listening() ? "yes" : "no");
}

void do_verb(Stage& stage, const Verb& verb, const std::string& text) {
    if (verb.name == "open")
        stage.sink.emplace(JournalSinkOptions{.path = verb.first});
    else if (verb.name == "write")
        stage.sink->write(Severity::info, text.substr(6));
    else if (verb.name == "fork-write")
        probe::fork_write(*stage.sink, verb.first);
    else if (verb.name == "fork-storm")
        probe::fork_storm(*stage.sink, std::stoi(verb.first));
    else if (verb.name == "vanish")
        for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    else if (verb.name == "daemon")
        start_daemon(stage, verb);
    else if (verb.name == "chroot")
        require(::chroot(verb.first.c_str()) == 0 && ::chdir("/") == 0, "a chroot");
    else if (verb.name == "user-namespace")
        probe::enter_user_namespace(0, 0);
    else if (verb.name == "stream")
        look_for_stream(text.substr(7));
    else
        require(false, "the verb " + text);
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
    stage.sink.reset();
    stage.context.reset();
    ::_exit(0);  // LeakSanitizer, run at exit, needs a /proc
}

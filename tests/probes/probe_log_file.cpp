// SPDX-License-Identifier: MIT
// probe_log_file VERB...: a LogFile with the ident p, in processes that come from one another.
//
//   rotate-at:BYTES:KEEP  for the next `open`; without it the file is rotated by hand
//   open:PATH             the file; repeated, another LogFile takes the place of the first
//   write:TEXT   writes:COUNT:SIZE   that many messages "0 xx..." of that size
//   storm:THREADS:COUNT   threads write "THREAD COUNT" all at once, each its count
//   fork-write:TEXT       from a forked process, whose pid is reported as child=
//   fork-storm:COUNT      four threads write without a pause, and as many processes are forked; each of them writes
//                         "child" and ends: children=, how many of them did
//   family:PROCESSES:COUNT   so many processes are forked, and write "COUNT" all at once, each its count
//   vanish                every descriptor above 2 is closed, as by a careless library
//   reopen   rotate       what it returns is reported
//   report                dropped=, fd= and cloexec= of the LogFile
//   daemon:CLOSE          a DaemonContext with CloseInherited::CLOSE; the rest is done by the daemon
//   small-disk:FOLDER:KIB a tmpfs of that size there, in a mount namespace of the probe's own
//   fill:FILE   remove:FILE   a file that takes all the room   truncate:FILE:SIZE   show:FILE   its lines, as line=
//   user:ID               from here on an ordinary user          limit:BYTES   of a file, by RLIMIT_FSIZE
//   chroot:FOLDER   move:FROM:TO   pause:NAME
// pid= is the process that does the last verb. An Error is reported.

#include "forked_writes.hpp"
#include "verbs.hpp"

#include <daemonkit/context.hpp>
#include <daemonkit/log_file.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

struct Stage {
    std::optional<DaemonContext> context;
    LogFileOptions options{.ident = "p", .rotate_at = {}};
    std::optional<LogFile> log;
};

void writes(const LogFile& log, int count, std::size_t size) {
    for (int i = 0; i < count; ++i) {
        std::string text = std::to_string(i) + " ";
        if (text.size() < size) text.append(size - text.size(), 'x');
        log.write(Severity::info, text);
    }
}

void storm(const LogFile& log, int threads, int count) {
    std::vector<std::thread> all;
    std::atomic<bool> go{false};
    for (int thread = 0; thread < threads; ++thread) {
        all.emplace_back([&, thread] {
            while (!go) std::this_thread::yield();
            for (int i = 0; i < count; ++i)
                log.write(Severity::info, std::to_string(thread) + " " + std::to_string(i));
        });
    }
    go = true;
    for (auto& thread : all) thread.join();
}

void family(const LogFile& log, int processes, int count) {
    int gate[2];
    require(::pipe2(gate, O_CLOEXEC) == 0, "a pipe");
    for (int process = 0; process < processes; ++process) {
        const pid_t pid = ::fork();
        require(pid >= 0, "a process");
        if (pid != 0) continue;
        ::close(gate[1]);
        char byte = 0;
        static_cast<void>(::read(gate[0], &byte, 1) == 0);  // until the last is there
        for (int i = 0; i < count; ++i) log.write(Severity::info, std::to_string(i));
        ::_exit(0);
    }
    ::close(gate[1]);
    ::close(gate[0]);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
}

void start_daemon(Stage& stage, const Verb& verb) {
    stage.context.emplace(DaemonOptions{.detach = Detach::always,
                                        .close_inherited = verb.first == "all"
                                                               ? CloseInherited::all
                                                               : CloseInherited::not_close_on_exec,
                                        .out = Inherit{},
                                        .err = Inherit{}});
}

void mount_small_disk(const std::string& folder, const std::string& size) {
    if (::geteuid() != 0) probe::enter_user_namespace(0, 0);
    require(::unshare(CLONE_NEWNS) == 0, "a mount namespace");
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    const std::string options = "size=" + size + "k,mode=0755";
    require(::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0, "a small tmpfs");
}

void fill(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    require(fd >= 0, "a file");
    const std::string page(4096, 'x');
    while (::write(fd, page.data(), page.size()) > 0) {
    }
    ::close(fd);
}

void become(uid_t user) {
    require(::setgroups(0, nullptr) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0,
            "another user");
}

void tell(const std::optional<Error>& failure) {
    if (failure) report(*failure);
}

void report_state(const LogFile& log) {
    report("dropped", std::to_string(log.dropped()));
    report("fd", std::to_string(log.native_handle()));
    const int flags = ::fcntl(log.native_handle(), F_GETFD);
    report("cloexec", flags != -1 && (flags & FD_CLOEXEC) != 0 ? "1" : "0");
}

void do_verb(Stage& stage, const Verb& verb, const std::string& text) {
    const auto number = [](const std::string& digits) { return std::stoi(digits); };
    if (verb.name == "rotate-at") {
        stage.options.rotate_at = static_cast<std::uint64_t>(number(verb.first));
        stage.options.keep = static_cast<unsigned>(number(verb.second));
    } else if (verb.name == "open") {
        stage.log.reset();
        stage.log.emplace(verb.first, stage.options);
    } else if (verb.name == "write") {
        stage.log->write(Severity::info, text.substr(6));
    } else if (verb.name == "writes") {
        writes(*stage.log, number(verb.first), static_cast<std::size_t>(number(verb.second)));
    } else if (verb.name == "storm") {
        storm(*stage.log, number(verb.first), number(verb.second));
    } else if (verb.name == "fork-write") {
        probe::fork_write(*stage.log, verb.first);
    } else if (verb.name == "fork-storm") {
        probe::fork_storm(*stage.log, number(verb.first));
    } else if (verb.name == "family") {
        family(*stage.log, number(verb.first), number(verb.second));
    } else if (verb.name == "vanish") {
        for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    } else if (verb.name == "reopen") {
        tell(stage.log->reopen());
    } else if (verb.name == "rotate") {
        tell(stage.log->rotate());
    } else if (verb.name == "report") {
        report_state(*stage.log);
    } else if (verb.name == "daemon") {
        start_daemon(stage, verb);
    } else if (verb.name == "small-disk") {
        mount_small_disk(verb.first, verb.second);
    } else if (verb.name == "fill") {
        fill(verb.first);
    } else if (verb.name == "remove") {
        require(::unlink(verb.first.c_str()) == 0, "a file removed");
    } else if (verb.name == "truncate") {
        require(::truncate(verb.first.c_str(), number(verb.second)) == 0, "a file truncated");
    } else if (verb.name == "show") {
        std::ifstream file(verb.first);
        for (std::string line; std::getline(file, line);) report("line", line);
    } else if (verb.name == "user") {
        become(static_cast<uid_t>(number(verb.first)));
    } else if (verb.name == "limit") {
        const rlimit limit{static_cast<rlim_t>(number(verb.first)), RLIM_INFINITY};
        require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "a limit");
    } else if (verb.name == "chroot") {
        require(::chroot(verb.first.c_str()) == 0 && ::chdir("/") == 0, "a chroot");
    } else if (verb.name == "move") {
        require(std::rename(verb.first.c_str(), verb.second.c_str()) == 0, "a file moved");
    } else if (verb.name == "pause") {
        probe::pause(verb.first);
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
    stage.log.reset();
    stage.context.reset();
    ::_exit(0);  // LeakSanitizer, run at exit, needs a /proc
}

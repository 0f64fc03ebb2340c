// SPDX-License-Identifier: MIT
// probe_redirect OPERATION...: makes, uses and leaves FdRedirects, in the order of its arguments.
//
//   STREAM=TARGET       makes an FdRedirect; in|out|err, null|inherit|default|append:PATH|read:PATH|duplicate:N
//   leave               ends the scope of the last one; leave-errno reports that errno was kept
//   restore release reopen    of the last one
//   print:STREAM:TEXT   through stdio, not flushed      cout:TEXT   through std::cout, not flushed
//   write:STREAM:TEXT   through write(2)                spawn:TEXT  a program that prints to its stdout
//   read                reports a line of stdin         look:N      reports what descriptor N is
//   count:NAME          reports how many descriptors are open, and how many of them close-on-exec
//   fork-leave:TEXT     a forked process leaves every scope, prints to its stdout, and ends
//   session             goes on in a session of its own; terminal reports whether there is a controlling terminal
//   close:N  dup:FROM:TO  guard:N (close-on-exec)  rename:FROM:TO  chdir:PATH  chroot:PATH
// Reports go to what stdout was at the start. An Error is reported as error=, subject=, errno=, message=.

#include <daemonkit/fd_redirect.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;

namespace {

int report_fd = -1;
bool chrooted = false;

void report(const std::string& key, const std::string& value) {
    const std::string line = key + "=" + value + "\n";
    if (::write(report_fd, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        ::_exit(71);
}

[[noreturn]] void usage(const std::string& operation) {
    report("usage", operation);
    ::_exit(64);
}

Stream stream_named(const std::string& name) {
    if (name == "in") return Stream::in;
    if (name == "out") return Stream::out;
    if (name == "err") return Stream::err;
    usage(name);
}

std::pair<std::string, std::string> split(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == std::string::npos) return {text, ""};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

StreamTarget target_named(const std::string& name) {
    const auto [kind, value] = split(name);
    if (kind == "null") return NullDevice{};
    if (kind == "inherit") return Inherit{};
    if (kind == "default") return DefaultTarget{};
    if (kind == "append") return AppendTo{value};
    if (kind == "read") return ReadFrom{value};
    if (kind == "duplicate") return Duplicate{std::atoi(value.c_str())};
    usage(name);
}

void look(int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    std::string what = "closed";
    if (flags != -1) {
        std::array<char, 4096> link{};
        const std::string name = "/proc/self/fd/" + std::to_string(fd);
        if (::readlink(name.c_str(), link.data(), link.size() - 1) < 0) ::_exit(71);
        what = link.data();
        what += (flags & FD_CLOEXEC) != 0 ? " guarded" : " kept";
    }
    report("fd" + std::to_string(fd), what);
}

void count_descriptors(const std::string& name) {
    int open = 0;
    int guarded = 0;
    for (int fd = 0; fd < 1024; ++fd) {
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags == -1) continue;
        ++open;
        if ((flags & FD_CLOEXEC) != 0) ++guarded;
    }
    report(name, std::to_string(open) + " open, " + std::to_string(guarded) + " guarded");
}

using Redirects = std::vector<std::unique_ptr<FdRedirect>>;

void leave_all(Redirects& redirects) {
    while (!redirects.empty()) redirects.pop_back();
}

template <class Body>
void in_fork(Body body) {
    const pid_t pid = ::fork();
    if (pid < 0) ::_exit(71);
    if (pid == 0) {
        body();
        ::_exit(71);
    }
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) ::_exit(71);
}

void operate(const std::string& operation, Redirects& redirects) {
    if (const auto equals = operation.find('='); equals < operation.find(':')) {
        redirects.push_back(std::make_unique<FdRedirect>(
            stream_named(operation.substr(0, equals)), target_named(operation.substr(equals + 1))));
        return;
    }
    const auto [verb, rest] = split(operation);
    const auto pair = split(rest);
    const std::string& first = pair.first;  // clang 14 captures no structured bindings
    const std::string& second = pair.second;
    const int number = std::atoi(first.c_str());
    int result = 0;
    if (verb == "leave")
        redirects.pop_back();
    else if (verb == "restore")
        redirects.back()->restore();
    else if (verb == "release")
        redirects.back()->release();
    else if (verb == "reopen")
        redirects.back()->reopen();
    else if (verb == "leave-errno") {
        errno = E2BIG;
        redirects.pop_back();
        report("errno_kept", errno == E2BIG ? "yes" : "no");
    } else if (verb == "print") {
        result = std::fputs(second.c_str(), stream_named(first) == Stream::err ? stderr : stdout);
    } else if (verb == "cout") {
        std::cout << first;
    } else if (verb == "write") {
        result = static_cast<int>(
            ::write(static_cast<int>(stream_named(first)), second.data(), second.size()));
    } else if (verb == "spawn") {
        in_fork([&] { ::execl("/bin/echo", "echo", first.c_str(), nullptr); });
    } else if (verb == "fork-leave") {
        in_fork([&] {
            leave_all(redirects);
            std::puts(first.c_str());
            std::fflush(stdout);
            ::_exit(0);
        });
    } else if (verb == "read") {
        std::string line;
        std::getline(std::cin, line);
        report("line", line);
    } else if (verb == "look") {
        look(number);
    } else if (verb == "count") {
        count_descriptors(first);
    } else if (verb == "close") {
        result = ::close(number);
    } else if (verb == "dup") {
        result = ::dup2(number, std::atoi(second.c_str()));
    } else if (verb == "guard") {
        result = ::fcntl(number, F_SETFD, FD_CLOEXEC);
    } else if (verb == "rename") {
        result = std::rename(first.c_str(), second.c_str());
    } else if (verb == "chdir") {
        result = ::chdir(first.c_str());
    } else if (verb == "session") {
        const pid_t pid = ::fork();
        if (pid < 0) ::_exit(71);
        if (pid != 0) {
            int status = 0;
            ::_exit(::waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 71);
        }
        result = ::setsid();
    } else if (verb == "terminal") {
        const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
        report("terminal", terminal < 0 ? "none" : "present");
        if (terminal >= 0) ::close(terminal);
    } else if (verb == "chroot") {
        if (::geteuid() != 0 && ::unshare(CLONE_NEWUSER) != 0)
            return report("not_allowed", "a user namespace");
        result = ::chroot(first.c_str());
        chrooted = true;
    } else {
        usage(operation);
    }
    if (result < 0) report("failed", operation);
}

}  // namespace

int main(int argc, char** argv) {
    report_fd = ::fcntl(1, F_DUPFD_CLOEXEC, 100);
    Redirects redirects;
    for (int at = 1; at < argc; ++at) {
        try {
            operate(argv[at], redirects);
        } catch (const Error& error) {
            report("error", to_string(error.step()));
            report("subject", error.subject());
            report("errno", std::to_string(error.code().value()));
            report("message", error.what());
        }
    }
    leave_all(redirects);
    std::fflush(stdout);
    if (chrooted) ::_exit(0);  // LeakSanitizer, run at exit, needs /proc
}

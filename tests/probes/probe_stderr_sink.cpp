// SPDX-License-Identifier: MIT
// probe_stderr_sink VERB...: a StderrSink, in a process whose stderr is what the test wants.
//
//   journal:WHICH      JOURNAL_STREAM is: right (the device and inode of stderr), or that text; where stderr leads is
//                      not changed
//   socket  pipe  terminal  file:PATH     stderr is a stream socket, a pipe, a terminal or that file from here on; `read` reads from it
//   open:PREFIX        the sink, made with automatic, always or never, with a bound of 50 ms
//   write:SEVERITY:TEXT         in TEXT, %n is a newline and %0 a NUL byte       write-x:SEVERITY:COUNT
//   fork-write:SEVERITY:TEXT    the same from a forked process
//   storm:COUNT        eight threads write so many lines each
//   mask:SEVERITY      from here on, up to that
//   hang-up            nobody reads stderr any more
//   read               what was written: got=, in hexadecimal          dropped     dropped=, and took_ms= of all writes
// prefix= tells whether the sink has one.

#include "verbs.hpp"

#include <daemonkit/stderr_sink.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

struct Stage {
    int reader = -1;
    std::optional<StderrSink> sink;
    std::chrono::steady_clock::duration took{};
};

void become_stderr(int fd) {
    require(::dup2(fd, 2) == 2, "dup2");
    ::close(fd);
}

std::string unescaped(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_escape = text[at] == '%' && at + 1 < text.size();
        if (is_escape) ++at;
        result += !is_escape ? text[at] : text[at] == 'n' ? '\n' : '\0';
    }
    return result;
}

std::string all_that_was_written(int reader) {
    constexpr const char* digits = "0123456789abcdef";
    std::string hex;
    unsigned char byte = 0;
    // What a terminal was given is there for its reader a moment later.
    const auto is_there = [&] {
        for (;;) {
            const ssize_t got = ::read(reader, &byte, 1);
            if (got >= 0) return got == 1;
            ::pollfd set{reader, POLLIN, 0};
            if (errno != EAGAIN || ::poll(&set, 1, 50) != 1) return false;
        }
    };
    while (is_there()) {
        hex += digits[byte >> 4U];
        hex += digits[byte & 0xfU];
    }
    return hex;
}

void do_verb(Stage& stage, const Verb& verb) {
    const auto severity = [&] { return static_cast<Severity>(std::stoi(verb.first)); };
    const auto write = [&](const std::string& text) {
        const auto before = std::chrono::steady_clock::now();
        stage.sink->write(severity(), text);
        stage.took += std::chrono::steady_clock::now() - before;
    };
    if (verb.name == "journal") {
        struct ::stat status {};
        require(::fstat(2, &status) == 0, "fstat");
        const std::string right =
            std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
        const std::string text = verb.second.empty() ? verb.first : verb.first + ":" + verb.second;
        ::setenv("JOURNAL_STREAM", text == "right" ? right.c_str() : text.c_str(), 1);
    } else if (verb.name == "socket" || verb.name == "pipe") {
        int ends[2];
        require(verb.name == "pipe" ? ::pipe(ends) == 0
                                    : ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0,
                verb.name);
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        stage.reader = ends[0];
        become_stderr(ends[1]);
    } else if (verb.name == "terminal") {
        stage.reader = ::posix_openpt(O_RDWR | O_NOCTTY);
        require(::grantpt(stage.reader) == 0 && ::unlockpt(stage.reader) == 0, "a terminal");
        ::fcntl(stage.reader, F_SETFL, O_NONBLOCK);
        become_stderr(::open(::ptsname(stage.reader), O_WRONLY | O_NOCTTY));
    } else if (verb.name == "file") {
        become_stderr(::open(verb.first.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
        stage.reader = ::open(verb.first.c_str(), O_RDONLY);
    } else if (verb.name == "open") {
        stage.sink.emplace(
            StderrSinkOptions{.prefix = verb.first == "always"  ? SeverityPrefix::always
                                        : verb.first == "never" ? SeverityPrefix::never
                                                                : SeverityPrefix::automatic,
                              .bound = std::chrono::milliseconds(50)});
        report("prefix", stage.sink->has_prefix() ? "yes" : "no");
    } else if (verb.name == "write") {
        errno = E2BIG;
        write(unescaped(verb.second));
        if (errno != E2BIG) report("errno", "changed");
    } else if (verb.name == "fork-write") {
        const pid_t pid = ::fork();
        require(pid >= 0, "a process");
        if (pid == 0) {
            stage.sink->write(severity(), unescaped(verb.second));
            ::_exit(0);
        }
        ::waitpid(pid, nullptr, 0);
    } else if (verb.name == "write-x") {
        write(std::string(std::stoul(verb.second), 'x'));
    } else if (verb.name == "storm") {
        std::vector<std::thread> threads;
        for (int thread = 0; thread < 8; ++thread) {
            threads.emplace_back([&stage, thread, count = std::stoi(verb.first)] {
                const std::string text(100, static_cast<char>('a' + thread));
                for (int i = 0; i < count; ++i)
                    stage.sink->write(Severity::info, text + "\n" + text);
            });
        }
        for (auto& thread : threads) thread.join();
    } else if (verb.name == "mask") {
        stage.sink->set_mask(SeverityMask::up_to(severity()));
    } else if (verb.name == "hang-up") {
        ::close(stage.reader);
    } else if (verb.name == "read") {
        report("got", all_that_was_written(stage.reader));
    } else if (verb.name == "dropped") {
        report("dropped", std::to_string(stage.sink->dropped()));
        report("took_ms",
               std::to_string(
                   std::chrono::duration_cast<std::chrono::milliseconds>(stage.took).count()));
    } else {
        require(false, "the verb " + verb.name);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Stage stage;
    for (int at = 1; at < argc; ++at) do_verb(stage, Verb(argv[at]));
}

// SPDX-License-Identifier: MIT
// A helper program for the tests of ChildProcess: probe_helper VERB..., each done in its turn.
//
//   say:TEXT  err:TEXT      a line on stdout, on stderr
//   print:TEXT  bytes:N     on stdout, without a newline
//   chatter                 lines without end
//   copy                    stdin to stdout
//   report:FILE             what this process is (probe_report.hpp)
//   ignore:N  heed:N        a signal is ignored; or ends it with the status 9 after the line "heeded"
//   descendant  stranger    a process that holds the streams for ever; in this group, or in a session of its own
//   raise:N  exit:N  pause
#include "probe_report.hpp"
#include "verbs.hpp"

#include <csignal>
#include <cstdlib>
#include <string>

#include <unistd.h>

namespace {

void print(int fd, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t size = ::write(fd, text.data() + done, text.size() - done);
        if (size < 0) ::_exit(74);
        done += static_cast<std::size_t>(size);
    }
}

void heed(int /*number*/) {
    static_cast<void>(::write(1, "heeded\n", 7) == 7);
    ::_exit(9);
}

void start_descendant(bool leaves) {
    int ready[2];
    probe::require(::pipe(ready) == 0, "pipe");
    const pid_t pid = ::fork();
    probe::require(pid >= 0, "fork");
    if (pid == 0) {
        if (leaves) ::setsid();
        ::close(ready[0]);
        ::close(ready[1]);
        for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    static_cast<void>(::read(ready[0], &byte, 1) == 0);  // until it is what it is to be
    ::close(ready[0]);
    print(1, "descendant=" + std::to_string(pid) + "\n");
}

void copy() {
    char bytes[4096];
    for (ssize_t size = 1; size > 0;) {
        size = ::read(0, bytes, sizeof bytes);
        if (size > 0) print(1, std::string(bytes, static_cast<std::size_t>(size)));
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string text = argv[i];
        const auto colon = text.find(':');
        const std::string verb = text.substr(0, colon);
        const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
        if (verb == "say") print(1, value + "\n");
        if (verb == "err") print(2, value + "\n");
        if (verb == "print") print(1, value);
        if (verb == "bytes") print(1, std::string(std::stoul(value), 'x'));
        if (verb == "chatter")
            for (;;) print(1, "and so on\n");
        if (verb == "copy") copy();
        if (verb == "report") probe::write_report(value);
        if (verb == "ignore") ::signal(std::stoi(value), SIG_IGN);
        if (verb == "heed") ::signal(std::stoi(value), heed);
        if (verb == "descendant") start_descendant(false);
        if (verb == "stranger") start_descendant(true);
        if (verb == "raise") ::raise(std::stoi(value));
        if (verb == "exit") ::_exit(std::stoi(value));
        if (verb == "pause")
            for (;;) ::pause();
    }
}

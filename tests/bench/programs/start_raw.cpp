// SPDX-License-Identifier: MIT
// The least that plain system calls can do for the same result: double fork, dispositions, descriptors, streams, umask,
// directory, core limit, and a byte that tells the launcher that the daemon is up.
#include "start.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace {

void must(bool worked) {
    if (!worked) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    const bench::Start start = bench::begin(argc, argv);
    int ready[2];
    must(::pipe2(ready, O_CLOEXEC) == 0);
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    must(::sigprocmask(SIG_SETMASK, &all, nullptr) == 0);
    const pid_t leader = ::fork();
    must(leader >= 0);
    if (leader > 0) {
        ::close(ready[1]);
        must(::waitpid(leader, nullptr, 0) == leader);
        char byte = 0;
        ::_exit(::read(ready[0], &byte, 1) == 1 ? 0 : 70);
    }
    must(::setsid() > 0);
    const pid_t daemon = ::fork();
    must(daemon >= 0);
    if (daemon > 0) ::_exit(0);
    const auto first = static_cast<unsigned>(start.report < ready[1] ? start.report : ready[1]);
    const auto second = static_cast<unsigned>(start.report < ready[1] ? ready[1] : start.report);
    if (first > 3) must(::syscall(SYS_close_range, 3U, first - 1, 0U) == 0);
    if (second > first + 1) must(::syscall(SYS_close_range, first + 1, second - 1, 0U) == 0);
    must(::syscall(SYS_close_range, second + 1, ~0U, 0U) == 0);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD}) {
        must(::sigaction(number, &standard, nullptr) == 0);
    }
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    must(null >= 0 && ::dup2(null, 0) == 0 && ::dup2(null, 1) == 1 && ::dup2(null, 2) == 2);
    ::close(null);
    ::umask(027);
    must(::chdir("/") == 0);
    const rlimit no_core{};
    must(::setrlimit(RLIMIT_CORE, &no_core) == 0 && ::prctl(PR_SET_DUMPABLE, 0) == 0);
    must(::sigprocmask(SIG_SETMASK, &none, nullptr) == 0);
    must(::write(ready[1], "", 1) == 1);
    ::close(ready[1]);
    bench::tell_ready(start);
    if (!start.stays) return 0;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    must(::sigprocmask(SIG_BLOCK, &stop, nullptr) == 0);
    int number = 0;
    must(::sigwait(&stop, &number) == 0);
}

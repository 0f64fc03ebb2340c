// SPDX-License-Identifier: MIT
// probe_fault: makes a few system calls in three processes, one forked from the other, and reports what came of them.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>

#include <array>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace sys = daemonkit::detail::sys;

namespace {

void report(const char* role, const char* name, int error) {
    std::printf("%s_%s=%d\n", role, name, error);
    std::fflush(stdout);
}

void make_calls(const char* role) {
    std::array<char, 4096> folder{};
    report(role, "getcwd1", sys::getcwd(folder.data(), folder.size()).error);
    report(role, "getcwd2", sys::getcwd(folder.data(), folder.size()).error);
    report(role, "getcwd3", sys::getcwd(folder.data(), folder.size()).error);
    const auto copy = sys::fcntl_dupfd_cloexec(0, 10);
    report(role, "close", copy ? sys::close(copy.value).error : -1);
    report(role, "still_open", sys::fcntl_getfd(copy.value).error == 0 ? 1 : 0);
}

// Waits for the other process, so that the calls of the three come in one order.
void wait_for(const char* role, pid_t pid) {
    int status = 0;
    daemonkit::detail::retry([&] { return sys::waitpid(pid, &status, 0); });
    std::printf("%s_saw_status=%d\n", role, status);
    std::fflush(stdout);
}

}  // namespace

int main() {
    make_calls("launcher");
    const auto session_leader = sys::fork();
    if (!session_leader) return 71;
    if (session_leader.value != 0) {
        wait_for("launcher", session_leader.value);
        return 0;
    }
    make_calls("session_leader");
    const auto daemon = sys::fork();
    if (!daemon) ::_exit(71);
    if (daemon.value == 0) {
        make_calls("daemon");
    } else {
        wait_for("session_leader", daemon.value);
    }
    ::_exit(0);
}

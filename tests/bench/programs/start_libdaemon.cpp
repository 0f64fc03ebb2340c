// SPDX-License-Identifier: MIT
// libdaemon in the order of its manual.
#include "start.hpp"

#include <csignal>

#include <libdaemon/daemon.h>
#include <sys/select.h>

int main(int argc, char** argv) {
    const bench::Start start = bench::begin(argc, argv);
    if (daemon_reset_sigs(-1) < 0 || daemon_unblock_sigs(-1) < 0 || daemon_retval_init() < 0)
        std::abort();
    const pid_t pid = daemon_fork();
    if (pid < 0) std::abort();
    if (pid > 0) ::_exit(daemon_retval_wait(20));
    if (daemon_close_all(start.report, -1) < 0) std::abort();
    daemon_retval_send(0);
    bench::tell_ready(start);
    if (!start.stays) return 0;
    if (daemon_signal_init(SIGTERM, 0) < 0) std::abort();
    fd_set signals;
    FD_ZERO(&signals);
    FD_SET(daemon_signal_fd(), &signals);
    ::select(daemon_signal_fd() + 1, &signals, nullptr, nullptr, nullptr);
}

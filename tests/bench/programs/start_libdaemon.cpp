// SPDX-License-Identifier: MIT
// libdaemon in the order of its manual.
#include "start.hpp"

#include <libdaemon/daemon.h>

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
}

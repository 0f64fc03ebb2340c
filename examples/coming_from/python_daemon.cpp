// SPDX-License-Identifier: MIT
// The fourteen options of python-daemon, with the values that it has when nothing is said.
//
//   coming_from_python_daemon PID_FILE LOG [USER]
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>
#include <cstdio>

#include <sys/stat.h>

namespace {

// [fourteen]
daemonkit::DaemonOptions defaults_of_python_daemon() {
    return {
        .detach = daemonkit::Detach::automatic,  // detach_process=None
        .keep_open = {},                         // files_preserve=None
        .signal_map = {{SIGTSTP, SIG_IGN},       // signal_map=None; a SignalSet stands for
                       {SIGTTIN, SIG_IGN},       //   SIGTERM: 'terminate'
                       {SIGTTOU, SIG_IGN}},
        .in = daemonkit::NullDevice{},                // stdin=None
        .out = daemonkit::NullDevice{},               // stdout=None
        .err = daemonkit::NullDevice{},               // stderr=None
        .core_dumps = daemonkit::CoreDumps::prevent,  // prevent_core=True
        .umask = 0,                                   // umask=0
        .chroot_directory = {},                       // chroot_directory=None
        .working_directory = "/",                     // working_directory='/'
        .pid_file = {},                               // pidfile=None
        .privileges = {},                             // uid=None, gid=None, initgroups=False
    };
}
// [fourteen]

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3 && argc != 4) {
        std::fprintf(stderr, "usage: %s PID_FILE LOG [USER]\n", argv[0]);
        return 64;
    }
    daemonkit::DaemonOptions options = defaults_of_python_daemon();
    options.pid_file = argv[1];
    options.out = daemonkit::AppendTo{argv[2]};
    if (argc == 4) options.privileges.user = argv[3];
    // [with]
    daemonkit::SignalSet signals({SIGTERM});  // made first, it hears what is sent during the start
    daemonkit::DaemonContext daemon(options);
    std::puts("working");
    if (std::fflush(stdout) != 0) return 74;
    signals.wait();  // SIGTERM is a value here, and the end of the block a normal end: status 0
    // [with]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

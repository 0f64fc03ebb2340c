// SPDX-License-Identifier: MIT
// A daemon that becomes another program: probe_execute FOLDER OPTION... -- COMMAND...
//
//   --foreground   --last MS   --timeout MS (30000)
//   --when-up      it is up before it executes; a failure is then told in the log
// The daemon's files are FOLDER/pid and FOLDER/log. With the fault seam.
#include <daemonkit/context.hpp>

#include "fault/fail_syscall.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int argc, char** argv) try {
    const std::string folder = argv[1];
    daemonkit::DaemonOptions options{.detach = daemonkit::Detach::always,
                                     .out = daemonkit::AppendTo{folder + "/log"},
                                     .err = daemonkit::AppendTo{folder + "/log"},
                                     .pid_file = folder + "/pid",
                                     .ready_when = daemonkit::ReadyWhen::notified};
    auto last = daemonkit::Timeout::milliseconds(0);
    int at = 2;
    for (; at < argc && std::string(argv[at]) != "--"; ++at) {
        const std::string option = argv[at];
        const auto milliseconds = [&] {
            return daemonkit::Timeout::milliseconds(std::atoi(argv[++at]));
        };
        if (option == "--foreground") options.detach = daemonkit::Detach::automatic;
        if (option == "--last") last = milliseconds();
        if (option == "--timeout") options.ready_timeout = milliseconds();
        if (option == "--when-up") options.ready_when = daemonkit::ReadyWhen::constructed;
    }
    const std::vector<std::string> command(argv + at + (at < argc ? 1 : 0), argv + argc);
    daemonkit::DaemonContext daemon(options);
    std::printf(
        "before the exec\n");  // stays in the buffer: an exec throws away what nobody flushes
    daemon.execute(command, last);
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "probe_execute: %s\n", error.what());
    return error.exit_status();
}

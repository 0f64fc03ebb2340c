// SPDX-License-Identifier: MIT
// The first process of a container: of a program that is not made for that, or of a daemon that is.
//
//   container_init COMMAND [ARGUMENT...]   runs the command; a second SIGTERM, or Ctrl+C, kills
//   container_init                         a daemon that is pid 1 itself, until SIGTERM or SIGINT
#include <daemonkit/context.hpp>
#include <daemonkit/reap_children.hpp>
#include <daemonkit/run_as_init.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

int run(const std::vector<std::string>& command) {
    // [init]
    return daemonkit::run_as_init(command, {.second_stop = daemonkit::SecondStop::kills});
    // [init]
}

int serve() {
    // [self]
    daemonkit::SignalSet signals({SIGTERM, SIGINT});  // pid 1 gets no signal without a handler
    signals.on(SIGCHLD, [] { daemonkit::reap_children(); });  // and every orphan is its child
    const daemonkit::DaemonContext daemon;                    // pid 1 stays in the foreground
    std::puts("ready");
    std::fflush(stdout);
    signals.run();
    // [self]
    std::puts("stopped");
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    return argc > 1 ? run({argv + 1, argv + argc}) : serve();
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

// SPDX-License-Identifier: MIT
// One instance at a time, without becoming a daemon: PidLock alone.
//
//   02_single_instance FILE            holds the lock until SIGTERM or SIGINT
//   02_single_instance --holder FILE   tells who holds it: status 0 and the pid, or 3 when nobody does
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

int tell_holder(const char* path) {
    // [holder]
    const auto holder = daemonkit::PidLock::holder(path);
    if (!holder) {
        std::puts("not running");
        return 3;  // LSB: the program is not running
    }
    // The number comes from the kernel, not from the file: it cannot be a stranger's.
    if (holder->pid)
        std::printf("running as pid %d\n", static_cast<int>(*holder->pid));
    else
        std::puts("running; the process cannot be named");
    // [holder]
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc == 3 && std::strcmp(argv[1], "--holder") == 0) return tell_holder(argv[2]);
    if (argc != 2 || argv[1][0] == '-') {
        std::fprintf(stderr, "usage: %s FILE | --holder FILE\n", argv[0]);
        return 64;
    }
    daemonkit::SignalSet signals({SIGTERM, SIGINT});
    // [lock]
    daemonkit::PidLock lock(argv[1]);
    lock.write_pid();
    std::printf("holding %s\n", lock.path().c_str());
    if (std::fflush(stdout) != 0) return 74;
    signals.wait();
    // [lock]
    // At the end of the scope the file goes while it is still locked, and the lock after it.
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

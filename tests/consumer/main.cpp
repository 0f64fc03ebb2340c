// SPDX-License-Identifier: MIT
// What every way of using the library has to compile and run. It does not daemonize: a package test must not.

#include <daemonkit/error.hpp>
#include <daemonkit/version.hpp>

#include <cerrno>
#include <cstdio>

int main() {
    const daemonkit::Error error(daemonkit::Step::open_pid_file, "/run/consumer.pid", EACCES);
    std::printf("daemonkit %s: %s\n", daemonkit::version, error.what());
    return error.exit_status() == 77 ? 0 : 1;
}

// SPDX-License-Identifier: MIT
#include <daemonkit/context.hpp>
#include <daemonkit/version.hpp>

#include <cstdio>

int main() {
    const daemonkit::DaemonOptions options;  // a plain value: nothing daemonizes
    std::printf("daemonkit %s, umask %04o\n", daemonkit::version,
                static_cast<unsigned>(options.umask));
}

// SPDX-License-Identifier: MIT
// Asks a daemon over its control socket, prints the answer, and ends with its status.
//
//   control_client SOCKET VERB [ARGUMENT...]
#include <daemonkit/control_client.hpp>

#include <chrono>
#include <cstdio>

int main(int argc, char** argv) try {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s SOCKET VERB [ARGUMENT...]\n", argv[0]);
        return 64;
    }
    // [ask]
    const auto answer = daemonkit::ask(argv[1], {argv + 2, argv + argc}, std::chrono::seconds(5));
    std::fprintf(answer.status == 0 ? stdout : stderr, "%s\n", answer.text.c_str());
    // [ask]
    return std::fflush(stdout) == 0 ? answer.status : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());  // "the daemon is not running: ..."
    return error.exit_status();
}

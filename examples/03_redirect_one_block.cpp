// SPDX-License-Identifier: MIT
// Standard output leads to a file for the length of a block, also for the programs started there.
//
//   03_redirect_one_block FILE
#include <daemonkit/fd_redirect.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) try {
    if (argc != 2 || argv[1][0] == '-') {
        std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 64;
    }
    // [block]
    std::puts("before the block: to the caller");
    {
        // The descriptor itself is redirected, not the stream object: a child inherits it.
        const daemonkit::FdRedirect redirect(daemonkit::Stream::out, daemonkit::AppendTo{argv[1]});
        std::puts("inside the block: to the file");
        // What is buffered goes out before a child writes, or the lines change places.
        if (std::fflush(stdout) != 0 || std::system("echo inside the block: from a child") != 0)
            return 74;
    }
    std::puts("after the block: to the caller again");
    // [block]
    return std::fflush(stdout) == 0 ? 0 : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

// SPDX-License-Identifier: MIT
// daemon(3), and a DaemonContext in its place that leaves alone what daemon(3) leaves alone.
//
//   coming_from_daemon3 REPORT ours|libc 0|1 0|1   the two digits are nochdir and noclose
#include <daemonkit/context.hpp>

#include <cstdio>
#include <string>
#include <string_view>

#include <sys/stat.h>  // umask
#include <unistd.h>    // daemon

namespace {

mode_t current_umask() {
    const mode_t mask = ::umask(0);  // it can only be read by setting it
    ::umask(mask);
    return mask;
}

// [options]
/// What daemon(nochdir, noclose) does; both are 0 in most programs.
daemonkit::DaemonOptions like_daemon3(int nochdir, int noclose) {
    daemonkit::DaemonOptions options{
        .detach = daemonkit::Detach::always,
        .close_inherited = daemonkit::CloseInherited::none,
        .core_dumps = daemonkit::CoreDumps::allow,
        .umask = current_umask(),
        .working_directory = nochdir != 0 ? "." : "/",
    };
    if (noclose != 0) options.in = options.out = options.err = daemonkit::Inherit{};
    return options;
}
// [options]

int number(std::string_view text) { return text == "1" ? 1 : 0; }

int report(std::FILE* file) {
    char directory[4096] = "";
    char output[4096] = "";
    if (::getcwd(directory, sizeof directory) == nullptr) return 71;
    if (::readlink("/proc/self/fd/1", output, sizeof output - 1) < 0) return 71;
    std::fprintf(file, "directory %s\nstdout %s\numask %04o\nleads its session %s\n", directory,
                 output, static_cast<unsigned>(current_umask()),
                 ::getsid(0) == ::getpid() ? "yes" : "no");
    return std::fclose(file) == 0 ? 0 : 74;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 5) {
        std::fprintf(stderr, "usage: %s REPORT ours|libc 0|1 0|1\n", argv[0]);
        return 64;
    }
    std::FILE* const file = std::fopen(argv[1], "we");
    if (file == nullptr) return 73;
    const int nochdir = number(argv[3]);
    const int noclose = number(argv[4]);
    if (std::string_view(argv[2]) == "libc") {
        // [before]
        if (::daemon(nochdir, noclose) != 0) return 71;
        // [before]
        return report(file);
    }
    // [after]
    daemonkit::DaemonContext daemon(like_daemon3(nochdir, noclose));
    // [after]
    return report(file);
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

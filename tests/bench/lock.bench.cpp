// SPDX-License-Identifier: MIT
// What it takes to lock a pid file, write the pid and give both back, beside the plain calls. No test asserts a time.
#include <daemonkit/pid_lock.hpp>

#include "bench/figures.hpp"
#include "catch.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#if DAEMONKIT_BENCH_LIBDAEMON
#include <libdaemon/daemon.h>
#endif

namespace {

/// A file in memory: what is measured is not the disk.
std::string folder() {
    static std::string name = [] {
        std::string made =
            ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/bench-XXXXXX" : "/tmp/bench-XXXXXX";
        REQUIRE(::mkdtemp(made.data()) != nullptr);
        return made;
    }();
    return name;
}
std::string pid_file() { return folder() + "/pid"; }

void lock_plainly(const char* path) {
    const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    char text[16];
    const int size = std::snprintf(text, sizeof text, "%d\n", static_cast<int>(::getpid()));
    if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0 || ::ftruncate(fd, 0) != 0 ||
        ::write(fd, text, static_cast<std::size_t>(size)) != size || ::unlink(path) != 0)
        std::abort();
    ::close(fd);
}

void lock_by_daemonkit(const std::string& path) {
    daemonkit::PidLock lock(path);
    lock.write_pid();
}

#if DAEMONKIT_BENCH_LIBDAEMON
const char* path_for_libdaemon() {
    static const std::string path = pid_file();
    return path.c_str();
}
void lock_by_libdaemon() {
    if (daemon_pid_file_create() != 0 || daemon_pid_file_remove() != 0) std::abort();
}
#endif

/// Nanoseconds a cycle, as the script tells them; nothing below 0 is ever told.
double lock_by_python(const std::string& path, int cycles) {
    const std::string command = "/usr/bin/python3 " DAEMONKIT_BENCH_PYTHON "/lock_python.py '" +
                                path + "' " + std::to_string(cycles) + " 2>/dev/null";
    std::FILE* output = ::popen(command.c_str(), "re");
    REQUIRE(output != nullptr);
    double took = -1;
    if (std::fscanf(output, "%lf", &took) != 1) took = -1;
    ::pclose(output);
    return took;
}

}  // namespace

TEST_CASE("Lock: a pid file is locked, written and removed", "[bench][lock]") {
    bench::Figure figure("lock_cycle", "ns");
    const std::string path = pid_file();
    constexpr int cycles = 200;
    const auto each = [](auto lock_once) {
        return bench::nanoseconds_of([&] {
                   for (int i = 0; i < cycles; ++i) lock_once();
               }) /
               cycles;
    };
    const int rounds = bench::rounds(100);
    bool has_python = lock_by_python(path, 1) >= 0;
#if DAEMONKIT_BENCH_LIBDAEMON
    daemon_pid_file_proc = path_for_libdaemon;
#endif
    for (int round = 0; round < rounds; ++round) {
        figure.add(bench::raw, each([&] { lock_plainly(path.c_str()); }));
        figure.add(bench::daemonkit_itself, each([&] { lock_by_daemonkit(path); }));
#if DAEMONKIT_BENCH_LIBDAEMON
        figure.add("libdaemon", each(lock_by_libdaemon));
#endif
        if (has_python && round % 20 == 0)
            figure.add("python-daemon", lock_by_python(path, cycles));
    }
#if !DAEMONKIT_BENCH_LIBDAEMON
    figure.remark("libdaemon", "not installed");
#endif
    if (!has_python) figure.remark("python-daemon", "not installed");
    ::rmdir(folder().c_str());
}

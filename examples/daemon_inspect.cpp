// SPDX-License-Identifier: MIT
// What a process is, and whether it is what a daemon ought to be.
//
//   daemon_inspect PID       by its number
//   daemon_inspect FILE      by a pid file whose holder the kernel names
//   ends with 0 when all is as it ought to be, 1 with a warning, 69 without such a process
#include <daemonkit/daemon_checklist.hpp>
#include <daemonkit/inspect.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/process_text.hpp>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string>

namespace {

std::optional<pid_t> process_of(const std::string& word) {
    pid_t pid = 0;
    const char* const end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data(), end, pid);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return pid;
    // The number in the file proves nothing: who holds the lock is asked.
    const auto holder = daemonkit::PidLock::holder(word);
    return holder ? holder->pid : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2 || argv[1][0] == '-' || argv[1][0] == '\0') {
        std::fprintf(stderr, "usage: %s PID | PIDFILE\n", argv[0]);
        return 64;
    }
    const auto pid = process_of(argv[1]);
    if (!pid) {
        std::fprintf(stderr, "%s: no process that can be named holds %s\n", argv[0], argv[1]);
        return 69;
    }
    // [inspect]
    const daemonkit::ProcessReport report = daemonkit::inspect(*pid);
    const auto checklist = daemonkit::daemon_checklist(report);
    const std::string text = to_text(report) + "\n" + to_text(checklist);
    // [inspect]
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) return 74;
    // [marks]
    for (const daemonkit::ChecklistLine& line : checklist)
        if (line.mark == daemonkit::Mark::warning) return 1;
    // [marks]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

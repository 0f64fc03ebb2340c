// SPDX-License-Identifier: MIT
// probe_bootstrap LOG WHAT: a daemon whose first lines are logged before it has a log. Its sink appends
// "PID SEVERITY TEXT" to the file LOG.
//
// WHAT: ready          it replays, says that it is ready and ends
//       late           it says so and ends, and replays in between
//       fail           it throws before it is ready
//       die            it kills itself before it is ready
//       before         it throws before the context is made
#include <daemonkit/bootstrap_log.hpp>
#include <daemonkit/context.hpp>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

using daemonkit::Severity;

namespace {

class FileSink {
public:
    explicit FileSink(const std::string& path)
        : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
    ~FileSink() { ::close(fd_); }
    FileSink(const FileSink&) = delete;
    FileSink& operator=(const FileSink&) = delete;

    static bool is_enabled(Severity) noexcept { return true; }
    void write(Severity severity, std::string_view text) const noexcept {
        const std::string line =
            std::to_string(::getpid()) + " " + to_string(severity) + " " + std::string(text) + "\n";
        if (::write(fd_, line.data(), line.size()) < 0) ::_exit(71);
    }

private:
    int fd_;
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) return 64;
    const std::string path = argv[1];
    const std::string_view what = argv[2];
    daemonkit::BootstrapLog log;
    log.write(Severity::notice, "in the launcher");
    if (what == "before") throw std::runtime_error("before");
    daemonkit::DaemonContext daemon(
        {.detach = daemonkit::Detach::always, .ready_when = daemonkit::ReadyWhen::notified});
    log.write(Severity::warning, "in the daemon");
    if (what == "fail") {
        daemon.notify_failed(std::runtime_error("fail"));
        return 70;
    }
    if (what == "die") ::raise(SIGKILL);
    const FileSink sink(path);
    if (what == "late") daemon.notify_ready();
    log.replay_into(sink);
    log.write(Severity::info, "after the replay");
    if (what != "late") daemon.notify_ready();
    log.write(Severity::debug, "end");
} catch (const std::exception& failure) {
    std::fprintf(stderr, "told: %s\n", failure.what());
    return 70;
}

// SPDX-License-Identifier: MIT
// A service for the real service managers: probe_manager LOG OPTION...
//
//   --detach always|automatic  --pid-file FILE  --notification-fd N
//   --store          counts its starts in a memfd that the manager keeps: "count N"
//   --gate FILE      is up as soon as FILE is there
//   --hang FILE      gives no sign of life any more as soon as FILE is there
//   --fail           its start fails; --fail-reload: its reloads do
// LOG: "up PID", "reload", "stopping".
#include <daemonkit/context.hpp>
#include <daemonkit/listen_fds.hpp>
#include <daemonkit/reload_notifier.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/watchdog.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace {

void say(const std::string& text) {
    std::puts(text.c_str());
    std::fflush(stdout);
}

/// One more start than the memfd of the last process has counted.
void count_starts(const daemonkit::Notifier& manager) {
    daemonkit::ListenFds handed_over;
    const auto kept = handed_over.take("count", daemonkit::ListenKind::special);
    const int fd = kept ? kept->native_handle() : ::memfd_create("count", MFD_CLOEXEC);
    char digit = '0';
    static_cast<void>(::pread(fd, &digit, 1, 0));
    ++digit;
    static_cast<void>(::pwrite(fd, &digit, 1, 0));
    say(std::string("count ") + digit);
    if (!kept && !manager.store("count", fd, daemonkit::StoredUntil::removed)) say("not stored");
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string log = argc > 1 ? argv[1] : "";
    daemonkit::DaemonOptions options{.out = daemonkit::AppendTo{log},
                                     .err = daemonkit::AppendTo{log}};
    bool stores = false;
    bool fails = false;
    bool fails_to_reload = false;
    std::optional<std::string> gate;
    std::optional<std::string> hang;
    for (int i = 2; i < argc; ++i) {
        const std::string option = argv[i];
        const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
        if (option == "--detach" && value() == "always") options.detach = daemonkit::Detach::always;
        if (option == "--pid-file") options.pid_file = value();
        if (option == "--notification-fd") options.notification_fd = std::stoi(value());
        if (option == "--store") stores = true;
        if (option == "--gate") gate = value();
        if (option == "--hang") hang = value();
        if (option == "--fail") fails = true;
        if (option == "--fail-reload") fails_to_reload = true;
    }
    options.ready_when = daemonkit::ReadyWhen::notified;
    daemonkit::SignalSet signals({SIGTERM, SIGINT, SIGHUP});
    daemonkit::DaemonContext daemon(options);
    if (fails) {
        const daemonkit::Error failure(daemonkit::Step::application, "the cellar", EACCES,
                                       "locked");
        daemon.notify_failed(failure);
        return failure.exit_status();
    }
    if (stores) count_starts(daemon.notifier());
    while (gate && ::access(gate->c_str(), F_OK) != 0)
        if (signals.wait_for(daemonkit::Timeout::milliseconds(20))) return 0;
    daemonkit::Watchdog watchdog(daemon.notifier());
    daemonkit::Watchdog::Part part(watchdog, "main");
    say("up " + std::to_string(::getpid()));
    daemon.notify_ready();
    for (;;) {
        const auto signal = signals.wait_for(watchdog.interval());
        if (!hang || ::access(hang->c_str(), F_OK) != 0) part.progress();
        static_cast<void>(watchdog.check());
        if (!signal) continue;
        if (signal->number != SIGHUP) break;
        daemonkit::ReloadNotifier manager(daemon.notifier(), "reloaded");
        daemonkit::ReloadGuard reload(manager);
        say("reload");
        if (!fails_to_reload) reload.succeed();
    }
    say("stopping");
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

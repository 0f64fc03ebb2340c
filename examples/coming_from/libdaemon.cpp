// SPDX-License-Identifier: MIT
// A daemon as libdaemon's users write it; each comment names the calls that the line stands for.
//
//   coming_from_libdaemon PID_FILE                starts it
//   coming_from_libdaemon --is-running PID_FILE   status 0 and the pid, or 3
#include <daemonkit/context.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/syslog_sink.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>

#include <poll.h>

namespace {

// [is_running]
/// daemon_pid_file_is_running; the kernel is asked, not the file.
int is_running(const char* pid_file) {
    const auto holder = daemonkit::PidLock::holder(pid_file);
    if (!holder) return 3;
    std::printf("%d\n", holder->pid ? static_cast<int>(*holder->pid) : 0);  // 0: not known yet
    return 0;
}
// [is_running]

// [loop]
void serve(daemonkit::SignalSet& signals, const daemonkit::SyslogSink& log) {
    ::pollfd sources[] = {{signals.native_handle(), POLLIN, 0}};  // daemon_signal_fd
    for (;;) {
        if (::poll(sources, 1, -1) < 0 && errno != EINTR)
            throw daemonkit::Error(daemonkit::Step::application, "poll", errno);
        while (const auto signal = signals.poll()) {  // daemon_signal_next
            if (signal->number != SIGHUP) return;
            log.write(daemonkit::Severity::info, "hang-up");  // daemon_log(LOG_INFO, ...)
        }
    }
}
// [loop]

}  // namespace

int main(int argc, char** argv) try {
    if (argc == 3 && std::string_view(argv[1]) == "--is-running") return is_running(argv[2]);
    if (argc != 2 || argv[1][0] == '-') {
        std::fprintf(stderr, "usage: %s PID_FILE | --is-running PID_FILE\n", argv[0]);
        return 64;
    }
    // [start]
    daemonkit::SignalSet signals({SIGINT, SIGTERM, SIGQUIT, SIGHUP});  // daemon_signal_init
    // daemon_fork, daemon_close_all, daemon_reset_sigs, daemon_unblock_sigs, daemon_retval_wait
    daemonkit::DaemonContext daemon({
        .pid_file = argv[1],  // daemon_pid_file_create, daemon_pid_file_remove
        .ready_when = daemonkit::ReadyWhen::notified,  // daemon_retval_init
        .ready_timeout = std::chrono::seconds(20),     // its limit
    });
    try {
        const daemonkit::SyslogSink log({.ident = "exampled"});  // daemon_log_ident
        daemon.notify_ready();                                   // daemon_retval_send(0)
        serve(signals, log);
    } catch (const std::exception& failure) {
        daemon.notify_failed(failure);  // daemon_retval_send(1), with the reason
        return 70;
    }
    // [start]
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

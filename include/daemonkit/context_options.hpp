// SPDX-License-Identifier: MIT
#pragma once
// DaemonOptions: what a daemon is, field by field in the order of effect. Floor 1.

#include <daemonkit/environment.hpp>
#include <daemonkit/privilege_options.hpp>
#include <daemonkit/stream_target.hpp>
#include <daemonkit/timeout.hpp>

#include <csignal>  // SIG_DFL
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>  // rlim_t
#include <sys/types.h>     // mode_t

namespace daemonkit {

/// Whether the process leaves its caller.
enum class Detach : std::uint8_t {
    automatic,  ///< decided from facts: in the foreground under a service manager or as pid 1, else detached
    always,  ///< fork, setsid, fork
    never,   ///< the same steps in this very process: no fork, no new session
};

/// What happens when other threads exist at construction: a fork would leave the locks that they hold locked for ever.
enum class OtherThreads : std::uint8_t {
    refuse,       ///< an Error that names them
    start_again,  ///< the daemon is this program, executed anew with the same arguments (Linux)
};

/// Which of the descriptors above 2 a daemon does not take along.
enum class CloseInherited : std::uint8_t {
    not_close_on_exec,  ///< those without the close-on-exec flag: inherited ones; a library's own are spared
    all,                ///< every descriptor that is not in `keep_open`
    none,               ///< nothing is closed
};

/// Whether the daemon may leave a memory image on disk.
enum class CoreDumps : std::uint8_t {
    prevent,  ///< RLIMIT_CORE is 0, and on Linux the process is not dumpable, which stops piped dumps too
    allow,  ///< limits stay as they are
};

/// When the launcher is told that the daemon is up.
enum class ReadyWhen : std::uint8_t {
    constructed,  ///< at the end of DaemonContext's constructor
    notified,     ///< when the program calls `notify_ready`
};

/// What becomes of a signal in the daemon.
struct SignalRule {
    int signal = 0;                  ///< any that can be caught
    void (*handler)(int) = SIG_DFL;  ///< SIG_DFL, SIG_IGN, or an async-signal-safe function
};

/// One limit of setrlimit(2).
struct ResourceLimit {
    int resource = 0;             ///< RLIMIT_NOFILE and so on
    rlim_t soft = RLIM_INFINITY;  ///< in force
    rlim_t hard = RLIM_INFINITY;  ///< the most that soft can be raised to; raising hard needs root
};

/// Code of the program that runs around the forks. What a hook throws fails the start like any other step.
struct StartHooks {
    /// Launcher, just before the first fork; in the foreground at the same place. Flush, close, stop what a fork
    /// would tear.
    std::function<void()> before_fork = {};
    /// Daemon, as its first act, all signals blocked. Seed random numbers anew, drop cached pids. What it opens
    /// stays open, but for what gets the number of a descriptor that it has closed itself.
    std::function<void()> in_daemon = {};
    /// Launcher, after the daemon is up and before the launcher ends; not after a failed start. What it throws is
    /// shown nowhere: the daemon is up.
    std::function<void()> in_launcher = {};
};

/// What a daemon is. Every field has a default; designated initializers name what differs.
struct DaemonOptions {
    /// Leave the caller, stay in the foreground, or decide from facts.
    Detach detach = Detach::automatic;

    /// What other threads mean. With `start_again`, main runs again in the daemon up to its DaemonContext, every signal
    /// blocked; hooks.in_daemon runs there too, hooks.before_fork in the launcher.
    OtherThreads other_threads = OtherThreads::refuse;

    /// Descriptors that are never closed; 0–2 need not be named.
    std::vector<int> keep_open = {};

    /// Which inherited descriptors are closed.
    CloseInherited close_inherited = CloseInherited::not_close_on_exec;

    /// What becomes of signals; all others are reset to the default, SignalSets of the program excepted.
    std::vector<SignalRule> signal_map = {};

    /// Standard input.
    StreamTarget in = DefaultTarget{};

    /// Standard output.
    StreamTarget out = DefaultTarget{};

    /// Standard error; until the daemon is ready it stays the launcher's, so that startup messages are seen.
    StreamTarget err = DefaultTarget{};

    /// Whether core dumps are prevented: they carry whatever secrets the process had in memory.
    CoreDumps core_dumps = CoreDumps::prevent;

    /// The file mode creation mask, 0000–0777. The default keeps files from other users.
    mode_t umask = 0027;

    /// The new root directory; absent: the root stays. Needs root. The time zone stays: TZ is set where it was not.
    std::optional<std::string> chroot_directory = {};

    /// The directory to run in, inside the new root if there is one. The default keeps no mount busy.
    std::string working_directory = "/";

    /// The environment.
    Environment environment = {};

    /// Resource limits, set while the daemon still has the rights to raise them.
    std::vector<ResourceLimit> limits = {};

    /// The pid file, locked in the launcher and written by the daemon; absent: none.
    std::optional<std::string> pid_file = {};

    /// The mode of the pid file, whatever the umask, 0000–0777. Whoever can read it can lock it: 0600 where local users
    /// are not to be trusted with keeping the daemon from starting.
    mode_t pid_file_mode = 0644;

    /// User and groups, dropped to after everything that needs the old ones.
    Privileges privileges = {};

    /// Code that runs around the forks.
    StartHooks hooks = {};

    /// The moment that counts as "up".
    ReadyWhen ready_when = ReadyWhen::constructed;

    /// s6 and its like: the descriptor on which the supervisor waits for a newline, the number in `notification-fd`. It
    /// gets it when the daemon is ready, and is closed then. Where a pipe or a socket stands there,
    /// Detach::automatic stays in the foreground; anything else is left alone. Absent: none.
    std::optional<int> notification_fd = {};

    /// How long a start may take, counted by the launcher; more than zero.
    Timeout ready_timeout = Timeout::seconds(30);
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// DaemonOptions: what a daemon is, field by field in the order of effect. Floor 1.

#include <daemonkit/privilege_options.hpp>
#include <daemonkit/stream_target.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>  // mode_t

namespace daemonkit {

/// Whether the process leaves its caller.
enum class Detach : std::uint8_t {
    automatic,  ///< decided from facts: in the foreground under a service manager or as pid 1, else detached
    always,  ///< fork, setsid, fork
    never,   ///< the same steps in this very process: no fork, no new session
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

/// What a daemon is. Every field has a default; designated initializers name what differs.
struct DaemonOptions {
    /// Leave the caller, stay in the foreground, or decide from facts.
    Detach detach = Detach::automatic;

    /// Descriptors that are never closed; 0–2 need not be named.
    std::vector<int> keep_open = {};

    /// Which inherited descriptors are closed.
    CloseInherited close_inherited = CloseInherited::not_close_on_exec;

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

    /// The new root directory; absent: the root stays. Needs root.
    std::optional<std::string> chroot_directory = {};

    /// The directory to run in, inside the new root if there is one. The default keeps no mount busy.
    std::string working_directory = "/";

    /// The pid file, locked in the launcher and written by the daemon; absent: none.
    std::optional<std::string> pid_file = {};

    /// User and groups, dropped to after everything that needs the old ones.
    Privileges privileges = {};

    /// The moment that counts as "up".
    ReadyWhen ready_when = ReadyWhen::constructed;

    /// How long a start may take, counted by the launcher; more than zero.
    std::chrono::milliseconds ready_timeout = std::chrono::seconds(30);
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// ProcessReport: what a process is, as plain data. Floor 1. `inspect` fills it; `daemon_checklist` judges it.
//
// Names, paths and words are the bytes that the process chose, whatever they are: `to_text` makes them fit for a terminal.

#include <daemonkit/known.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>  // pid_t, uid_t, gid_t, mode_t

namespace daemonkit {

/// What a process is doing, by the letter that the kernel has for it; letters that are not here may come.
enum class ProcessState : char {
    running = 'R',
    sleeping = 'S',
    waiting =
        'D',  ///< for a disk or a network file system, and cannot be killed before that answers
    stopped = 'T',
    traced = 't',
    zombie = 'Z',  ///< ended, and nobody has waited for it
    dead = 'X',
    idle = 'I',
};

/// The four ids that a process has of users, or of groups.
template <class Id>
struct ProcessIds {
    Id real = 0;         ///< who started it
    Id effective = 0;    ///< whose rights it has
    Id saved = 0;        ///< whose rights it can take back
    Id file_system = 0;  ///< whose rights it has on files
};

/// A terminal by its name, as far as the device number tells it: `pts/3`, `tty1`, `device 4:64`.
struct ProcessTerminal {
    std::string name;                       ///< as below /dev
    unsigned major_number = 0;              ///< of the device
    unsigned minor_number = 0;              ///< of the device
    std::optional<pid_t> foreground_group;  ///< whom ^C on it meets
};

/// Signals by their numbers, in order.
///
/// Source:   proc_pid_status(5). Blocked and pending are those of the first thread: others may differ.
struct ProcessSignals {
    std::vector<int> caught;   ///< by a handler
    std::vector<int> ignored;  ///< by SIG_IGN
    std::vector<int> blocked;  ///< by the mask of the first thread
    std::vector<int> pending;  ///< sent to the first thread, or to the process, and not taken yet
};

/// Capability n at bit n.
struct ProcessCapabilities {
    std::uint64_t effective = 0;    ///< what it may do now
    std::uint64_t permitted = 0;    ///< what it may take
    std::uint64_t inheritable = 0;  ///< what a program with file capabilities may keep
    std::uint64_t bounding = 0;     ///< the most that exec can give
    std::uint64_t ambient = 0;      ///< what any program it runs keeps
};

/// A resource limit by the kernel's name for it: `Max open files`; no number: unlimited.
struct ProcessLimit {
    std::string name;                   ///< as the kernel has it
    std::optional<std::uint64_t> soft;  ///< in force
    std::optional<std::uint64_t> hard;  ///< how far the soft one may be raised
    std::string unit;                   ///< empty where it has none
};

/// What a descriptor is.
enum class DescriptorKind : std::uint8_t {
    file,      ///< a file or a directory, by its path
    null,      ///< /dev/null
    terminal,  ///< by the path of the device
    device,    ///< another one below /dev
    pipe,      ///< without a name
    socket,    ///< of any family
    anonymous,  ///< of the kernel's making: an epoll, event, timer, signal, memory or process descriptor
};

/// An open descriptor, and where it leads.
struct ProcessDescriptor {
    int fd = 0;                                  ///< its number
    DescriptorKind kind = DescriptorKind::file;  ///< what it is
    std::string target;          ///< `/var/log/x.log`, `socket:[4711]`, `anon_inode:[eventpoll]`
    Known<int> flags = {};       ///< those of open(2), O_CLOEXEC among them
    Known<bool> is_locked = {};  ///< the process holds a lock on it
};

/// The open descriptors: all counted, the first of them listed.
struct ProcessDescriptors {
    std::size_t count = 0;                  ///< how many
    std::vector<ProcessDescriptor> listed;  ///< each with where it leads
};

/// A thread and its name.
struct ProcessThread {
    pid_t id = 0;      ///< as gettid(2) tells it
    std::string name;  ///< at most 15 bytes
};

/// The threads: all counted, the first of them listed.
struct ProcessThreads {
    std::size_t count = 0;              ///< how many
    std::vector<ProcessThread> listed;  ///< each with its name
};

/// Memory in bytes.
struct ProcessMemory {
    std::uint64_t resident = 0;       ///< in memory now, what is shared with others included
    std::uint64_t peak = 0;           ///< the most that was resident
    std::uint64_t address_space = 0;  ///< all that is mapped
    std::uint64_t swapped = 0;        ///< written out to swap
    Known<std::uint64_t> own = {};    ///< what its end would give back
};

/// A namespace: `net`, `pid`, `mnt`, ...; the number is the kernel's.
struct ProcessNamespace {
    std::string kind;          ///< as in `/proc/PID/ns`
    std::uint64_t number = 0;  ///< equal for those who share it
    bool is_shared = false;    ///< this process, which looks, is in the same
};

/// The processes that have this one as their parent.
struct ProcessChildren {
    std::size_t count = 0;       ///< how many
    std::vector<pid_t> zombies;  ///< those that have ended and are not waited for
};

/// The few numbers that a status line shows.
///
/// Source:   proc_pid_stat(5), proc_pid_status(5).
struct ProcessVitals {
    pid_t pid = 0;                                ///< its number here
    std::string name;                             ///< at most 15 bytes
    ProcessState state = ProcessState::sleeping;  ///< of the first thread
    std::uint64_t start_ticks = 0;        ///< since the boot: with the pid, who a process is
    std::uint64_t uptime_seconds = 0;     ///< since its start
    std::size_t threads = 0;              ///< how many
    Known<ProcessMemory> memory = {};     ///< how much it has
    Known<std::size_t> descriptors = {};  ///< how many are open
};

/// What a process is: the answers of ps, lsof and /proc/PID in one place.
///
/// What could not be read is not known, with the reason; no number stands for "unknown".
struct ProcessReport {
    ProcessVitals vitals;                          ///< what a status line shows
    bool is_kernel_thread = false;                 ///< it has no program
    Known<std::vector<std::string>> command_line;  ///< the first 64 KiB
    Known<std::string> executable;                 ///< the path of its program
    Known<pid_t> pid_inside;                       ///< its number in the innermost PID namespace

    pid_t parent = 0;                         ///< 0: none that is visible from here
    Known<std::string> parent_name;           ///< at most 15 bytes
    pid_t group = 0;                          ///< its process group
    pid_t session = 0;                        ///< 0: one that is not visible from here
    Known<std::string> session_leader_name;   ///< ESRCH: the leader has ended
    std::optional<ProcessTerminal> terminal;  ///< the controlling one
    Known<ProcessChildren> children;          ///< those that live, and those not waited for

    Known<std::string> directory;             ///< its working directory
    Known<std::string> directory_mount;       ///< where the file system of the directory is mounted
    Known<std::string> root;                  ///< its root directory
    Known<mode_t> umask;                      ///< the mode bits that its new files do not get
    Known<ProcessSignals> signals;            ///< what it does with them
    Known<ProcessDescriptors> descriptors;    ///< what it has open
    Known<std::vector<ProcessLimit>> limits;  ///< as getrlimit(2) tells them

    Known<ProcessIds<uid_t>> users;                  ///< its users
    Known<ProcessIds<gid_t>> groups;                 ///< its groups
    Known<std::vector<gid_t>> supplementary_groups;  ///< its other groups
    Known<ProcessCapabilities> capabilities;         ///< of the first thread
    Known<bool> no_new_privileges;                   ///< exec gives it no rights
    Known<int> seccomp;                              ///< 0: none, 1: strict, 2: by a filter
    Known<bool> dumpable;  ///< may be traced and leave a core; cannot be told of root's processes
    Known<pid_t> tracer;   ///< the debugger's pid, 0: none

    Known<ProcessThreads> threads;                    ///< with their names
    int nice = 0;                                     ///< -20 to 19
    Known<int> out_of_memory_adjustment;              ///< -1000 to 1000
    Known<std::vector<ProcessNamespace>> namespaces;  ///< one of each kind
    Known<std::string> cgroup;  ///< the path in the unified hierarchy, or else in systemd's
};

/// The state in words: `sleeping`.
inline std::string to_string(ProcessState state) {
    switch (state) {
        case ProcessState::running: return "running";
        case ProcessState::sleeping: return "sleeping";
        case ProcessState::waiting: return "waiting for a disk";
        case ProcessState::stopped: return "stopped";
        case ProcessState::traced: return "stopped by a debugger";
        case ProcessState::zombie: return "ended, not waited for";
        case ProcessState::dead: return "dead";
        case ProcessState::idle: return "idle";
    }
    return std::string("in state ") + static_cast<char>(state);
}

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// Error: what failed, on what, why, and the exit status that says so. Floor 0.
//
// One exception type for the whole library. A failed start reaches the launcher as this type whether it
// failed before the forks or after them.

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>  // std::move

namespace daemonkit {

/// The step that failed, in the order of a start; then the steps of the other types.
enum class Step : std::uint8_t {
    validate_options,  ///< an option has a value that can never work
    refuse_threads,    ///< other threads exist, and a fork would leave their locks held for ever
    refuse_pid_one,    ///< the launcher is pid 1: its end would take the daemon with it
    fill_standard_streams,  ///< one of the descriptors 0–2 was closed and could not be opened
    resolve_path,           ///< a relative path could not be made absolute
    resolve_user,           ///< a user or group name is not known, or cannot be looked up
    open_pid_file,          ///< the pid file could not be opened or is not a plain file
    lock_pid_file,          ///< another process holds the lock, or locking failed
    open_stream,            ///< the target of a standard stream could not be opened
    open_channel,           ///< the socket pair between launcher and daemon could not be made
    block_signals,          ///< the signal mask could not be changed for the time of the start
    fork_session_leader,    ///< the first fork
    create_session,         ///< setsid in the session leader
    fork_daemon,            ///< the second fork
    reset_signals,          ///< dispositions and mask back to the default
    close_inherited,        ///< descriptors that the daemon must not keep
    redirect_stream,        ///< one of the descriptors 0–2 could not be redirected
    set_umask,              ///< the file mode creation mask
    change_root,            ///< chroot
    change_directory,       ///< chdir to the working directory
    map_signals,            ///< a disposition of the signal map could not be set
    set_environment,        ///< the environment could not be changed
    limit_resources,        ///< a resource limit could not be set
    limit_core,             ///< core dumps could not be prevented
    write_pid_file,         ///< the pid could not be written
    drop_privileges,  ///< user, groups, capabilities or no_new_privs, or the proof that the old ones are gone
    confine,          ///< Landlock or seccomp could not be put in force
    execute_program,  ///< the program that the daemon was to become could not be executed
    report_ready,     ///< the daemon could not tell the launcher that it is ready
    await_ready,      ///< the daemon ended, or took too long, before it was ready
    application,    ///< the program's own start failed: an exception between construction and ready
    watch_signals,  ///< SignalSet: a signal that cannot be watched, or a failed system call
    open_syslog,    ///< SyslogSink: an ident or option that cannot be used
    open_log_file,  ///< LogFile: the file could not be opened, or an option cannot be used
    rotate_log_file,  ///< LogFile: the file could not be renamed, and grows
    open_journal,     ///< JournalSink: an option or the name of a field that cannot be used
    start_child,      ///< ChildProcess: the program could not be started
    await_child,      ///< ChildProcess, reap_children: how a child ended cannot be known
    find_process,  ///< ProcessHandle: which process is meant, or whether it has ended, cannot be told
    signal_process,     ///< ProcessHandle: the process may not be signalled
    runtime_directory,  ///< runtime_directory: there is none, or it is not safe
    service_directory,  ///< state_directory and its like: there is none, or it is not safe
    read_credential,    ///< read_credential: it is there, and cannot be read
    watch_memory,       ///< watch_memory_pressure: what the manager names cannot be watched
    take_descriptors,   ///< ListenFds: what was handed over is not there, or not what was asked for
    inspect_process,    ///< inspect: there is no such process, or it cannot be looked at
    open_control_socket,  ///< ControlSocket: the socket could not be made, or can no longer be served
    ask_control_socket,  ///< ask: no daemon is there, or it did not answer
};

/// The name of a step, as it stands in messages: `lock_pid_file`.
constexpr const char* to_string(Step step) noexcept {
    switch (step) {
        case Step::validate_options: return "validate_options";
        case Step::refuse_threads: return "refuse_threads";
        case Step::refuse_pid_one: return "refuse_pid_one";
        case Step::fill_standard_streams: return "fill_standard_streams";
        case Step::resolve_path: return "resolve_path";
        case Step::resolve_user: return "resolve_user";
        case Step::open_pid_file: return "open_pid_file";
        case Step::lock_pid_file: return "lock_pid_file";
        case Step::open_stream: return "open_stream";
        case Step::open_channel: return "open_channel";
        case Step::block_signals: return "block_signals";
        case Step::fork_session_leader: return "fork_session_leader";
        case Step::create_session: return "create_session";
        case Step::fork_daemon: return "fork_daemon";
        case Step::reset_signals: return "reset_signals";
        case Step::close_inherited: return "close_inherited";
        case Step::redirect_stream: return "redirect_stream";
        case Step::set_umask: return "set_umask";
        case Step::change_root: return "change_root";
        case Step::change_directory: return "change_directory";
        case Step::map_signals: return "map_signals";
        case Step::set_environment: return "set_environment";
        case Step::limit_resources: return "limit_resources";
        case Step::limit_core: return "limit_core";
        case Step::write_pid_file: return "write_pid_file";
        case Step::drop_privileges: return "drop_privileges";
        case Step::confine: return "confine";
        case Step::execute_program: return "execute_program";
        case Step::report_ready: return "report_ready";
        case Step::await_ready: return "await_ready";
        case Step::application: return "application";
        case Step::watch_signals: return "watch_signals";
        case Step::open_syslog: return "open_syslog";
        case Step::open_log_file: return "open_log_file";
        case Step::rotate_log_file: return "rotate_log_file";
        case Step::open_journal: return "open_journal";
        case Step::start_child: return "start_child";
        case Step::await_child: return "await_child";
        case Step::find_process: return "find_process";
        case Step::signal_process: return "signal_process";
        case Step::runtime_directory: return "runtime_directory";
        case Step::service_directory: return "service_directory";
        case Step::read_credential: return "read_credential";
        case Step::watch_memory: return "watch_memory";
        case Step::take_descriptors: return "take_descriptors";
        case Step::inspect_process: return "inspect_process";
        case Step::open_control_socket: return "open_control_socket";
        case Step::ask_control_socket: return "ask_control_socket";
    }
    return "unknown_step";
}

namespace detail {

/// `text` with control characters spelt as in C, so that whatever a path holds, a message stays one line.
inline std::string one_line(const std::string& text) {
    constexpr const char* hex = "0123456789abcdef";
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            line += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            line += "\\x";
            line += hex[byte >> 4U];
            line += hex[byte & 0xfU];
        } else {
            line += c;
        }
    }
    return line;
}

}  // namespace detail

/// A step failed; the message is `<step>: <subject>: <reason>`.
///
/// The reason is the errno in words; where that alone does not tell what to do, an explanation stands before
/// it: `lock_pid_file: /run/x.pid: already running as pid 71 (Resource temporarily unavailable)`. ECANCELED with an
/// explanation says that no call of the system failed, and adds no words: `application: the roof is missing`.
///
/// Process:  thrown in the launcher, or in a foreground process, unless the docs of the thrower say otherwise.
/// Errors:   `code()` is in `std::system_category()`; compare it with `std::errc`.
class Error : public std::system_error {
public:
    /// Names what failed; `error_number` is an errno value. An `exit_status` of 0 leaves that to the step.
    Error(Step step, std::string subject, int error_number, std::string explanation = {},
          int exit_status = 0)
        : std::system_error(error_number, std::system_category()),
          step_(step),
          subject_(std::move(subject)),
          explanation_(std::move(explanation)),
          exit_status_(exit_status) {
        message_ = std::string(to_string(step_)) + ": ";
        if (!subject_.empty()) message_ += detail::one_line(subject_) + ": ";
        message_ += explanation_.empty() ? code().message() : detail::one_line(explanation_);
        if (!explanation_.empty() && error_number != ECANCELED)
            message_ += " (" + code().message() + ")";
    }

    /// The step that failed.
    Step step() const noexcept { return step_; }

    /// What it failed on: a path, a stream, an option, a signal.
    const std::string& subject() const noexcept { return subject_; }

    /// What stands before the errno in the message; empty where the errno says it all.
    const std::string& explanation() const noexcept { return explanation_; }

    /// The whole message, one line.
    const char* what() const noexcept override { return message_.c_str(); }

    /// The exit status that tells a shell or a service manager what kind of failure this is.
    ///
    /// 64 usage · 69 no such process, no daemon that answers · 70 the application's own start failed, died or timed out ·
    /// 71 system call · 73 cannot create pid file, log or socket · 75 already running · 77 no permission ·
    /// 78 configuration ·
    /// 126 a program cannot be executed · 127 it was not found ·
    /// 128 and the signal's number when a signal to the launcher ended the start.
    ///
    /// Source:   sysexits.h; POSIX env(1) for 126 and 127.
    int exit_status() const noexcept {
        if (exit_status_ != 0) return exit_status_;
        constexpr int unavailable = 69;
        constexpr int software = 70;
        constexpr int system_call = 71;
        constexpr int cannot_create = 73;
        constexpr int try_later = 75;
        constexpr int no_permission = 77;
        constexpr int configuration = 78;
        constexpr int cannot_execute = 126;
        constexpr int not_found = 127;
        const bool denied = code().value() == EACCES || code().value() == EPERM;
        const bool is_taken = code().value() == EADDRINUSE;
        const bool misnamed = code().value() == EINVAL || code().value() == ENAMETOOLONG;
        switch (step_) {
            case Step::lock_pid_file:
                return code().value() == EWOULDBLOCK ? try_later : cannot_create;
            case Step::open_pid_file: return denied ? no_permission : cannot_create;
            case Step::open_control_socket:
                return is_taken   ? try_later
                       : denied   ? no_permission
                       : misnamed ? configuration
                                  : cannot_create;
            case Step::ask_control_socket:
                return denied ? no_permission : misnamed ? configuration : unavailable;
            case Step::open_stream:
            case Step::write_pid_file: return cannot_create;
            case Step::validate_options:
            case Step::refuse_threads:
            case Step::refuse_pid_one:
            case Step::resolve_path:
            case Step::open_journal:
            case Step::take_descriptors:
            case Step::resolve_user: return configuration;
            case Step::open_syslog: return code().value() == EINVAL ? configuration : system_call;
            case Step::open_log_file:
                return code().value() == EINVAL ? configuration : cannot_create;
            case Step::find_process: return code().value() == EWOULDBLOCK ? try_later : system_call;
            case Step::signal_process: return denied ? no_permission : system_call;
            case Step::runtime_directory:
            case Step::service_directory:
            case Step::read_credential:
            case Step::watch_memory:
            case Step::change_root:
            case Step::change_directory: return denied ? no_permission : configuration;
            case Step::drop_privileges: return no_permission;
            case Step::execute_program:
                return code().value() == ENOENT ? not_found : cannot_execute;
            case Step::inspect_process:
                return denied ? no_permission : code().value() == ESRCH ? unavailable : system_call;
            case Step::await_ready:
            case Step::application: return software;
            default: return system_call;
        }
    }

private:
    Step step_;
    std::string subject_;
    std::string explanation_;
    int exit_status_;
    std::string message_;
};

}  // namespace daemonkit

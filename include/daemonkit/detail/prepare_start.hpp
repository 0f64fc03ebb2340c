// SPDX-License-Identifier: MIT
#pragma once
// PreparedStart: everything that can fail in the launcher has been done there. Floor 6.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/close_inherited.hpp>
#include <daemonkit/detail/decide_detach.hpp>
#include <daemonkit/detail/fill_standard_streams.hpp>
#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/null_device.hpp>
#include <daemonkit/detail/open_target.hpp>
#include <daemonkit/detail/platform.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/signal_name.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/thread_names.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/notify.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/privileges.hpp>

#include <cerrno>
#include <csignal>  // SIGKILL, SIGSTOP
#include <optional>
#include <string>
#include <utility>  // std::move
#include <variant>
#include <vector>

namespace daemonkit::detail {

/// Refuses values that can never work, before anything is touched.
inline void validate(const DaemonOptions& options) {
    const auto refuse = [](const char* option, const std::string& why) {
        throw Error(Step::validate_options, option, EINVAL, why);
    };
    const auto require_path = [&](const char* option, const std::string& path) {
        if (path.empty()) refuse(option, "the path is empty");
        if (path.find('\0') != std::string::npos) refuse(option, "the path has a NUL byte");
    };
    const auto require_target = [&](const char* option, const StreamTarget& target) {
        if (const auto* file = std::get_if<AppendTo>(&target)) require_path(option, file->path);
        if (const auto* file = std::get_if<ReadFrom>(&target)) require_path(option, file->path);
    };
    for (const int fd : options.keep_open) {
        if (fd < 0) refuse("keep_open", std::to_string(fd) + " is not a descriptor");
    }
    if (options.notification_fd && *options.notification_fd < first_inherited_fd)
        refuse("notification_fd", "it is a standard stream or no descriptor");
    for (const SignalRule& rule : options.signal_map) {
        if (rule.signal < 1 || rule.signal == SIGKILL || rule.signal == SIGSTOP) {
            refuse("signal_map", signal_name(rule.signal) + " cannot be caught");
        }
    }
    const auto require_name = [&](const std::string& name) {
        if (name.empty() || name.find('=') != std::string::npos ||
            name.find('\0') != std::string::npos) {
            refuse("environment", "a variable cannot be named \"" + name + "\"");
        }
    };
    for (const std::string& name : options.environment.listed) require_name(name);
    for (const auto& [name, value] : options.environment.set) {
        require_name(name);
        if (value.find('\0') != std::string::npos)
            refuse("environment", "the value of " + name + " has a NUL byte");
    }
    for (const ResourceLimit& limit : options.limits) {
        if (limit.soft > limit.hard) refuse("limits", "a soft limit is above its hard limit");
    }
    require_target("in", options.in);
    require_target("out", options.out);
    require_target("err", options.err);
    if ((options.umask & ~mode_t{0777}) != 0) refuse("umask", "it is outside 0000-0777");
    if (options.chroot_directory) require_path("chroot_directory", *options.chroot_directory);
    require_path("working_directory", options.working_directory);
    if (options.pid_file) require_path("pid_file", *options.pid_file);
    if ((options.pid_file_mode & ~mode_t{0777}) != 0)
        refuse("pid_file_mode", "it is outside 0000-0777");
    if (options.privileges.user && options.privileges.user->empty()) {
        refuse("privileges.user", "the name is empty");
    }
    if (options.privileges.group && options.privileges.group->empty()) {
        refuse("privileges.group", "the name is empty");
    }
    if (options.ready_timeout.in_nanoseconds() <= 0)
        refuse("ready_timeout", "it is not above zero");
}

/// The threads of this process besides the calling one; 0 where that cannot be told.
inline int count_other_threads(const std::optional<ProcStatus>& status) noexcept {
    constexpr int own_threads = 1 + DAEMONKIT_TSAN();  // ThreadSanitizer keeps one of its own
    return status && status->threads > own_threads ? status->threads - own_threads : 0;
}

/// A fork takes only the calling thread along; whatever the others held stays held.
inline void refuse_threads(const std::optional<ProcStatus>& status) {
    const int others = count_other_threads(status);
    if (others == 0) return;
    throw Error(Step::refuse_threads, other_thread_names(), EBUSY,
                std::to_string(others) +
                    (others == 1 ? " other thread runs" : " other threads run") +
                    "; construct DaemonContext before the first thread");
}

/// The pid of this process.
inline pid_t pid_of(const std::optional<ProcStatus>& status) noexcept {
    return status ? status->pid : sys::getpid();
}

/// The end of pid 1 ends every process of its namespace, the daemon among them.
inline void refuse_pid_one(pid_t pid) {
    if (pid != 1) return;
    throw Error(Step::refuse_pid_one, "pid 1", EPERM,
                "its end would end the daemon; use Detach::never");
}

/// The open targets of the three streams.
struct StreamFds {
    UniqueFd own[3];
    UniqueFd null;  ///< shared by all that lead to the null device
    bool leads_to_null[3] = {};

    /// What a stream is redirected to, -1 when it stays as it is.
    int of(Stream stream) const noexcept {
        const int number = static_cast<int>(stream);
        return leads_to_null[number] ? null.get() : own[number].get();
    }

    /// The target for a redirection that comes later; the others have been made by then.
    UniqueFd take(Stream stream) noexcept {
        const int number = static_cast<int>(stream);
        return std::move(leads_to_null[number] ? null : own[number]);
    }
};

/// The umask of the daemon, for the length of a scope in the launcher: files made there get the daemon's modes.
class UmaskScope {
public:
    explicit UmaskScope(mode_t mask) noexcept : before_(sys::umask(mask)) {}
    ~UmaskScope() { sys::umask(before_); }
    UmaskScope(const UmaskScope&) = delete;
    UmaskScope& operator=(const UmaskScope&) = delete;

private:
    mode_t before_;
};

/// Whether this process is the launcher, or the daemon of a program that was started again.
enum class Forks { to_be_made, made };

/// All that a start needs, made in the launcher; destroying it undoes it.
///
/// Process:  launcher.
/// Errors:   the Error of the step that failed; nothing has changed then.
struct PreparedStart {
    explicit PreparedStart(const DaemonOptions& wanted, Forks forks = Forks::to_be_made)
        : options((validate(wanted), wanted)),
          status(read_proc_status()),
          filled(status),
          notification_fd(is_notification(options.notification_fd) ? *options.notification_fd : -1),
          detach(decide_detach(options.detach, options.notification_fd, pid_of(status))),
          notifier(manager_variable("NOTIFY_SOCKET")),
          working_directory(options.chroot_directory ? options.working_directory
                                                     : absolute_path(options.working_directory)) {
        for (const char* const variable : {"LISTEN_PID", "WATCHDOG_PID"})
            if (names_this_process(variable)) names_launcher.push_back(variable);
        if (forks == Forks::made) {
            detach = {Detach::always, "the launcher has started this program again"};
        } else if (detaches()) {
            refuse_threads(status);
            if (options.detach == Detach::always)
                refuse_pid_one(pid_of(status));  // automatic is not for pid 1
        }
        if (options.chroot_directory) {
            chroot_directory = absolute_path(*options.chroot_directory);
        }
        privileges.emplace(options.privileges);
        if (privileges->binds_one_thread()) refuse_threads(status);
        if (options.pid_file)
            lock.emplace(*options.pid_file, PidLockOptions{.mode = options.pid_file_mode});
        open_stream(Stream::in, options.in);
        open_stream(Stream::out, options.out);
        open_stream(Stream::err, options.err);
        if (options.close_inherited != CloseInherited::none)
            inherited = InheritedDescriptors(status ? status->descriptor_slots : 0);
    }

    bool detaches() const noexcept { return detach.choice == Detach::always; }

    const DaemonOptions& options;
    std::optional<ProcStatus> status;
    FilledStreams filled;
    int notification_fd;  ///< -1: no supervisor; known before the start opens something that gets the number
    DetachDecision detach;
    Notifier notifier;
    std::vector<const char*> names_launcher;  ///< variables that hold the launcher's pid
    std::string working_directory;            ///< absolute, or inside the new root
    std::optional<std::string> chroot_directory;
    std::optional<PrivilegeDrop> privileges;
    std::optional<PidLock> lock;
    StreamFds streams;
    InheritedDescriptors inherited;  ///< and those of the start itself; none that may not be closed

private:
    void open_stream(Stream stream, const StreamTarget& target) {
        const bool is_default = std::holds_alternative<DefaultTarget>(target);
        if (is_default && !detaches()) return;
        if (is_default || std::holds_alternative<NullDevice>(target)) {
            if (!streams.null.is_open()) streams.null = open_null_device(Step::open_stream);
            streams.leads_to_null[static_cast<int>(stream)] = true;
            return;
        }
        const UmaskScope modes_as_in_the_daemon(options.umask);
        streams.own[static_cast<int>(stream)] = open_target(stream, target);
    }
};

}  // namespace daemonkit::detail

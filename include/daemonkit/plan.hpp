// SPDX-License-Identifier: MIT
#pragma once
// plan and check: what a start would do, and what would stop it, without doing any of it. Floor 9.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/decide_detach.hpp>
#include <daemonkit/detail/measure_words.hpp>
#include <daemonkit/detail/open_target.hpp>
#include <daemonkit/detail/pid_file.hpp>
#include <daemonkit/detail/prepare_start.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/privileges.hpp>

#include <cerrno>
#include <string>
#include <variant>
#include <vector>

#include <sys/stat.h>  // S_ISDIR
#include <unistd.h>    // W_OK

namespace daemonkit {

/// One thing a start would do.
struct PlannedStep {
    Step step = Step::validate_options;  ///< the step as an Error would name it
    std::string words;                   ///< what is done, with the values it is done with
};

namespace detail {

/// `3 limits`, `1 limit`.
inline std::string count_of(std::size_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

/// The target of a stream in words; nothing where the stream stays what it is.
struct DescribeTarget {
    bool detaches;
    std::string operator()(const DefaultTarget&) const { return detaches ? "the null device" : ""; }
    std::string operator()(const NullDevice&) const { return "the null device"; }
    std::string operator()(const Inherit&) const { return {}; }
    std::string operator()(const AppendTo& file) const {
        return "the end of " + absolute_path(file.path);
    }
    std::string operator()(const ReadFrom& file) const { return absolute_path(file.path); }
    std::string operator()(const Duplicate& copy) const {
        return "descriptor " + std::to_string(copy.fd);
    }
};

/// Runs one test of the check; an Error of it is a finding.
template <class Test>
void find(std::vector<Error>& findings, Test test) {
    try {
        test();
    } catch (const Error& error) {
        findings.push_back(error);
    }
}

/// The folder in which a file would be made.
inline std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

/// The path is not that of a folder, where a file is wanted.
inline void refuse_folder(Step step, const std::string& path) {
    struct ::stat status {};
    if (sys::stat(path.c_str(), &status) && S_ISDIR(status.st_mode))
        throw Error(step, path, EISDIR);
}

/// The file can be written, or made in its folder; `explain` has the words that a start would have for an errno.
template <class Explain>
void require_writable(Step step, const std::string& path, Explain explain) {
    const auto file = sys::faccessat(path.c_str(), W_OK);
    const auto reason =
        file.error == ENOENT ? sys::faccessat(folder_of(path).c_str(), W_OK | X_OK) : file;
    if (!reason) throw Error(step, path, reason.error, explain(reason.error));
    refuse_folder(step, path);
}

/// A warning of a folder from which every user may remove the file; else empty.
inline std::string warn_of_folder(const std::string& path) {
    struct ::stat status {};
    const bool is_open_to_all = sys::stat(folder_of(path).c_str(), &status) &&
                                (status.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH;
    return is_open_to_all ? ", which every user may remove: see chmod o-w" : "";
}

}  // namespace detail

/// The steps of a start with these options, in their order, in words; nothing is touched.
///
/// Errors:   Step::validate_options, Step::resolve_path.
inline std::vector<PlannedStep> plan(const DaemonOptions& options) {
    detail::validate(options);
    const DetachDecision decision = detail::decide_detach(options.detach, options.notification_fd);
    const bool detaches = decision.choice == Detach::always;
    const detail::DescribeTarget target{detaches};
    std::vector<PlannedStep> steps;
    const auto add = [&](Step step, std::string words) {
        steps.push_back({step, std::move(words)});
    };

    add(Step::validate_options,
        (detaches ? "detach: " : "stay in the foreground: ") + decision.reason);
    add(Step::fill_standard_streams, "open the null device for each of 0-2 that is closed");
    if (detaches) {
        add(Step::refuse_threads, options.other_threads == OtherThreads::refuse
                                      ? "make sure that this is the only thread"
                                      : "if this is not the only thread, start the program again");
    }
    if (options.privileges.user)
        add(Step::resolve_user, "look up the user " + *options.privileges.user);
    if (options.privileges.group)
        add(Step::resolve_user, "look up the group " + *options.privileges.group);
    if (options.pid_file) {
        const std::string path = detail::absolute_path(*options.pid_file);
        add(Step::lock_pid_file, "lock " + path + detail::warn_of_folder(path));
    }
    const std::string in = std::visit(target, options.in);
    const std::string out = std::visit(target, options.out);
    const std::string err = std::visit(target, options.err);
    if (!in.empty()) add(Step::open_stream, "open " + in + " for stdin");
    if (!out.empty()) add(Step::open_stream, "open " + out + " for stdout");
    if (!err.empty()) add(Step::open_stream, "open " + err + " for stderr");
    if (detaches) add(Step::open_channel, "make the line between launcher and daemon");
    add(Step::block_signals, "block all signals");
    if (detaches) {
        add(Step::fork_session_leader, "fork the session leader");
        add(Step::create_session, "start a session without a terminal");
        add(Step::fork_daemon, "fork the daemon; the session leader ends");
    }
    add(Step::reset_signals, "reset the dispositions of all signals");
    for (const SignalRule& rule : options.signal_map) {
        add(Step::map_signals, "set the disposition of " + detail::signal_name(rule.signal));
    }
    if (!in.empty() && !out.empty())
        add(Step::redirect_stream, "redirect stdin and stdout");
    else if (!in.empty())
        add(Step::redirect_stream, "redirect stdin");
    else if (!out.empty())
        add(Step::redirect_stream, "redirect stdout");
    add(Step::set_umask, "set the umask " + detail::umask_words(options.umask));
    if (!options.chroot_directory) {
        add(Step::change_directory,
            "change to " + detail::absolute_path(options.working_directory));
    }
    if (options.environment.inherited == InheritedEnvironment::only_listed) {
        add(Step::set_environment, "keep only the listed environment variables");
    }
    if (!options.environment.set.empty()) {
        add(Step::set_environment,
            "set " + detail::count_of(options.environment.set.size(), "environment variable",
                                      "environment variables"));
    }
    if (!options.limits.empty()) {
        add(Step::limit_resources,
            "set " + detail::count_of(options.limits.size(), "resource limit", "resource limits"));
    }
    if (options.pid_file) add(Step::write_pid_file, "write the pid and be named by the lock");
    if (options.chroot_directory) {
        add(Step::change_root,
            "make " + detail::absolute_path(*options.chroot_directory) + " the root");
        add(Step::change_directory, "change to " + options.working_directory + " in it");
    }
    const Privileges& privileges = options.privileges;
    if (privileges.user || privileges.group || detail::sys::has_elevated_rights()) {
        add(Step::drop_privileges,
            "change groups, group and user, and prove that there is no way back");
    }
    if (privileges.capabilities) {
        add(Step::drop_privileges, "keep " + detail::count_of(privileges.capabilities->size(),
                                                              "capability", "capabilities"));
    }
    if (privileges.new_privileges == NewPrivileges::forbidden)
        add(Step::drop_privileges, "forbid new privileges");
    if (options.core_dumps == CoreDumps::prevent) add(Step::limit_core, "prevent core dumps");
    if (options.close_inherited != CloseInherited::none) {
        add(Step::close_inherited, "close inherited descriptors");
    }
    if (privileges.paths) {
        add(Step::confine, "make the file system usable below " +
                               detail::count_of(privileges.paths->size(), "path", "paths") +
                               " alone");
    }
    if (!privileges.forbidden_system_calls.empty()) {
        add(Step::confine, "forbid " + detail::count_of(privileges.forbidden_system_calls.size(),
                                                        "system call", "system calls"));
    }
    add(Step::reset_signals, "empty the signal mask");
    if (options.ready_when == ReadyWhen::notified)
        add(Step::application, "run the program until notify_ready");
    if (!err.empty()) add(Step::redirect_stream, "redirect stderr");
    if (detaches) add(Step::report_ready, "tell the launcher, which ends with status 0");
    return steps;
}

/// What would stop a start with these options now; empty when nothing is known to.
///
/// Nothing is made, locked or forked, so this is a forecast: a file may be gone, or a lock taken, a moment later.
///
/// Process:  any; asked with the rights of the effective user.
inline std::vector<Error> check(const DaemonOptions& options) {
    std::vector<Error> findings;
    detail::find(findings, [&] { detail::validate(options); });
    if (!findings.empty()) return findings;
    const bool detaches =
        detail::decide_detach(options.detach, options.notification_fd).choice == Detach::always;
    if (detaches && options.other_threads == OtherThreads::refuse)
        detail::find(findings, [&] { detail::refuse_threads(detail::read_proc_status()); });
    if (detaches) detail::find(findings, [&] { detail::refuse_pid_one(detail::sys::getpid()); });
    detail::find(findings, [&] {
        const PrivilegeDrop drop(options.privileges);
        if (drop.binds_one_thread() && !detaches)
            detail::refuse_threads(detail::read_proc_status());
    });
    if (options.pid_file) {
        detail::find(findings, [&] {
            const std::string path = detail::absolute_path(*options.pid_file);
            if (const auto holder = PidLock::holder(path)) {
                throw Error(Step::lock_pid_file, path, EWOULDBLOCK, detail::explain_held(*holder));
            }
            detail::require_writable(Step::open_pid_file, path, detail::explain_open_pid_file);
        });
    }
    for (const StreamTarget* target : {&options.out, &options.err}) {
        if (const auto* const file = std::get_if<AppendTo>(target)) {
            detail::find(findings, [&] {
                const std::string path = detail::absolute_path(file->path);
                detail::require_writable(Step::open_stream, path, [&](int error) {
                    return detail::explain_open(path, error, true);
                });
            });
        }
    }
    if (const auto* const file = std::get_if<ReadFrom>(&options.in)) {
        detail::find(findings, [&] {
            const std::string path = detail::absolute_path(file->path);
            detail::check(detail::sys::faccessat(path.c_str(), R_OK), Step::open_stream, path);
            detail::refuse_folder(Step::open_stream, path);
        });
    }
    const std::string root = options.chroot_directory.value_or("");
    detail::find(findings, [&] {
        const std::string path =
            root.empty() ? detail::absolute_path(options.working_directory)
                         : detail::absolute_path(root) + "/" + options.working_directory;
        // The dot makes it a directory, or an error.
        detail::check(detail::sys::faccessat((path + "/.").c_str(), X_OK), Step::change_directory,
                      path);
    });
    return findings;
}

}  // namespace daemonkit

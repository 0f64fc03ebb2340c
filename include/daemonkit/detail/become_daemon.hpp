// SPDX-License-Identifier: MIT
#pragma once
// DaemonState: the steps that make this very process the daemon, and their undo. Floor 7.
//
// The same code runs in a detached daemon and in a foreground process. Only the latter has somebody to undo for: a
// detached daemon that fails ends. What can be undone comes first, what cannot comes last.

#include <daemonkit/change_root.hpp>
#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/close_inherited.hpp>
#include <daemonkit/detail/disposition_change.hpp>
#include <daemonkit/detail/environment_change.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/install_stream.hpp>
#include <daemonkit/detail/limit_change.hpp>
#include <daemonkit/detail/platform.hpp>
#include <daemonkit/detail/prepare_start.hpp>
#include <daemonkit/detail/signal_delivery.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cstdio>  // std::fflush
#include <optional>
#include <string>

#include <fcntl.h>

namespace daemonkit::detail {

/// What the process was before it became the daemon, and what it is turned into.
///
/// Process:  daemon, or the foreground process.
/// Undo:     the destructor puts back what can be put back; `keep` leaves everything as it is.
class DaemonState {
public:
    enum class Undo { possible, pointless };

    DaemonState() noexcept = default;
    ~DaemonState() {
        const ErrnoGuard keep_errno;
        undo();
    }
    DaemonState(const DaemonState&) = delete;
    DaemonState& operator=(const DaemonState&) = delete;

    /// Leaves everything as it is, but for the streams of a foreground process, which `put_back_streams` restores.
    void keep() noexcept {
        is_kept_ = true;
        directory_.reset();
    }

    /// Everything is what it was, as far as it can be; a second call does nothing.
    void undo() noexcept {
        if (!is_undoable() || is_kept_) return;
        put_back_streams();
        if (directory_.is_open()) static_cast<void>(sys::fchdir(directory_.get()));
        if (umask_) sys::umask(*umask_);
        limits_.undo();
        environment_.undo();
        dispositions_.undo();
        keep();
    }

    /// Every step but the last: standard error is still the launcher's. The line to the launcher is spared. Returns
    /// what a confinement as good as possible could not put in force, in words.
    ///
    /// Errors:   the Error of the step.
    /// Source:   daemon(7) steps 1–5 and 9–13.
    std::string become(PreparedStart& start, Undo undo, int channel) {
        undo_ = undo;
        const DaemonOptions& options = start.options;
        dispositions_.reset(start.status);
        dispositions_.map(options.signal_map);
        redirect(Stream::in, start.streams.of(Stream::in));
        redirect(Stream::out, start.streams.of(Stream::out));
        set_umask(options.umask);
        change_directory(start);
        environment_.apply(options.environment);
        if (const char* const address = manager_variable(notify_variable))
            notify_address_ = address;
        environment_.remove(notify_variable);  // what the daemon starts is not the service
        for (const char* const variable : start.names_launcher) give_own_name(variable);
        // Another name of the launcher (systemd 258): with it, sd_listen_fds would take nothing for the daemon's.
        if (start.detaches()) environment_.remove("LISTEN_PIDFDID");
        limits_.apply(options.limits);
        if (start.lock) start.lock->write_pid();
        if (start.chroot_directory)
            daemonkit::change_root(*start.chroot_directory, start.working_directory);
        start.privileges->apply();
        // After the drop, because a hard limit cannot be raised again by whoever fails to drop, and because a change
        // of the user id sets the dumpable attribute anew.
        if (options.core_dumps == CoreDumps::prevent) prevent_core_dumps();
        close_others(start, channel);
        return start.privileges->confine();
    }

    /// For a program that the daemon becomes, which is the service: what its environment has more than the daemon's.
    Environment environment_of_service() const {
        Environment more;
        if (notify_address_) more.set.emplace_back(notify_variable, *notify_address_);
        return more;
    }

    /// The stream leads to the descriptor; -1 leaves it as it is.
    void redirect(Stream stream, int target) {
        if (target < 0) return;
        const int number = static_cast<int>(stream);
        if (is_undoable()) {
            // What stands in a buffer belongs to where the stream led until now.
            static_cast<void>(std::fflush(nullptr));
            saved_streams_[number].reset(check(sys::fcntl_dupfd_cloexec(number, first_inherited_fd),
                                               Step::redirect_stream, to_string(stream)));
        }
        install_stream(target, stream);
    }

    bool has_saved_streams() const noexcept {
        for (const UniqueFd& saved : saved_streams_) {
            if (saved.is_open()) return true;
        }
        return false;
    }

    /// Puts the streams of a foreground process back; what was written goes out first.
    void put_back_streams() noexcept {
        for (int fd = 2; fd >= 0; --fd) {
            if (!saved_streams_[fd].is_open()) continue;
            static_cast<void>(std::fflush(nullptr));
            static_cast<void>(
                try_install_stream(saved_streams_[fd].get(), static_cast<Stream>(fd)));
            saved_streams_[fd].reset();
        }
    }

private:
    /// What was handed to the launcher is the daemon's, unless the options have taken the variable away.
    void give_own_name(const char* variable) {
        if (std::getenv(variable) == nullptr) return;
        environment_.apply({.set = {{variable, std::to_string(sys::getpid())}}});
    }

    bool is_undoable() const noexcept { return undo_ == Undo::possible; }

    void set_umask(mode_t mask) {
        const mode_t before = sys::umask(mask);
        if (is_undoable()) umask_ = before;
    }

    void change_directory(const PreparedStart& start) {
        if (start.chroot_directory) return;  // change_root does both
        if (is_undoable()) {
#if defined(O_PATH)
            constexpr int access = O_PATH;  // a directory that may not be read can be returned to
#else
            constexpr int access = O_RDONLY;
#endif
            const auto here =
                retry([] { return sys::open(".", access | O_CLOEXEC | O_DIRECTORY); });
            if (here) directory_.reset(here.value);
        }
        check(sys::chdir(start.working_directory.c_str()), Step::change_directory,
              start.working_directory);
    }

    static void prevent_core_dumps() {
        const struct ::rlimit none {};
        check(sys::setrlimit(RLIMIT_CORE, &none), Step::limit_core, "RLIMIT_CORE");
#if DAEMONKIT_OS_LINUX()
        // The limit does not hold for a dump that is piped to a program (core(5)).
        check(sys::prctl(PR_SET_DUMPABLE, 0), Step::limit_core, "PR_SET_DUMPABLE");
#endif
    }

    /// True for a descriptor of the start itself.
    bool is_own(int fd, const PreparedStart& start, int channel) const noexcept {
        for (const UniqueFd& own : start.streams.own) {
            if (own.get() == fd) return true;
        }
        for (const UniqueFd& own : saved_streams_) {
            if (own.get() == fd) return true;
        }
        if (fd == start.options.notification_fd || fd == start.notifier.native_handle())
            return true;
        return fd == channel || fd == start.streams.null.get() || fd == directory_.get() ||
               (start.lock && fd == start.lock->native_handle());
    }

    void close_others(const PreparedStart& start, int channel) const {
        const DaemonOptions& options = start.options;
        // libc would go on sending log lines to the number, whatever has it by then.
        if (options.close_inherited == CloseInherited::all) sys::closelog();
        const int handed_over =
            names_this_process("LISTEN_PID") ? handed_over_count().value_or(0) : 0;
        start.inherited.close([&](int fd) {
            for (const int kept : options.keep_open) {
                if (fd == kept) return true;
            }
            if (is_own(fd, start, channel) || fd < first_handed_over + handed_over) return true;
            if (is_signal_descriptor(fd)) return true;
            if (options.close_inherited == CloseInherited::all) return false;
            const auto flags = sys::fcntl_getfd(fd);
            return flags && (flags.value & FD_CLOEXEC) != 0;
        });
    }

    static constexpr const char* notify_variable = "NOTIFY_SOCKET";

    Undo undo_ = Undo::pointless;
    bool is_kept_ = false;
    DispositionChange dispositions_;
    EnvironmentChange environment_;
    std::optional<std::string> notify_address_;
    LimitChange limits_;
    UniqueFd saved_streams_[3];
    std::optional<mode_t> umask_;
    UniqueFd directory_;
};

}  // namespace daemonkit::detail

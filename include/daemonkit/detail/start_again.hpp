// SPDX-License-Identifier: MIT
#pragma once
// start_again: a daemon made by executing the program anew, for programs that have threads already. Floor 5.
//
// A fork takes only the calling thread along, and whatever the others held stays held; an exec takes nothing along. So
// the launcher forks, and the daemon is the same program, started again with the same arguments, which finds at its
// DaemonContext that the forks are behind it.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/handed_over.hpp>
#include <daemonkit/detail/lead_session.hpp>
#include <daemonkit/detail/pid_text.hpp>
#include <daemonkit/detail/ready_channel.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <charconv>  // std::from_chars
#include <cstring>   // std::memcpy
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

namespace daemonkit::detail {

/// The variable by which the program, started again, knows itself.
inline constexpr const char* start_again_variable = "DAEMONKIT_STARTED_AGAIN";

/// What the variable says, as "FD:PID:TIMES".
struct StartedAgain {
    int fd = -1;    ///< the line to the launcher
    pid_t pid = 0;  ///< the process that was started again; others have inherited the variable
    int times = 0;  ///< how often, one from within the other
};

/// What the variable says; nothing where it is missing or says something else.
inline std::optional<StartedAgain> read_started_again() noexcept {
    const char* text = manager_variable(start_again_variable);
    if (text == nullptr) return {};
    const char* const end = text + std::strlen(text);
    StartedAgain read;
    const auto take = [&](auto& number, char behind) {
        const auto parsed = std::from_chars(text, end, number);
        text = parsed.ptr + 1;
        return parsed.ec == std::errc{} && *parsed.ptr == behind;
    };
    if (!take(read.fd, ':') || !take(read.pid, ':') || !take(read.times, '\0')) return {};
    return read;
}

/// The program as it was started: its file, arguments and environment, with room for the variable.
class ProgramImage {
public:
    /// Errors:   Step::fork_daemon on /proc/self/cmdline; ELOOP when the program does nothing but start itself again;
    ///           EPERM in a setuid or setgid program, which cannot tell such a start from one by its caller.
    ProgramImage() : arguments_(read_whole("/proc/self/cmdline")) {
        if (sys::has_ids_of_its_file())
            throw Error(Step::fork_daemon, "OtherThreads::start_again", EPERM,
                        "a setuid or setgid program is not started again: it has to make its "
                        "threads after the DaemonContext");
        constexpr int most_times = 4;  // one program may start another one that does the same
        if (const auto before = read_started_again()) times_ = before->times + 1;
        if (times_ < 1 || times_ > most_times) {
            throw Error(Step::fork_daemon, "OtherThreads::start_again", ELOOP,
                        "the program has been started again and again; it must not fork before its "
                        "DaemonContext");
        }
        for (std::size_t at = 0; at < arguments_.size(); at += std::strlen(&arguments_[at]) + 1) {
            argv_.push_back(&arguments_[at]);
        }
        argv_.push_back(nullptr);
        for (PidVariable& each : pid_variables_) each.is_ours = names_this_process(each.name);
        for (char** text = sys::environment(); text != nullptr && *text != nullptr; ++text)
            if (!is_replaced(*text)) envp_.push_back(*text);
        marker_ = std::string(start_again_variable) + '=' + std::string(room, '\0');
        envp_.push_back(marker_.data());
        for (PidVariable& each : pid_variables_) {
            if (!each.is_ours) continue;
            each.text = std::string(each.name) + '=' + std::string(room, '\0');
            envp_.push_back(each.text.data());
        }
        envp_.push_back(nullptr);
    }
    ProgramImage(const ProgramImage&) = delete;
    ProgramImage& operator=(const ProgramImage&) = delete;

    /// Executes the program; returns the errno when that failed. Async-signal-safe.
    int execute(int channel) noexcept {
        const auto kept = sys::fcntl_setfd(channel, 0);
        if (!kept) return kept.error;
        char* to = marker_.data() + std::strlen(start_again_variable) + 1;
        to = put(to, PidText(channel).view());
        *to++ = ':';
        to = put(to, PidText(sys::getpid()).view());
        *to++ = ':';
        *put(to, PidText(times_).view()) = '\0';
        for (PidVariable& each : pid_variables_) {
            if (!each.is_ours) continue;
            char* const number = each.text.data() + std::strlen(each.name) + 1;
            *put(number, PidText(sys::getpid()).view()) = '\0';
        }
        return sys::execve("/proc/self/exe", argv_.data(), envp_.data()).error;
    }

private:
    static constexpr std::size_t room = 32;

    /// What was handed to the launcher is the daemon's, by its own pid.
    struct PidVariable {
        const char* name;
        bool is_ours = false;
        std::string text = {};
    };

    bool is_replaced(std::string_view entry) const noexcept {
        const std::string_view name = entry.substr(0, entry.find('='));
        for (const PidVariable& each : pid_variables_)
            if (each.is_ours && name == each.name) return true;
        return name == start_again_variable;
    }

    /// Copies the digits, without the newline that follows them.
    static char* put(char* to, std::string_view text) noexcept {
        std::memcpy(to, text.data(), text.size() - 1);
        return to + text.size() - 1;
    }

    static std::string read_whole(const char* path) {
        const UniqueFd fd(check(retry([&] { return sys::open(path, O_RDONLY | O_CLOEXEC); }),
                                Step::fork_daemon, path));
        std::string content;
        char buffer[4096];
        for (;;) {
            const auto got =
                check(retry([&] { return sys::read(fd.get(), buffer, sizeof buffer); }),
                      Step::fork_daemon, path);
            if (got == 0) return content;
            content.append(buffer, static_cast<std::size_t>(got));
        }
    }

    int times_ = 1;
    std::string arguments_;
    std::vector<char*> argv_;
    std::string marker_;
    PidVariable pid_variables_[2] = {{"LISTEN_PID"}, {"WATCHDOG_PID"}};
    std::vector<char*> envp_;
};

/// Forks the session leader, which forks the process that executes the program anew. Returns in the launcher alone.
///
/// Process:  launcher; every signal blocked. Other threads may run: nothing but async-signal-safe calls are made in
///           the new processes.
/// Errors:   Step::fork_session_leader; what fails later is told through the channel.
inline Forked fork_and_start_again(ReadyChannel& channel, ProgramImage& program) {
    const pid_t leader = check(sys::fork_without_handlers(), Step::fork_session_leader, "");
    if (leader > 0) return {leader, 0};
    lead_session(channel, [] { return sys::fork_without_handlers(); });
    abort_session(channel, Step::fork_daemon, program.execute(channel.native_handle()));
}

/// In the program, started again: the line to the launcher; nothing in a program that was started in any other way.
///
/// The variable is gone then, so that no child believes it.
///
/// Errors:   Step::open_channel when the line is no more: another start would end there, too, and so on for ever.
inline std::optional<UniqueFd> take_line_to_launcher() {
    const auto told = read_started_again();
    if (!told || told->pid != sys::getpid()) return {};
    int type = 0;
    socklen_t size = sizeof type;
    if (told->fd < lowest_own_fd || !sys::getsockopt(told->fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
        type != SOCK_STREAM) {
        throw Error(Step::open_channel, "line to the launcher", EBADF,
                    "a program that is started again must not close it before its DaemonContext");
    }
    UniqueFd line(told->fd);
    check(sys::fcntl_setfd(line.get(), FD_CLOEXEC), Step::open_channel, "socketpair");
    check(sys::unsetenv(start_again_variable), Step::set_environment, start_again_variable);
    return line;
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// A process to look at: its folder below /proc, and that it is the one that is meant. Floor 4.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/proc_folder.hpp>
#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/detail/process_stat.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/process_report.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <sys/types.h>  // pid_t

namespace daemonkit::detail {

/// The stat of the folder's process or thread.
inline Known<ProcessStat> read_stat(const ProcFolder& folder) {
    const auto text = folder.read("stat");
    if (!text) return Known<ProcessStat>::unknown(text.error());
    auto stat = parse_stat_line(*text);
    return stat ? Known<ProcessStat>(std::move(*stat)) : Known<ProcessStat>::unknown(EBADMSG);
}

/// An Error about that process.
[[noreturn]] inline void throw_uninspected(pid_t pid, int error, std::string explanation = {}) {
    throw Error(Step::inspect_process, "pid " + std::to_string(pid), error, std::move(explanation));
}

/// Refuses a /proc that is not there, or counts processes otherwise than this one does: its 17 is not ours.
inline void require_own_proc(pid_t pid) {
    char self[16];
    const auto size =
        retry([&] { return sys::readlinkat(AT_FDCWD, "/proc/self", self, sizeof self); });
    if (!size) throw_uninspected(pid, size.error, "there is no /proc that tells of processes");
    const std::string_view number(self, static_cast<std::size_t>(size.value));
    if (whole_number<pid_t>(number) != sys::getpid())
        throw_uninspected(pid, EXDEV, "/proc is that of another PID namespace");
}

/// The folder of the process.
inline ProcFolder open_process(pid_t pid) {
    if (pid <= 0) throw_uninspected(pid, EINVAL, "the number of a process is above 0");
    require_own_proc(pid);
    auto folder = ProcFolder::open("/proc/" + std::to_string(pid));
    if (folder) return std::move(*folder);
    if (folder.error() == EPERM)
        throw_uninspected(pid, EPERM, "/proc hides it from this user (hidepid)");
    if (folder.error() != ENOENT) throw_uninspected(pid, folder.error());
    // hidepid=2 hides from us what kill can see.
    const auto seen = retry([&] { return sys::kill(pid, 0); });
    if (seen || seen.error == EPERM)
        throw_uninspected(pid, EACCES, "it is there, but /proc hides it from this user (hidepid)");
    throw_uninspected(pid, ESRCH);
}

/// The stat of a process that can be looked at; what is no process is refused.
inline ProcessStat require_stat(const ProcFolder& folder, pid_t pid) {
    auto stat = read_stat(folder);
    if (!stat) throw_uninspected(pid, stat.error());
    return std::move(*stat);
}

/// True when the process has ended: no answer below /proc is one about its life.
inline bool has_ended(const ProcessStat& stat) noexcept {
    return stat.state == ProcessState::zombie || stat.state == ProcessState::dead;
}

/// Its status; refuses the number of a thread, below which /proc has a folder as well.
inline Known<std::string> read_status(const ProcFolder& folder, pid_t pid) {
    constexpr std::size_t longest = std::size_t{1}
                                    << 20U;  // with the ids of 65536 supplementary groups
    auto status = folder.read("status", longest);
    const auto process = labelled_number<pid_t>(status.value_or({}), "Tgid:");
    if (process && *process != pid)
        throw_uninspected(pid, ESRCH, "it is a thread of process " + std::to_string(*process));
    return status;
}

}  // namespace daemonkit::detail

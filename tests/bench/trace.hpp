// SPDX-License-Identifier: MIT
#pragma once
// What can be counted exactly, on any machine and however busy it is: system calls of a program with all its processes,
// and instructions of a piece of code in user space. Both by ptrace(2).

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// How often each system call is made by a program and by all that it forks, from its first instruction on; nothing when
/// it cannot be traced or does not end with 0. `in_child` is called before exec.
template <class InChild>
std::optional<std::map<long, int>> count_system_calls(const std::vector<std::string>& command,
                                                      InChild in_child) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t launcher = ::fork();
    if (launcher < 0) return {};
    if (launcher == 0) {
        in_child();
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) {
            ::raise(SIGSTOP);
            ::execv(arguments[0], arguments.data());
        }
        ::_exit(127);
    }
    int status = 0;
    if (::waitpid(launcher, &status, 0) != launcher || !WIFSTOPPED(status)) return {};
    constexpr long follow = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                            PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    ::ptrace(PTRACE_SETOPTIONS, launcher, nullptr, follow);
    ::ptrace(PTRACE_CONT, launcher, nullptr, nullptr);

    std::map<long, int> calls;
    bool runs = false;  // exec is made here, the program's own calls come after it
    bool worked = false;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (pid == launcher) worked = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            continue;
        }
        long pass_on = 0;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            __ptrace_syscall_info info{};
            ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
            if (runs && info.op == PTRACE_SYSCALL_INFO_ENTRY)
                ++calls[static_cast<long>(info.entry.nr)];
        } else if (status >> 16 == PTRACE_EVENT_EXEC) {
            runs = true;
        } else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP) {
            pass_on = WSTOPSIG(status);
        }
        ::ptrace(PTRACE_SYSCALL, pid, nullptr, pass_on);
    }
    if (!worked) return {};
    return calls;
}

/// The fewest instructions, in user space, of several runs of `work` in a copy of this process; nothing when it cannot be
/// traced.
template <class Work>
std::optional<double> count_instructions(Work work) {
    constexpr int runs = 5;
    const pid_t pid = ::fork();
    if (pid < 0) return {};
    if (pid == 0) {
        work();  // what is only made at the first time
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
        ::raise(SIGSTOP);
        for (int run = 0; run < runs; ++run) {
            ::raise(SIGSTOP);  // twice: what raise itself takes is counted between these
            work();
            ::raise(SIGSTOP);
        }
        ::_exit(0);
    }
    std::vector<double> counts;
    double count = 0;
    int status = 0;
    while (::waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        if (WSTOPSIG(status) == SIGSTOP) {
            counts.push_back(count);
            count = 0;
        } else {
            ++count;
        }
        ::ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr);
    }
    // The first count is of nothing; then raise alone and raise with the work, in turns.
    if (counts.size() != 2 * runs + 1) return {};
    double fewest = counts[2] - counts[1];
    for (std::size_t at = 3; at + 1 < counts.size(); at += 2)
        fewest = std::min(fewest, counts[at + 1] - counts[at]);
    return fewest;
}

}  // namespace bench

// SPDX-License-Identifier: MIT
#pragma once
// The name and the kind of a signal number. Floor 0. No sys_siglist: it is gone, and not async-signal-safe.

#include <csignal>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// One more than the highest signal number of any supported system (FreeBSD and Linux on MIPS: 128).
inline constexpr int signal_numbers = 129;

/// The highest signal number of this system.
inline int highest_signal() noexcept {
#if defined(SIGRTMAX)
    return SIGRTMAX;
#else
    return NSIG - 1;
#endif
}

/// The name of a signal that is not real-time, or nullptr when there is none of that number.
constexpr const char* standard_signal_name(int number) noexcept {
    switch (number) {
        case SIGHUP: return "SIGHUP";
        case SIGINT: return "SIGINT";
        case SIGQUIT: return "SIGQUIT";
        case SIGILL: return "SIGILL";
        case SIGTRAP: return "SIGTRAP";
        case SIGABRT: return "SIGABRT";
        case SIGBUS: return "SIGBUS";
        case SIGFPE: return "SIGFPE";
        case SIGKILL: return "SIGKILL";
        case SIGUSR1: return "SIGUSR1";
        case SIGSEGV: return "SIGSEGV";
        case SIGUSR2: return "SIGUSR2";
        case SIGPIPE: return "SIGPIPE";
        case SIGALRM: return "SIGALRM";
        case SIGTERM: return "SIGTERM";
        case SIGCHLD: return "SIGCHLD";
        case SIGCONT: return "SIGCONT";
        case SIGSTOP: return "SIGSTOP";
        case SIGTSTP: return "SIGTSTP";
        case SIGTTIN: return "SIGTTIN";
        case SIGTTOU: return "SIGTTOU";
        case SIGURG: return "SIGURG";
        case SIGXCPU: return "SIGXCPU";
        case SIGXFSZ: return "SIGXFSZ";
        case SIGVTALRM: return "SIGVTALRM";
        case SIGPROF: return "SIGPROF";
        case SIGWINCH: return "SIGWINCH";
        case SIGIO: return "SIGIO";
        case SIGSYS: return "SIGSYS";
#ifdef SIGSTKFLT
        case SIGSTKFLT: return "SIGSTKFLT";
#endif
#ifdef SIGPWR
        case SIGPWR: return "SIGPWR";
#endif
#ifdef SIGEMT
        case SIGEMT: return "SIGEMT";
#endif
#ifdef SIGINFO
        case SIGINFO: return "SIGINFO";
#endif
        default: return nullptr;
    }
}

/// True for a signal that the kernel queues, once for every time it is sent.
///
/// SIGRTMIN is above the numbers that libc keeps for its threads, which no program may touch.
inline bool is_real_time_signal([[maybe_unused]] int number) noexcept {
#ifdef SIGRTMIN
    return number >= SIGRTMIN && number <= SIGRTMAX;
#else
    return false;
#endif
}

/// The word for a signal in messages: `SIGTERM`, `SIGRTMIN+3`, `signal 0`.
inline std::string signal_name(int number) {
    if (const char* name = standard_signal_name(number)) return name;
#ifdef SIGRTMIN
    if (number == SIGRTMIN) return "SIGRTMIN";
    if (is_real_time_signal(number)) return "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
#endif
    return "signal " + std::to_string(number);
}

/// The signal of that name, with or without its SIG: `TERM`, `SIGTERM`, `RTMIN+3`; 0 when there is none.
inline int signal_number(std::string_view name) {
    for (int number = 1; number <= highest_signal(); ++number) {
        if (standard_signal_name(number) == nullptr && !is_real_time_signal(number)) continue;
        const std::string known = signal_name(number);
        if (name == known || name == std::string_view(known).substr(3)) return number;
    }
    return 0;
}

}  // namespace daemonkit::detail

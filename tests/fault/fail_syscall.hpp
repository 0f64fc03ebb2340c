// SPDX-License-Identifier: MIT
#pragma once
// The fault seam: any system call of daemonkit fails, or kills its process, at a chosen moment.
//
//   -DDAEMONKIT_SYSCALL_HEADER='"fault/fail_syscall.hpp"'   puts it into a program, for all its files or none.
//
//   DAEMONKIT_FAULT=[role/]name:occurrence:action[:sticky]
//     name        as in detail/syscall.hpp, or `any`
//     occurrence  1 for the first call of that name, counted over all processes; with a role, over that role
//     action      an errno value: the call is not made and fails with it; close(2) is made, and fails all the same
//                 kill, stop: SIGKILL or SIGSTOP before the call;  late_kill, late_stop: after it
//     sticky      that occurrence and every later one
//     role        launcher, session_leader, daemon: the first, second, third process to make a call
//   DAEMONKIT_FAULT_COUNT=FILE
//     every call is recorded in FILE, in order, one line each: "role name occurrence-in-role". The file is a
//     mapping of fixed size: what is recorded survives SIGKILL, closed descriptors and chroot; blank lines
//     follow the last record.
//
// In the process itself: `const daemonkit::fault::Fault fault("dup2", 1, EBUSY);` for the length of a scope.
// State is shared by all processes forked from this one, lock-free, and made before main.

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>  // SIGKILL, SIGSTOP
#include <cstdint>
#include <cstdio>   // snprintf, fputs
#include <cstdlib>  // getenv, strtol
#include <cstring>
#include <new>

#include <fcntl.h>     // open
#include <sys/mman.h>  // mmap
#include <unistd.h>

namespace daemonkit::fault {

/// The processes of a start, in the order of their first call.
inline constexpr std::array roles{"launcher", "session_leader", "daemon", "deeper"};

/// When a call is hit, and what happens to it.
struct Plan {
    enum class Action : int { fail, kill, stop, late_kill, late_stop };
    std::atomic<bool> armed{false};
    std::array<char, 32> name{};
    int role = -1;  // -1: counted over all
    std::uint32_t occurrence = 1;
    Action action = Action::fail;
    int error = 0;
    bool sticky = false;
};

/// What all processes share.
struct State {
    static constexpr std::size_t names = 64;
    struct Count {
        std::atomic<const char*> name{
            nullptr};  // a literal: at the same address in every forked process
        std::array<std::atomic<std::uint32_t>, roles.size()> by_role{};
        std::atomic<std::uint32_t> all{0};
    };
    std::array<Count, names> counts{};
    std::array<std::atomic<pid_t>, roles.size()> pids{};
    Plan plan;
    std::atomic<std::uint32_t> planned{0};  // calls that the plan counts
    std::atomic<std::uint32_t> hits{0};
    std::atomic<std::uint32_t> recorded{0};
};

/// One line of the record.
inline constexpr std::size_t line_size = 48;
inline constexpr std::size_t record_lines = 8192;

[[noreturn]] inline void give_up(const char* why) {
    std::fputs("fail_syscall.hpp: ", stderr);
    std::fputs(why, stderr);
    std::fputs("\n", stderr);
    ::_exit(64);
}

inline char* map_record() {
    const char* const path = std::getenv("DAEMONKIT_FAULT_COUNT");
    if (path == nullptr) return nullptr;
    constexpr std::size_t size = line_size * record_lines;
    const int fd = ::open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(size)) != 0)
        give_up("DAEMONKIT_FAULT_COUNT cannot be written");
    void* const record = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (record == MAP_FAILED) give_up("DAEMONKIT_FAULT_COUNT cannot be mapped");
    std::memset(record, '\n', size);
    return static_cast<char*>(record);
}

/// Reads `[role/]name:occurrence:action[:sticky]`; a plan that cannot be meant ends the program.
inline void read_plan(Plan& plan, const char* text) {
    for (std::size_t role = 0; role + 1 < roles.size(); ++role) {
        const std::size_t length = std::strlen(roles[role]);
        if (std::strncmp(text, roles[role], length) != 0 || text[length] != '/') continue;
        plan.role = static_cast<int>(role);
        text += length + 1;
        break;
    }
    const char* const colon = std::strchr(text, ':');
    if (colon == nullptr || colon == text || std::strchr(text, '/') != nullptr ||
        colon - text >= static_cast<std::ptrdiff_t>(plan.name.size()))
        give_up("DAEMONKIT_FAULT: [role/]name:occurrence:action[:sticky]");
    std::memcpy(plan.name.data(), text, static_cast<std::size_t>(colon - text));

    char* end = nullptr;
    const long occurrence = std::strtol(colon + 1, &end, 10);
    if (occurrence < 1 || *end != ':') give_up("DAEMONKIT_FAULT: the occurrence counts from 1");
    plan.occurrence = static_cast<std::uint32_t>(occurrence);

    const char* action = end + 1;
    const std::size_t length = std::strcspn(action, ":");
    plan.sticky = action[length] == ':';
    if (plan.sticky && std::strcmp(action + length, ":sticky") != 0)
        give_up("DAEMONKIT_FAULT: nothing but sticky follows the action");
    const auto is = [&](const char* word) {
        return std::strlen(word) == length && std::strncmp(action, word, length) == 0;
    };
    if (is("kill"))
        plan.action = Plan::Action::kill;
    else if (is("stop"))
        plan.action = Plan::Action::stop;
    else if (is("late_kill"))
        plan.action = Plan::Action::late_kill;
    else if (is("late_stop"))
        plan.action = Plan::Action::late_stop;
    else {
        const long error = std::strtol(action, &end, 10);
        if (error < 1 || error > 4095 || end != action + length)
            give_up(
                "DAEMONKIT_FAULT: the action is an errno value, kill, stop, late_kill or "
                "late_stop");
        plan.error = static_cast<int>(error);
    }
    plan.armed = true;
}

inline State* make_state() {
    void* const memory =
        ::mmap(nullptr, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("no memory to share");
    auto* const state = new (memory) State;
    state->pids[0] = ::getpid();
    if (const char* const text = std::getenv("DAEMONKIT_FAULT")) read_plan(state->plan, text);
    return state;
}

inline State* const state = make_state();
inline char* const record = map_record();

// Roles are given out in the order in which processes make their first call: launcher, session leader, daemon. A
// counter in the process itself would not do: a session leader made by vfork writes into the launcher's memory.
inline std::size_t role() noexcept {
    const pid_t pid = ::getpid();
    for (std::size_t known = 0; known < roles.size(); ++known) {
        pid_t there = 0;
        if (state->pids[known].compare_exchange_strong(there, pid) || there == pid) return known;
    }
    return roles.size() - 1;
}

inline State::Count* count_of(const char* name) noexcept {
    for (auto& count : state->counts) {
        const char* present = count.name.load();
        if (present == nullptr && count.name.compare_exchange_strong(present, name)) return &count;
        if (std::strcmp(present, name) == 0) return &count;
    }
    return nullptr;
}

/// Counts the call and records it; true when the plan hits it.
inline bool strikes(const char* name) noexcept {
    if (state == nullptr) return false;  // a call from another file's static initialization
    const std::size_t mine = role();
    std::uint32_t in_role = 0;
    if (auto* const count = count_of(name)) {
        ++count->all;
        in_role = ++count->by_role[mine];
    }
    if (record != nullptr) {
        const std::uint32_t line = state->recorded++;
        if (line < record_lines) {
            std::array<char, line_size + 1> text{};
            std::snprintf(text.data(), text.size(), "%-14s %-22s %9u\n", roles[mine], name,
                          in_role);
            std::memcpy(record + line * line_size, text.data(), line_size);
        }
    }
    const Plan& plan = state->plan;
    if (!plan.armed) return false;
    if (plan.role >= 0 && static_cast<std::size_t>(plan.role) != mine) return false;
    if (std::strcmp(plan.name.data(), "any") != 0 && std::strcmp(plan.name.data(), name) != 0)
        return false;
    const std::uint32_t now = ++state->planned;
    if (now != plan.occurrence && !(plan.sticky && now > plan.occurrence)) return false;
    ++state->hits;
    return true;
}

/// Is called before every call, with its name: whatever may come between two calls comes there.
inline std::atomic<void (*)(const char*)> before_call{nullptr};

/// Calls of that name so far, in all processes.
inline std::uint32_t calls(const char* name) noexcept {
    const auto* const count = count_of(name);
    return count != nullptr ? count->all.load() : 0;
}

enum class Repeat { once, for_good };

/// Calls of a name fail for the length of a scope, counted from its beginning.
class Fault {
public:
    Fault(const char* name, std::uint32_t occurrence, int error, Repeat repeat = Repeat::once) {
        Plan& plan = state->plan;
        if (plan.armed || std::strlen(name) >= plan.name.size()) give_up("one Fault at a time");
        plan.name = {};
        std::memcpy(plan.name.data(), name, std::strlen(name));
        plan.role = -1;
        plan.occurrence = occurrence;
        plan.action = Plan::Action::fail;
        plan.error = error;
        plan.sticky = repeat == Repeat::for_good;
        state->planned = 0;
        state->hits = 0;
        plan.armed = true;
    }
    ~Fault() { state->plan.armed = false; }
    Fault(const Fault&) = delete;
    Fault& operator=(const Fault&) = delete;

    /// How many calls were hit so far; a test whose fault hits nothing has tested nothing.
    std::uint32_t hits() const noexcept { return state->hits; }
};

}  // namespace daemonkit::fault

namespace daemonkit::detail::sys {

/// The errno with which a call that cannot stand behind `invoke` is to fail; 0 when it is to be made.
inline int refusal(const char* name) noexcept {
    if (!fault::strikes(name)) return 0;
    switch (fault::state->plan.action) {
        case fault::Plan::Action::fail: return fault::state->plan.error;
        case fault::Plan::Action::kill:
        case fault::Plan::Action::late_kill: ::kill(::getpid(), SIGKILL); break;
        case fault::Plan::Action::stop:
        case fault::Plan::Action::late_stop: ::kill(::getpid(), SIGSTOP); break;
    }
    return 0;
}

/// Makes the call, unless the plan has it fail.
template <class Call>
auto invoke(const char* name, Call call) noexcept -> Result<decltype(call())> {
    using Value = decltype(call());
    using Action = fault::Plan::Action;
    if (auto* const before = fault::before_call.load()) before(name);
    const bool struck = fault::strikes(name);
    const Action action = struck ? fault::state->plan.action : Action::fail;
    if (struck && action == Action::fail) {
        // Linux has closed the descriptor whatever close(2) says.
        if (std::strcmp(name, "close") == 0) static_cast<void>(call());
        errno = fault::state->plan.error;
        return {static_cast<Value>(-1), fault::state->plan.error};
    }
    const pid_t caller = struck ? ::getpid() : 0;
    if (action == Action::kill) ::kill(caller, SIGKILL);
    if (action == Action::stop) ::kill(caller, SIGSTOP);
    const Value value = call();
    const int error = value == static_cast<Value>(-1) ? errno : 0;
    if (struck && ::getpid() == caller) {  // not the other process that returns from fork
        if (action == Action::late_kill) ::kill(caller, SIGKILL);
        if (action == Action::late_stop) ::kill(caller, SIGSTOP);
    }
    return {value, error};
}

}  // namespace daemonkit::detail::sys

// SPDX-License-Identifier: MIT
// probe_signals VERB [ARGUMENT...]: what a SignalSet does across processes, reported as key=value.
//
//   flood SENDERS COUNT THREADS now|late
//                            SENDERS processes send COUNT real-time signals each, every one again until the
//                            kernel takes it; THREADS more threads do not block them; the reader starts now, or
//                            when the kernel has refused one
//   flood-two COUNT          two sets; the second is read only after the first has waited for its share
//   storm SENDERS COUNT      the same standard signal, and one other at the end
//   moments COUNT THREADS    a signal at each of many moments around the beginning of a wait; THREADS more threads
//   fork                     a set made before a fork, in both processes
//   fork-early               a child is sent a signal before it calls anything of the set
//   fork-thread ROUNDS       forks while another thread is sent signals without a pause
//   fork-end                 the child destroys its copy, the parent's goes on
//   fork-raw                 a child made without fork handlers
//   vfork                    a child that shares the memory is sent a signal
//   exec                     what a program started by exec finds
//   exec-pending             sent a signal that it blocks, the process executes this program anew, as the next verb
//   take-pending             makes a set of that signal
//   blocked                  everything was blocked before the set was made
//   pipe                     writes into a broken pipe with SIGPIPE ignored
//   low                      the descriptors of a set made while 0–2 are closed
//   sender                   what is known of a sender: kill, sigqueue, a timer, a child's end
//   escalate                 how a process ends that is sent a second SIGINT while it hangs, while it waits, as pid 1

#include <daemonkit/signal_set.hpp>

#include "verbs.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using daemonkit::SignalInfo;
using daemonkit::SignalSet;
using probe::require;
using namespace std::chrono_literals;

namespace {

using probe::report;
void report(const std::string& key, long long value) { probe::report(key, std::to_string(value)); }

// What parent and children tell each other without a signal.
struct Shared {
    std::atomic<int> refused{0};
    std::atomic<int> stage{0};
};

Shared& shared() {
    static auto* const memory = new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared;
    return *memory;
}

template <class Condition>
void await(Condition condition) {
    while (!condition()) ::sched_yield();
}

template <class Child>
pid_t start_child(Child child) {
    const pid_t pid = ::fork();
    require(pid >= 0, "fork");
    if (pid == 0) ::_exit(child());
    return pid;
}

int end_of(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) require(errno == EINTR, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool is_readable(int fd) {
    ::pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

constexpr int sender_shift = 24;

void send_numbered(pid_t to, int sender, int count) {
    for (int number = 0; number < count; ++number) {
        sigval value{};
        value.sival_int = sender << sender_shift | number;
        while (::sigqueue(to, SIGRTMIN + 1, value) != 0) {
            require(errno == EAGAIN, "sigqueue");
            shared().refused = 1;
            ::sched_yield();
        }
    }
}

// The kernel counts what it keeps over all processes of a user: without a limit of our own, a flood would have it
// refuse signals in tests that run beside this one.
void limit_pending(rlim_t most) {
    const ::rlimit pending{most, most};
    require(::setrlimit(RLIMIT_SIGPENDING, &pending) == 0, "setrlimit");
}

// The next number of each sender; anything else is a loss, a repetition or a wrong order.
struct Ledger {
    std::map<int, int> next;
    int received = 0;
    int out_of_order = 0;

    void enter(const SignalInfo& signal) {
        const int sender = signal.value >> sender_shift;
        const int number = signal.value & ((1 << sender_shift) - 1);
        out_of_order += number != next[sender];
        next[sender] = number + 1;
        ++received;
    }
};

int flood(int senders, int count, int threads, bool late) {
    shared();
    limit_pending(late ? 64 : 2000);
    SignalSet signals({SIGRTMIN + 1, SIGTERM});
    std::atomic<bool> over{false};
    std::vector<std::thread> others;
    for (int i = 0; i < threads; ++i)
        others.emplace_back([&] { await([&] { return over.load(); }); });
    std::vector<pid_t> children;
    const pid_t self = ::getpid();
    for (int sender = 0; sender < senders; ++sender)
        children.push_back(start_child([&] { return send_numbered(self, sender, count), 0; }));

    if (late) await([] { return shared().refused != 0; });
    Ledger ledger;
    while (ledger.received < senders * count) {
        const auto signal = signals.wait_for(10s);
        if (!signal) break;
        ledger.enter(*signal);
    }
    for (const pid_t child : children) end_of(child);
    over = true;
    for (auto& other : others) other.join();
    report("received", ledger.received);
    report("out_of_order", ledger.out_of_order);
    report("refused", shared().refused);
    report("lost", static_cast<long long>(signals.lost()));
    report("more", signals.poll() ? 1 : 0);
    ::kill(self, SIGTERM);  // a standard signal still gets through
    report("then", signals.wait_for(10s).value_or(SignalInfo{}).number == SIGTERM);
    return 0;
}

int flood_two(int count) {
    shared();
    limit_pending(2000);
    SignalSet quick({SIGRTMIN + 1});
    SignalSet slow({SIGRTMIN + 1});
    const pid_t self = ::getpid();
    const pid_t child = start_child([&] { return send_numbered(self, 0, count), 0; });
    Ledger first;
    Ledger second;
    int waits = 0;
    while (second.received < count) {
        while (first.received < count) {
            const auto signal = quick.wait_for(first.received - second.received < 128 ? 10s : 1ms);
            if (!signal) break;
            first.enter(*signal);
        }
        ++waits;
        bool any = false;
        while (const auto signal = slow.poll()) any = true, second.enter(*signal);
        if (!any) break;
    }
    end_of(child);
    while (const auto signal = quick.poll()) first.enter(*signal);
    report("quick", first.received);
    report("slow", second.received);
    report("out_of_order", first.out_of_order + second.out_of_order);
    report("lost", static_cast<long long>(quick.lost() + slow.lost()));
    report("held_back", waits > 1 ? 1 : 0);
    return 0;
}

int storm(int senders, int count) {
    SignalSet signals({SIGUSR1, SIGUSR2});
    const pid_t self = ::getpid();
    std::vector<pid_t> children;
    for (int sender = 0; sender < senders; ++sender)
        children.push_back(start_child([&] {
            for (int i = 0; i < count; ++i) ::kill(self, SIGUSR1);
            return 0;
        }));
    int received = 0;
    for (const pid_t child : children) {
        while (::waitpid(child, nullptr, WNOHANG) == 0)
            while (signals.poll()) ++received;
    }
    ::kill(self, SIGUSR2);
    while (true) {
        const auto signal = signals.wait_for(10s);
        if (!signal || signal->number == SIGUSR2) break;
        ++received;
    }
    report("received", received);
    report("more", signals.poll() ? 1 : 0);
    return 0;
}

int moments(int count, int threads) {
    SignalSet signals({SIGUSR1});
    std::atomic<bool> over{false};
    std::vector<std::thread> others;
    for (int i = 0; i < threads; ++i)
        others.emplace_back([&] {
            while (!over) std::this_thread::sleep_for(1ms);
        });
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t timer{};
    require(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    int missed = 0;
    for (int i = 0; i < count && missed == 0; ++i) {
        constexpr int step =
            20;  // nanoseconds: closer together than two instructions of the wait that matter
        constexpr int moments_in_a_wait = 500;
        itimerspec soon{};
        soon.it_value.tv_nsec = 1 + i % moments_in_a_wait * step;
        ::timer_settime(timer, 0, &soon, nullptr);
        const auto before = std::chrono::steady_clock::now();
        const auto signal = signals.wait_for(5s);
        missed += !signal || std::chrono::steady_clock::now() - before >= 5s;
    }
    ::timer_delete(timer);
    over = true;
    for (auto& other : others) other.join();
    report("missed", missed);
    return 0;
}

int across_fork() {
    SignalSet signals({SIGUSR1, SIGUSR2});
    const int handle = signals.native_handle();
    ::kill(::getpid(), SIGUSR1);  // before the fork: the parent's
    Shared& with = shared();
    const pid_t self = ::getpid();
    const pid_t child = start_child([&] {
        if (signals.poll()) return 1;
        if (signals.native_handle() == handle || is_readable(signals.native_handle())) return 2;
        if ((::fcntl(signals.native_handle(), F_GETFD) & FD_CLOEXEC) == 0) return 3;
        with.stage = 1;
        if (signals.wait().number != SIGUSR2) return 4;
        with.stage = 2;
        await([&] { return with.stage == 3; });
        return signals.poll() ? 5 : 0;
    });
    await([&] { return with.stage == 1 || ::kill(child, 0) != 0; });
    report("own", signals.poll().value_or(SignalInfo{}).number == SIGUSR1);
    ::kill(child, SIGUSR2);
    await([&] { return with.stage == 2; });
    report("parent_readable", is_readable(handle));
    report("parent_has", signals.poll() ? 1 : 0);
    ::kill(self, SIGUSR1);
    with.stage = 3;
    report("child", end_of(child));
    report("then", signals.wait_for(10s).value_or(SignalInfo{}).number == SIGUSR1);
    report("handle_kept", signals.native_handle() == handle);
    return 0;
}

int fork_early() {
    SignalSet signals({SIGUSR1});
    const int handle = signals.native_handle();
    ::kill(::getpid(), SIGUSR1);
    const pid_t child = start_child([&] {
        ::kill(::getpid(),
               SIGUSR1);  // while the parent's still waits in the memory that was copied
        const auto first = signals.wait_for(10s);
        if (!first || first->pid != ::getpid()) return 1;
        return signals.poll() ? 2 : 0;
    });
    report("child", end_of(child));
    const auto first = signals.poll();
    report("parent", first && first->pid == ::getpid());
    report("parent_readable", is_readable(handle));
    return 0;
}

int fork_thread(int rounds) {
    SignalSet signals({SIGUSR1, SIGRTMIN + 1});
    std::atomic<bool> over{false};
    std::thread target([&] { await([&] { return over.load(); }); });
    std::thread sender([&] {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        while (!over) ::pthread_kill(target.native_handle(), SIGUSR1);
    });
    int failed = 0;
    for (int round = 0; round < rounds; ++round) {
        const pid_t child = start_child([&] {
            if (signals.poll()) return 1;
            ::kill(::getpid(), SIGRTMIN + 1);
            if (signals.wait_for(10s).value_or(SignalInfo{}).number != SIGRTMIN + 1) return 2;
            const SignalSet another({SIGUSR2});
            return 0;
        });
        failed += end_of(child) != 0;
        while (signals.poll()) continue;
    }
    over = true;
    sender.join();
    target.join();
    report("failed", failed);
    return 0;
}

int fork_end() {
    std::signal(SIGUSR1, SIG_IGN);
    auto* const signals = new SignalSet({SIGUSR1});
    const pid_t child = start_child([&] {
        delete signals;
        struct ::sigaction now {};
        ::sigaction(SIGUSR1, nullptr, &now);
        return now.sa_handler == SIG_IGN ? 0 : 1;
    });
    report("child", end_of(child));
    ::kill(::getpid(), SIGUSR1);
    report("parent", signals->wait_for(10s).value_or(SignalInfo{}).number == SIGUSR1);
    report("replaced", signals->replaced(SIGUSR1));
    delete signals;
    return 0;
}

int fork_raw() {
    SignalSet signals({SIGUSR1});
    const int handle = signals.native_handle();
    ::kill(::getpid(), SIGUSR1);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const auto child =
        static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) {
        daemonkit::detail::signal_handlers_after_fork();
        daemonkit::detail::signal_handlers_after_fork();
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        if (signals.poll()) ::_exit(1);
        ::kill(::getpid(), SIGUSR1);
        ::_exit(signals.wait_for(10s) ? 0 : 2);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    require(child > 0, "clone");
    report("child", end_of(child));
    report("own", signals.poll().value_or(SignalInfo{}).number == SIGUSR1);
    report("parent_readable", is_readable(handle));
    return 0;
}

int across_vfork() {
    SignalSet signals({SIGUSR1, SIGUSR2});
    const int handle = signals.native_handle();
    const pid_t child = ::vfork();
    if (child == 0) {
        ::kill(::getpid(), SIGUSR1);  // handled here, in the parent's memory
        ::_exit(0);
    }
    report("child", end_of(child));
    report("parent_readable", is_readable(handle));
    report("parent_has", signals.poll() ? 1 : 0);
    ::kill(::getpid(), SIGUSR2);
    report("then", signals.wait_for(10s).value_or(SignalInfo{}).number == SIGUSR2);
    return 0;
}

int across_exec() {
    std::signal(SIGINT, SIG_IGN);  // an inherited one: it stays ignored in what we start
    SignalSet signals({SIGTERM, SIGUSR1, SIGRTMIN + 1});
    signals.ignore(SIGPIPE);
    signals.native_handle();
    const pid_t child = start_child([] {
        ::execl("/bin/cat", "cat", "/proc/self/status", static_cast<char*>(nullptr));
        return 127;
    });
    report("child", end_of(child));
    return 0;
}

int exec_pending() {
    SignalSet signals({SIGUSR1, SIGRTMIN + 1});
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::kill(::getpid(), SIGUSR1);
    for (int i = 1; i <= 3; ++i) {
        sigval value{};
        value.sival_int = i;
        require(::sigqueue(::getpid(), SIGRTMIN + 1, value) == 0, "sigqueue");
    }
    ::execl("/proc/self/exe", "probe_signals", "take-pending", static_cast<char*>(nullptr));
    return 127;
}

int take_pending() {
    SignalSet signals({SIGUSR1, SIGRTMIN + 1});
    const auto standard = signals.wait_for(10s);
    report("standard", standard && standard->number == SIGUSR1 && standard->pid == ::getpid());
    int in_order = 0;
    for (int i = 1; i <= 3; ++i) {
        const auto signal = signals.wait_for(10s);
        in_order += signal && signal->number == SIGRTMIN + 1 && signal->value == i;
    }
    report("in_order", in_order);
    report("more", signals.poll() ? 1 : 0);
    return 0;
}

int blocked_before() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::kill(::getpid(), SIGTERM);
    sigset_t before;
    ::sigprocmask(SIG_SETMASK, nullptr, &before);
    {
        SignalSet signals({SIGTERM, SIGHUP});
        report("pending", signals.wait_for(10s).value_or(SignalInfo{}).number == SIGTERM);
        ::kill(::getpid(), SIGHUP);
        report("later", signals.wait_for(10s).value_or(SignalInfo{}).number == SIGHUP);
        sigset_t within;
        ::sigprocmask(SIG_SETMASK, nullptr, &within);
        report("others_stay_blocked", sigismember(&within, SIGUSR1));
        // Blocked again behind the set's back, in every thread there is: who waits hears all the same.
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        ::kill(::getpid(), SIGTERM);
        report("hidden", signals.wait_for(10s).value_or(SignalInfo{}).number == SIGTERM);
    }
    sigset_t after;
    ::sigprocmask(SIG_SETMASK, nullptr, &after);
    int different = 0;
    for (int number = 1; number <= SIGRTMAX; ++number)
        different += sigismember(&before, number) != sigismember(&after, number);
    report("different", different);
    return 0;
}

int broken_pipe() {
    SignalSet signals({SIGTERM});
    signals.ignore(SIGPIPE);
    int ends[2];
    require(::pipe(ends) == 0, "pipe");
    ::close(ends[0]);
    errno = 0;
    report("written", ::write(ends[1], "x", 1));
    report("errno", errno);
    report("arrived", signals.poll() ? 1 : 0);
    return 0;
}

int low_numbers() {
    const int out = ::fcntl(1, F_DUPFD_CLOEXEC, 10);
    for (int fd = 0; fd <= 2; ++fd) ::close(fd);
    SignalSet signals({SIGUSR1});
    const int handle = signals.native_handle();
    int taken = 0;
    for (int fd = 0; fd <= 2; ++fd) taken += ::fcntl(fd, F_GETFD) >= 0;
    ::dup2(out, 1);
    report("handle_above", handle > 2);
    report("taken", taken);
    return 0;
}

int sender() {
    SignalSet signals({SIGUSR1, SIGRTMIN + 1, SIGALRM, SIGCHLD});
    const pid_t self = ::getpid();
    Shared& with = shared();
    const pid_t by_kill = start_child([&] {
        ::kill(self, SIGUSR1);
        await([&] { return with.stage == 1; });
        return 7;
    });
    auto signal = signals.wait();
    with.stage = 1;
    report("kill", signal.number == SIGUSR1 && signal.code == SI_USER && signal.pid == by_kill &&
                       signal.uid == ::getuid() && signal.value == 0);
    signal = signals.wait();
    report("child", signal.number == SIGCHLD && signal.code == CLD_EXITED &&
                        signal.pid == by_kill && signal.value == 7);
    end_of(by_kill);

    sigval value{};
    value.sival_int = -5;
    require(::sigqueue(self, SIGRTMIN + 1, value) == 0, "sigqueue");
    signal = signals.wait();
    report("queue", signal.code == SI_QUEUE && signal.value == -5 && signal.pid == self);

    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    event.sigev_value.sival_int = 42;
    timer_t timer{};
    require(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
    itimerspec soon{};
    soon.it_value.tv_nsec = 1'000'000;
    ::timer_settime(timer, 0, &soon, nullptr);
    signal = signals.wait();
    report("timer", signal.number == SIGALRM && signal.code == SI_TIMER && signal.value == 42 &&
                        signal.pid == 0 && signal.uid == 0);
    ::timer_delete(timer);
    return 0;
}

// How the child ends: it takes a SIGTERM, tells so, and is sent a SIGINT in whatever `then` does.
template <class Then>
int escalated(Then then) {
    Shared& with = shared();
    with.stage = 0;
    const pid_t child = start_child([&] {
        SignalSet signals({SIGHUP});
        signals.escalate_second({SIGTERM, SIGINT});
        ::kill(::getpid(), SIGHUP);  // does not count
        ::kill(::getpid(), SIGTERM);
        if (signals.wait().number != SIGHUP || signals.wait().number != SIGTERM) return 1;
        with.stage = 1;
        then(signals);
        return 0;
    });
    await([&] { return with.stage == 1; });
    ::kill(child, SIGINT);
    return end_of(child);
}

int escalate() {
    // ThreadSanitizer keeps a handler waiting until the program calls something.
    const auto hang = [] {
        for (;;) DAEMONKIT_TSAN() ? ::usleep(1000) : ::sched_yield();
    };
    report("hanging", escalated([&](SignalSet&) { hang(); }));
    report("waiting", escalated([](SignalSet& signals) { signals.wait(); }));
    report("asked_again", escalated([](SignalSet& signals) {
               signals.escalate_second({SIGTERM, SIGINT});
               signals.wait();
           }));
    if (::unshare(CLONE_NEWPID) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
        report("init", "not tested");
        return 0;
    }
    report("init", escalated([&](SignalSet&) {
               if (::getpid() != 1) ::_exit(1);
               hang();
           }));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string verb = argc > 1 ? argv[1] : "";
    const auto argument = [&](int at) { return argc > at + 1 ? std::atoi(argv[at + 1]) : 0; };
    ::alarm(60);
    if (verb == "flood") {
        const bool late = argc > 5 && std::string(argv[5]) == "late";
        return flood(argument(1), argument(2), argument(3), late);
    }
    if (verb == "flood-two") return flood_two(argument(1));
    if (verb == "storm") return storm(argument(1), argument(2));
    if (verb == "moments") return moments(argument(1), argument(2));
    if (verb == "fork") return across_fork();
    if (verb == "fork-early") return fork_early();
    if (verb == "fork-thread") return fork_thread(argument(1));
    if (verb == "fork-end") return fork_end();
    if (verb == "fork-raw") return fork_raw();
    if (verb == "vfork") return across_vfork();
    if (verb == "exec") return across_exec();
    if (verb == "exec-pending") return exec_pending();
    if (verb == "take-pending") return take_pending();
    if (verb == "blocked") return blocked_before();
    if (verb == "pipe") return broken_pipe();
    if (verb == "low") return low_numbers();
    if (verb == "sender") return sender();
    if (verb == "escalate") return escalate();
    return 64;
}

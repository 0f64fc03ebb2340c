// SPDX-License-Identifier: MIT
// Signals: blocked, pending, counted and not counted, queued with a value, from a timer, from a child, in the way of a
// system call; then from outside, until SIGINT ends the tour, or a second SIGINT does so at once.
//
//   signals_tour [--hang]    with --hang the tidying up at the end never ends
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using daemonkit::SignalSet;
using namespace std::chrono_literals;

template <class Value>
Value check(Value value, const char* what) {
    if (value == static_cast<Value>(-1))
        throw std::system_error(errno, std::generic_category(), what);
    return value;
}

void send_with_value(int number, int value) {
    sigval with{};
    with.sival_int = value;
    check(::sigqueue(::getpid(), number, with), "sigqueue");
}

void block(int number) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    check(::sigprocmask(SIG_BLOCK, &one, nullptr), "sigprocmask");
}

bool is_pending(int number) {
    sigset_t pending;
    check(::sigpending(&pending), "sigpending");
    return sigismember(&pending, number) == 1;
}

/// A blocked signal waits in the kernel; but a standard one waits once, however often it was sent.
void blocked_and_pending() {
    block(SIGUSR1);
    for (int i = 0; i < 3; ++i) ::raise(SIGUSR1);
    std::printf("blocked: SIGUSR1 was sent 3 times and is %s\n",
                is_pending(SIGUSR1) ? "pending" : "gone");
    SignalSet signals({SIGUSR1});  // from here on it is not blocked; afterwards it is again
    int came = 0;
    while (signals.poll()) ++came;
    std::printf("unblocked: it came %d time\n", came);
}

/// Real-time signals are queued, each with its value, in their order.
void queued() {
    SignalSet signals({SIGRTMIN});
    for (int value = 1; value <= 3; ++value) send_with_value(SIGRTMIN, value);
    std::fputs("queued: real-time signals with the values", stdout);
    while (const auto signal = signals.poll()) std::printf(" %d", signal->value);
    std::puts("");
}

/// An ignored signal does nothing; what it would have told is told by the call that fails.
void ignored() {
    SignalSet signals({});
    signals.ignore(SIGPIPE);
    int ends[2];
    check(::pipe(ends), "pipe");
    ::close(ends[0]);
    const auto written = ::write(ends[1], "x", 1);
    std::printf("ignored: a write that nobody reads: %s\n",
                written < 0 ? std::strerror(errno) : "written");
    ::close(ends[1]);
}

/// SIGALRM is how the kernel's timers knock. For a tick of its own a program needs none: see `wait_until`.
void timed() {
    SignalSet signals({});
    int alarms = 0;
    signals.on(SIGALRM, [&] {
        std::printf("timer: alarm %d\n", ++alarms);
        if (alarms == 3) signals.stop();
    });
    const ::itimerval often{{0, 20'000}, {0, 20'000}};
    check(::setitimer(ITIMER_REAL, &often, nullptr), "setitimer");
    signals.run();
    const ::itimerval never{};
    check(::setitimer(ITIMER_REAL, &never, nullptr), "setitimer");
}

/// One SIGCHLD may stand for many children: who is told of one asks for all.
void from_children() {
    SignalSet signals({SIGCHLD});
    constexpr int children = 5;
    std::fflush(stdout);
    for (int i = 0; i < children; ++i)
        if (check(::fork(), "fork") == 0) ::_exit(7);
    int reaped = 0;
    int with_seven = 0;
    while (reaped < children) {
        signals.wait();
        int status = 0;
        while (::waitpid(-1, &status, WNOHANG) > 0) {
            ++reaped;
            with_seven += WIFEXITED(status) && WEXITSTATUS(status) == 7;
        }
    }
    std::printf("children: %d reaped, %d of them with status 7\n", reaped, with_seven);
}

/// An alarm in the middle of a call, with a plain handler; returns what becomes of the call.
template <class Call>
const char* interrupted(int flags, int pipe_to_feed, Call call) {
    static int feed = -1;
    feed = pipe_to_feed;
    struct ::sigaction before {};
    struct ::sigaction action {};
    action.sa_handler = [](int) {
        if (feed >= 0 && ::write(feed, "x", 1) < 0) ::_exit(71);
    };
    action.sa_flags = flags;
    check(::sigaction(SIGALRM, &action, &before), "sigaction");
    const ::itimerval once{{0, 0}, {0, 20'000}};
    check(::setitimer(ITIMER_REAL, &once, nullptr), "setitimer");
    const char* const end = call() < 0 && errno == EINTR ? "EINTR" : "goes on";
    check(::sigaction(SIGALRM, &before, nullptr), "sigaction");
    return end;
}

/// A handler breaks into system calls. SA_RESTART mends read, and not poll. A SignalSet waits as long as it was told.
void in_the_way() {
    int ends[2];
    check(::pipe(ends), "pipe");
    char byte = 0;
    const auto read_byte = [&] { return static_cast<long>(::read(ends[0], &byte, 1)); };
    ::pollfd nothing{-1, POLLIN, 0};
    const auto poll = [&] { return static_cast<long>(::poll(&nothing, 1, 1000)); };
    std::printf("read, no SA_RESTART: %s\n", interrupted(0, -1, read_byte));
    std::printf("read, SA_RESTART: %s\n", interrupted(SA_RESTART, ends[1], read_byte));
    std::printf("poll, SA_RESTART: %s\n", interrupted(SA_RESTART, -1, poll));
    const auto wait = [] {
        SignalSet signals({SIGUSR1});
        const auto before = std::chrono::steady_clock::now();
        signals.wait_for(60ms);
        return std::chrono::steady_clock::now() - before < 60ms ? -1L : 0L;
    };
    std::printf("SignalSet::wait_for: %s\n", interrupted(0, -1, wait));
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace

int main(int argc, char** argv) try {
    const bool hang = argc == 2 && std::string_view(argv[1]) == "--hang";
    if (argc > 1 && !hang) {
        std::fprintf(stderr, "usage: %s [--hang]\n", argv[0]);
        return 64;
    }
    blocked_and_pending();
    queued();
    ignored();
    timed();
    from_children();
    in_the_way();

    // [escalate]
    SignalSet signals({SIGINT});
    signals.escalate_second({SIGINT});  // one asks, the next one does not
    signals.on(SIGUSR2, [](const daemonkit::SignalInfo& signal) {
        std::printf("SIGUSR2 from process %d of user %u\n", static_cast<int>(signal.pid),
                    static_cast<unsigned>(signal.uid));
        std::fflush(stdout);
    });
    std::printf("send SIGUSR2 to %d, then SIGINT\n", static_cast<int>(::getpid()));
    std::fflush(stdout);
    signals.run();
    // [escalate]
    std::puts("tidying up");
    if (std::fflush(stdout) != 0) return 74;
    while (hang) ::sleep(1);
    return 0;
} catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 71;
}

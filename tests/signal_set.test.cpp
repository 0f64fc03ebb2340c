// SPDX-License-Identifier: MIT
#include <daemonkit/signal_set.hpp>

#include "catch.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"

#include <algorithm>  // std::min
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::probe;
using daemonkit::testkit::run_program;
using Clock = std::chrono::steady_clock;

static_assert(!std::is_copy_constructible_v<SignalSet>);
static_assert(!std::is_move_constructible_v<SignalSet>);

namespace {

// Longer than any wait that goes well.
constexpr auto limit = 10s;

void send(int number) { ::kill(::getpid(), number); }

void send(int number, int value) {
    sigval with{};
    with.sival_int = value;
    REQUIRE(::sigqueue(::getpid(), number, with) == 0);
}

int number_of(const std::optional<SignalInfo>& signal) { return signal ? signal->number : -1; }

bool is_readable(int fd) {
    ::pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

struct ::sigaction disposition(int number) {
    struct ::sigaction now {};
    ::sigaction(number, nullptr, &now);
    return now;
}

bool is_blocked(int number) {
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, number) == 1;
}

void block(int number, int how = SIG_BLOCK) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    ::pthread_sigmask(how, &one, nullptr);
}

int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
    return count;
}

std::optional<Error> refusal(std::initializer_list<int> numbers) {
    try {
        const SignalSet signals(numbers);
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

}  // namespace

// -- waiting ----------------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: a signal that arrived before the wait is there at once",
          "[signal_set][unit]") {
    SignalSet signals({SIGTERM, SIGHUP});
    send(SIGHUP);
    const SignalInfo signal = signals.wait();
    CHECK(signal.number == SIGHUP);
    CHECK(signal.code == SI_USER);
    CHECK(signal.pid == ::getpid());
    CHECK(signal.uid == ::getuid());
}

TEST_CASE("SignalSet: a wait ends when a signal arrives", "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    const auto before = Clock::now();
    std::thread sender([] {
        std::this_thread::sleep_for(20ms);
        send(SIGUSR1);
    });
    CHECK(signals.wait().number == SIGUSR1);
    CHECK(Clock::now() - before >= 20ms);
    sender.join();
}

TEST_CASE("SignalSet: signals come in the order of their arrival", "[signal_set][unit]") {
    SignalSet signals({SIGTERM, SIGHUP, SIGUSR1});
    send(SIGUSR1);
    send(SIGTERM);
    send(SIGHUP);
    CHECK(signals.wait().number == SIGUSR1);
    CHECK(signals.wait().number == SIGTERM);
    CHECK(signals.wait().number == SIGHUP);
    CHECK_FALSE(signals.poll());
}

TEST_CASE("SignalSet: wait_for comes back with nothing when the time is over",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    const auto before = Clock::now();
    CHECK_FALSE(signals.wait_for(20ms));
    CHECK(Clock::now() - before >= 20ms);
    CHECK_FALSE(signals.wait_for(0ms));
    CHECK_FALSE(signals.wait_for(-1h));
    CHECK_FALSE(signals.wait_for(std::chrono::duration<double>(0.001)));
}

TEST_CASE("SignalSet: the longest time of any unit is for ever, and a signal ends it",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    send(SIGUSR1);
    CHECK(number_of(signals.wait_for(std::chrono::milliseconds::max())) == SIGUSR1);
    send(SIGUSR1);
    CHECK(number_of(signals.wait_until(Clock::time_point::max())) == SIGUSR1);
    std::thread sender([] {
        std::this_thread::sleep_for(20ms);
        send(SIGUSR1);
    });
    CHECK(number_of(signals.wait_for(std::chrono::hours::max())) == SIGUSR1);
    sender.join();
}

TEST_CASE("SignalSet: a deadline that has passed still takes a signal that waits",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    CHECK_FALSE(signals.wait_until(Clock::now() - 1h));
    CHECK_FALSE(signals.wait_until(Clock::time_point::min()));
    send(SIGUSR1);
    CHECK(number_of(signals.wait_until(Clock::now() - 1h)) == SIGUSR1);
}

TEST_CASE("SignalSet: ticks at deadlines have no drift, and none is early", "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    constexpr int ticks = 50;
    const auto start = Clock::now();
    auto next = start;
    int early = 0;
    Clock::duration least_late = 1h;
    for (int tick = 0; tick < ticks; ++tick) {
        // The work: a loop of relative waits would add it up, and be 100 ms late at every one of the later ticks.
        std::this_thread::sleep_for(4ms);
        CHECK_FALSE(signals.wait_until(next += 10ms));
        const auto late = Clock::now() - next;
        early += late < 0ms;
        if (tick >= ticks / 2) least_late = std::min(least_late, late);
    }
    CHECK(early == 0);
    CHECK(least_late < 100ms);  // that of the best one, however busy the machine is
}

TEST_CASE("SignalSet: a tick wakes the program once, and a wait does not", "[signal_set][unit]") {
    const auto sleeps = [] {
        ::rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        return used.ru_nvcsw;
    };
    SignalSet signals({SIGUSR1});
    const auto check_that = [&] {
        constexpr int ticks = 20;
        auto next = Clock::now();
        const auto before = sleeps();
        for (int tick = 0; tick < ticks; ++tick) signals.wait_until(next += 5ms);
        const auto between = sleeps();
        signals.wait_for(300ms);
        const auto after = sleeps();
        CHECK(between - before <= ticks + 3);  // a page that is read from disk is a sleep, too
        CHECK(after - between <= 1 + 3);
    };
    check_that();
    signals.native_handle();
    check_that();
}

TEST_CASE("SignalSet: who is late by several ticks can be stopped at the first of them",
          "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    auto next = Clock::now() - 1s;
    CHECK_FALSE(signals.wait_until(next += 100ms));
    send(SIGTERM);
    CHECK(number_of(signals.wait_until(next += 100ms)) == SIGTERM);
}

TEST_CASE("SignalSet: a wait goes on after a signal that is not of the set", "[signal_set][unit]") {
    static std::atomic<int> handled{0};
    const auto before = std::signal(SIGALRM, [](int) { ++handled; });
    SignalSet signals({SIGUSR1});
    ::itimerval often{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    const auto start = Clock::now();
    CHECK_FALSE(signals.wait_for(50ms));
    CHECK(Clock::now() - start >= 50ms);
    ::itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    CHECK(handled > 1);
    std::signal(SIGALRM, before);
}

TEST_CASE("SignalSet: poll has nothing while nothing waits", "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    CHECK_FALSE(signals.poll());
    send(SIGUSR1);
    CHECK(number_of(signals.poll()) == SIGUSR1);
    CHECK_FALSE(signals.poll());
}

// -- what is kept and what is not -------------------------------------------------------------------------------------

TEST_CASE("SignalSet: the same standard signal waits once, and again after it is taken",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1, SIGUSR2});
    for (int i = 0; i < 1000; ++i) send(SIGUSR1);
    send(SIGUSR2);
    CHECK(signals.wait().number == SIGUSR1);
    send(SIGUSR1);
    CHECK(signals.wait().number == SIGUSR2);
    CHECK(signals.wait().number == SIGUSR1);
    CHECK_FALSE(signals.poll());
}

// ThreadSanitizer keeps one pending signal per number and drops the others, before any handler runs.
#if !DAEMONKIT_TSAN()
TEST_CASE("SignalSet: every real-time signal comes, in order, with its value",
          "[signal_set][unit]") {
    SignalSet signals({SIGRTMIN, SIGRTMAX, SIGTERM});
    constexpr int count = 2000;  // many times the room that a set has
    for (int i = 0; i < count; ++i) send(SIGRTMIN, i);
    send(SIGTERM);
    int wrong = 0;
    bool ended = false;
    for (int i = 0; i < count;) {
        const SignalInfo signal = signals.wait();
        if (signal.number == SIGTERM) {
            ended = true;
            continue;
        }
        wrong += signal.number != SIGRTMIN || signal.code != SI_QUEUE || signal.value != i;
        ++i;
    }
    CHECK(wrong == 0);
    CHECK(ended);  // standard signals get through although real-time ones are held back
    CHECK_FALSE(signals.poll());
    CHECK(signals.lost() == 0);
    CHECK_FALSE(is_blocked(SIGRTMIN));
}

TEST_CASE(
    "SignalSet: a flood of real-time signals from several senders is delivered to the last one",
    "[signal_set][process]") {
    SECTION("as fast as they come") {
        const auto finished =
            run_program({probe("probe_signals"), "flood", "4", "25000", "0", "now"}, {}, 60s);
        CHECK(finished["received"] == "100000");
        CHECK(finished["out_of_order"] == "0");
        CHECK(finished["lost"] == "0");
        CHECK(finished["more"] == "0");
        CHECK(finished["then"] == "1");
    }
    SECTION("to a reader that starts when the kernel's queue is full") {
        const auto finished =
            run_program({probe("probe_signals"), "flood", "4", "5000", "0", "late"}, {}, 60s);
        CHECK(finished["refused"] == "1");
        CHECK(finished["received"] == "20000");
        CHECK(finished["out_of_order"] == "0");
        CHECK(finished["lost"] == "0");
        CHECK(finished["then"] == "1");
    }
    SECTION("through any of several threads") {
        const auto finished =
            run_program({probe("probe_signals"), "flood", "4", "5000", "3", "late"}, {}, 60s);
        CHECK(finished["received"] == "20000");
        CHECK(finished["lost"] == "0");
        CHECK(finished["then"] == "1");
    }
}

TEST_CASE("SignalSet: a set that is read late holds real-time signals back, and gets every one",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "flood-two", "20000"}, {}, 60s);
    CHECK(finished["quick"] == "20000");
    CHECK(finished["slow"] == "20000");
    CHECK(finished["out_of_order"] == "0");
    CHECK(finished["lost"] == "0");
    CHECK(finished["held_back"] == "1");
}

TEST_CASE(
    "SignalSet: real-time signals that nobody took are gone with the set, and not blocked any more",
    "[signal_set][unit]") {
    {
        const SignalSet signals({SIGRTMIN});
        for (int i = 0; i < 500; ++i) send(SIGRTMIN, i);
        CHECK(is_blocked(SIGRTMIN));  // there was no room for all of them
    }
    CHECK_FALSE(is_blocked(SIGRTMIN));
    sigset_t pending;
    ::sigpending(&pending);
    CHECK(sigismember(&pending, SIGRTMIN) == 0);  // one of them would end the process
}

TEST_CASE("SignalSet: one poll for each time the descriptor is readable gets every signal",
          "[signal_set][unit]") {
    SignalSet signals({SIGRTMIN});
    for (int i = 0; i < 1000; ++i) send(SIGRTMIN, i);
    int expected = 0;
    int wrong = 0;
    while (is_readable(signals.native_handle())) {
        const auto signal = signals.poll();
        wrong += !signal || signal->value != expected++;
    }
    CHECK(wrong == 0);
    CHECK(expected == 1000);
}
#endif

TEST_CASE("SignalSet: a storm of one standard signal is between one and all of them",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "storm", "4", "25000"}, {}, 60s);
    REQUIRE(finished.exit_status == 0);
    CHECK(std::stol(finished["received"]) >= 1);
    CHECK(std::stol(finished["received"]) <= 100'000);
    CHECK(finished["more"] == "0");
}

TEST_CASE("SignalSet: no signal finds the wait between awake and asleep, and stays unheard",
          "[signal_set][process]") {
    const std::string threads = GENERATE("0", "2");  // from the kernel's hand, and through the pipe
    CAPTURE(threads);
    const auto finished =
        run_program({probe("probe_signals"), "moments", "20000", threads}, {}, 60s);
    CHECK(finished["missed"] == "0");
}

TEST_CASE("SignalSet: who sent a signal, and with what", "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "sender"});
    CHECK(finished["kill"] == "1");
    CHECK(finished["child"] == "1");
    CHECK(finished["queue"] == "1");
    CHECK(finished["timer"] == "1");
}

TEST_CASE("SignalSet: the handler leaves no trace in errno", "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    errno = EDOM;
    ::raise(SIGUSR1);
    CHECK(errno == EDOM);
    CHECK(signals.poll());
}

// -- callbacks --------------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: run calls callbacks and ends at a signal that has none",
          "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    std::vector<std::string> calls;
    signals.on(SIGHUP, [&] { calls.push_back("first"); })
        .on(SIGHUP, [&](const SignalInfo& signal) { calls.push_back(std::to_string(signal.pid)); })
        .on(SIGUSR1, [&] { calls.push_back("usr1"); });
    send(SIGHUP);
    send(SIGUSR1);
    send(SIGTERM);
    CHECK(signals.run().number == SIGTERM);
    CHECK(calls == std::vector<std::string>{"first", std::to_string(::getpid()), "usr1"});
}

TEST_CASE("SignalSet: a callback may own what cannot be copied", "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    int value = 0;
    signals.on(SIGHUP, [&, owned = std::make_unique<int>(7)] { value = *owned; });
    send(SIGHUP);
    send(SIGTERM);
    signals.run();
    CHECK(value == 7);
}

TEST_CASE("SignalSet: what a callback throws comes out of run, which may be called again",
          "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    signals.on(SIGHUP, [] { throw std::runtime_error("bad configuration"); });
    send(SIGHUP);
    send(SIGTERM);
    CHECK_THROWS_AS(signals.run(), std::runtime_error);
    CHECK(signals.run().number == SIGTERM);
}

TEST_CASE("SignalSet: a callback may add callbacks and stop the set", "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    int later = 0;
    signals.on(SIGHUP, [&] {
        signals.on(SIGHUP, [&] { ++later; });
        send(SIGUSR1);
    });
    signals.on(SIGUSR1, [&] { signals.stop(); });
    send(SIGHUP);
    CHECK(signals.run().number == 0);
    CHECK(later == 0);  // from the next SIGHUP on
}

TEST_CASE("SignalSet: dispatch serves a loop of the program's own", "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    int reloads = 0;
    signals.on(SIGHUP, [&] { ++reloads; });
    send(SIGHUP);
    send(SIGTERM);
    CHECK(signals.dispatch(signals.wait()));
    CHECK_FALSE(signals.dispatch(signals.wait()));
    CHECK_FALSE(signals.dispatch(SignalInfo{}));
    CHECK(reloads == 1);
}

// -- stop -------------------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: stop ends the wait of every thread, and every later one",
          "[signal_set][unit]") {
    SignalSet signals({SIGTERM});
    std::atomic<int> ended{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            if (signals.wait().number == 0) ++ended;
        });
    CHECK_FALSE(signals.stopped());
    signals.stop();
    for (auto& thread : threads) thread.join();
    CHECK(ended == 3);
    CHECK(signals.stopped());
    CHECK(signals.wait().number == 0);
    CHECK(signals.run().number == 0);
    CHECK(number_of(signals.wait_for(limit)) == 0);
}

TEST_CASE("SignalSet: a stopped set is readable, and its signals can still be polled",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    send(SIGUSR1);
    signals.stop();
    CHECK(number_of(signals.poll()) == SIGUSR1);
    CHECK_FALSE(signals.poll());
    CHECK(is_readable(signals.native_handle()));
}

// -- escalation -------------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: the second of the signals that escalate ends the process, whatever it does",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "escalate"});
    CHECK(finished["hanging"] == std::to_string(128 + SIGINT));
    CHECK(finished["waiting"] == std::to_string(128 + SIGINT));
    CHECK(finished["asked_again"] == "0");
    if (finished["init"] == "not tested")
        daemonkit::testkit::not_tested("no pid namespace can be made here");
    else
        CHECK(finished["init"] == std::to_string(128 + SIGINT));
}

// -- the descriptor ---------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: the descriptor is readable as long as a signal waits", "[signal_set][unit]") {
    SignalSet signals({SIGUSR1, SIGUSR2});
    const int handle = signals.native_handle();
    CHECK_FALSE(is_readable(handle));
    send(SIGUSR1);
    send(SIGUSR2);
    CHECK(is_readable(handle));
    CHECK(signals.poll());
    CHECK(is_readable(handle));
    CHECK(signals.poll());
    CHECK_FALSE(is_readable(handle));
    CHECK((::fcntl(handle, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("SignalSet: a descriptor that is asked for late is readable for what came before",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    send(SIGUSR1);
    CHECK(is_readable(signals.native_handle()));
    CHECK(signals.poll());
    CHECK_FALSE(is_readable(signals.native_handle()));
    SignalSet stopped({SIGUSR1});
    stopped.stop();
    CHECK(is_readable(stopped.native_handle()));
}

TEST_CASE("SignalSet: edge-triggered epoll is told of every signal after the last was taken",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    const int queue = ::epoll_create1(EPOLL_CLOEXEC);
    ::epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    REQUIRE(::epoll_ctl(queue, EPOLL_CTL_ADD, signals.native_handle(), &event) == 0);
    for (int i = 0; i < 3; ++i) {
        send(SIGUSR1);
        CHECK(::epoll_wait(queue, &event, 1, 0) == 1);
        while (signals.poll()) continue;
        CHECK(::epoll_wait(queue, &event, 1, 0) == 0);
    }
    ::close(queue);
}

// -- several sets, several threads ------------------------------------------------------------------------------------

TEST_CASE("SignalSet: each of several sets gets each signal that it watches",
          "[signal_set][unit]") {
    SignalSet first({SIGUSR1, SIGUSR2});
    SignalSet second({SIGUSR1});
    {
        SignalSet third({SIGUSR1, SIGRTMIN});
        send(SIGUSR1);
        CHECK(number_of(third.poll()) == SIGUSR1);
    }
    send(SIGUSR2);
    CHECK(number_of(first.poll()) == SIGUSR1);
    CHECK(number_of(first.poll()) == SIGUSR2);
    CHECK(number_of(second.poll()) == SIGUSR1);
    CHECK_FALSE(second.poll());
    CHECK_FALSE(first.poll());
}

TEST_CASE("SignalSet: what ends the wait of one set arrives in the others too",
          "[signal_set][unit]") {
    SignalSet first({SIGALRM});
    SignalSet second({SIGALRM});
    const int handle = second.native_handle();
    const ::itimerval once{{0, 0}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &once, nullptr);
    CHECK(first.wait().number == SIGALRM);
    CHECK(is_readable(handle));
    CHECK(number_of(second.poll()) == SIGALRM);
    CHECK_FALSE(first.poll());
}

TEST_CASE("SignalSet: a wait leaves none of its signals blocked, and others as they were",
          "[signal_set][unit]") {
    SignalSet signals({SIGALRM, SIGUSR1});
    block(SIGUSR2);
    block(SIGUSR1);
    for (int i = 0; i < 2; ++i) {  // with a signal, and without
        const ::itimerval once{{0, 0}, {0, i == 0 ? 1000 : 0}};
        ::setitimer(ITIMER_REAL, &once, nullptr);
        CHECK(signals.wait_for(i == 0 ? 10s : 1ms).has_value() == (i == 0));
        CHECK_FALSE(is_blocked(SIGALRM));
        CHECK_FALSE(is_blocked(SIGUSR1));
        CHECK(is_blocked(SIGUSR2));
    }
    block(SIGUSR2, SIG_UNBLOCK);
}

TEST_CASE("SignalSet: of several threads that wait, one gets each signal", "[signal_set][unit]") {
    SignalSet signals({SIGRTMIN + 3});
    constexpr int count = 300;
    std::atomic<int> taken{0};
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            for (auto signal = signals.wait(); signal.number != 0; signal = signals.wait()) {
                sum += signal.value;
                if (++taken == count) signals.stop();
            }
        });
    for (int i = 0; i < count; ++i) {
        send(SIGRTMIN + 3, i);
        // ThreadSanitizer drops a second signal of a number while the first is pending.
        if (DAEMONKIT_TSAN())
            while (taken <= i) std::this_thread::yield();
    }
    for (auto& thread : threads) thread.join();
    CHECK(taken == count);
    CHECK(sum == count * (count - 1) / 2);
}

TEST_CASE("SignalSet: sets come and go while signals arrive in every thread",
          "[signal_set][unit]") {
    SignalSet keeper({SIGUSR1, SIGUSR2});
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            while (!over) {
                SignalSet passing({SIGUSR1, SIGUSR2});
                ::raise(SIGUSR1);
                if (!passing.wait_for(limit)) over = true;  // a miss
            }
        });
    for (int round = 0; round < 3000 && !over; ++round) {
        send(round % 2 == 0 ? SIGUSR1 : SIGUSR2);
        keeper.poll();
    }
    CHECK_FALSE(over);
    over = true;
    for (auto& thread : threads) thread.join();
    while (keeper.poll()) continue;
    send(SIGUSR2);
    CHECK(number_of(keeper.wait_for(limit)) == SIGUSR2);
}

TEST_CASE("SignalSet: who waits hears although every thread blocks the signals",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "blocked"});
    CHECK(finished["pending"] == "1");
    CHECK(finished["later"] == "1");
    CHECK(finished["others_stay_blocked"] == "1");
    CHECK(finished["hidden"] == "1");
    CHECK(finished["different"] == "0");
}

TEST_CASE("SignalSet: one thread hears for a program whose threads all block its signals",
          "[signal_set][unit]") {
    block(SIGUSR1);
    block(SIGTERM);
    std::atomic<int> heard{0};
    std::optional<SignalSet> signals;
    std::atomic<bool> ready{false};
    std::thread dedicated([&] {
        signals.emplace(std::initializer_list<int>{SIGUSR1, SIGTERM});
        ready = true;
        while (signals->wait().number == SIGUSR1) ++heard;
    });
    while (!ready) std::this_thread::yield();
    for (int i = 1; i <= 100; ++i) {
        send(SIGUSR1);
        while (heard < i) std::this_thread::yield();
    }
    CHECK(is_blocked(SIGUSR1));
    send(SIGTERM);
    dedicated.join();
    CHECK(heard == 100);
    signals.reset();
    block(SIGUSR1, SIG_UNBLOCK);
    block(SIGTERM, SIG_UNBLOCK);
}

TEST_CASE("SignalSet: nothing is lost while the pipe is full", "[signal_set][unit]") {
    SignalSet signals({SIGUSR1, SIGUSR2});
    const int handle = signals.native_handle();
    int pipe = -1;  // its other end
    for (int fd = 3; fd < 256; ++fd)
        if (fd != handle && detail::is_signal_descriptor(fd)) pipe = fd;
    REQUIRE(pipe >= 0);
    const char bytes[4096]{};
    while (::write(pipe, bytes, sizeof bytes) > 0) continue;
    while (::write(pipe, bytes, 1) > 0) continue;
    send(SIGUSR1);
    send(SIGUSR2);
    CHECK(is_readable(handle));
    CHECK(number_of(signals.poll()) == SIGUSR1);
    CHECK(number_of(signals.poll()) == SIGUSR2);
    CHECK_FALSE(is_readable(handle));
    send(SIGUSR1);
    CHECK(is_readable(handle));
}

// -- what is set back -------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: the dispositions found are back at the end, whole", "[signal_set][unit]") {
    struct ::sigaction odd {};
    odd.sa_sigaction = [](int, siginfo_t*, void*) {};
    odd.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigemptyset(&odd.sa_mask);
    sigaddset(&odd.sa_mask, SIGWINCH);
    sigaddset(&odd.sa_mask, SIGRTMIN + 4);
    struct ::sigaction before {};
    ::sigaction(SIGUSR1, &odd, &before);
    odd = disposition(SIGUSR1);  // as the kernel has it
    std::signal(SIGUSR2, SIG_IGN);
    {
        const SignalSet signals({SIGUSR1, SIGUSR2, SIGWINCH});
        CHECK(detail::is_own_handler(disposition(SIGUSR1)));
        CHECK_FALSE(detail::is_own_handler(disposition(SIGHUP)));
    }
    const auto after = disposition(SIGUSR1);
    CHECK(after.sa_sigaction == odd.sa_sigaction);
    CHECK(after.sa_flags == odd.sa_flags);
    for (int number = 1; number <= SIGRTMAX; ++number)
        CHECK(sigismember(&after.sa_mask, number) == sigismember(&odd.sa_mask, number));
    CHECK(disposition(SIGUSR2).sa_handler == SIG_IGN);
    CHECK(disposition(SIGWINCH).sa_handler == SIG_DFL);
    ::sigaction(SIGUSR1, &before, nullptr);
    std::signal(SIGUSR2, SIG_DFL);
}

TEST_CASE(
    "SignalSet: dispositions and mask are set back when the last of several sets goes, in any "
    "order",
    "[signal_set][unit]") {
    std::signal(SIGUSR1, SIG_IGN);
    block(SIGUSR1);
    std::optional<SignalSet> first(std::in_place, std::initializer_list<int>{SIGUSR1});
    std::optional<SignalSet> second(std::in_place, std::initializer_list<int>{SIGUSR1});
    CHECK_FALSE(is_blocked(SIGUSR1));
    first.reset();
    CHECK_FALSE(is_blocked(SIGUSR1));
    send(SIGUSR1);
    CHECK(number_of(second->poll()) == SIGUSR1);
    second.reset();
    CHECK(is_blocked(SIGUSR1));
    CHECK(disposition(SIGUSR1).sa_handler == SIG_IGN);
    block(SIGUSR1, SIG_UNBLOCK);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("SignalSet: a set in another thread leaves that thread's mask as it was, and no other",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    bool blocked_after = false;
    std::thread([&] {
        block(SIGUSR1);
        { const SignalSet own({SIGUSR1}); }
        blocked_after = is_blocked(SIGUSR1);
    }).join();
    CHECK(blocked_after);
    CHECK_FALSE(is_blocked(SIGUSR1));
    CHECK(detail::is_own_handler(disposition(SIGUSR1)));
}

TEST_CASE("SignalSet: close sets back at once, says nothing of itself, and ends every wait",
          "[signal_set][unit]") {
    block(SIGUSR1);
    SignalSet signals({SIGUSR1});
    send(SIGUSR1);
    signals.close();
    CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
    CHECK(is_blocked(SIGUSR1));
    CHECK(signals.wait().number == 0);
    CHECK(number_of(signals.poll()) == SIGUSR1);  // what had arrived is not lost
    signals.close();
    std::signal(SIGUSR1, SIG_IGN);
    CHECK_FALSE(signals.replaced(SIGUSR1));
    block(SIGUSR1, SIG_UNBLOCK);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("SignalSet: close says which handler was replaced, leaves it, and sets back the others",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1, SIGUSR2});
    struct ::sigaction odd {};
    odd.sa_sigaction = [](int, siginfo_t*, void*) {};
    odd.sa_flags = SA_SIGINFO;
    ::sigaction(SIGUSR1, &odd, nullptr);
    std::optional<Error> error;
    try {
        signals.close();
    } catch (const Error& thrown) {
        error = thrown;
    }
    REQUIRE(error);
    CHECK(error->step() == Step::watch_signals);
    CHECK(error->subject() == "SIGUSR1");
    CHECK(error->code().value() == EBUSY);
    CHECK(disposition(SIGUSR1).sa_sigaction == odd.sa_sigaction);
    CHECK(disposition(SIGUSR2).sa_handler == SIG_DFL);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("SignalSet: of several sets, the last one that is closed says who replaced a handler",
          "[signal_set][unit]") {
    SignalSet first({SIGUSR1});
    SignalSet last({SIGUSR1});
    std::signal(SIGUSR1, SIG_IGN);
    first.close();
    CHECK_THROWS_AS(last.close(), Error);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("SignalSet: during a wait a handler that replaced ours gets its signal, whole",
          "[signal_set][unit]") {
    static int value = 0;
    static int code = 0;
    SignalSet signals({SIGUSR1, SIGUSR2});
    struct ::sigaction other {};
    other.sa_sigaction = [](int, siginfo_t* details, void*) {
        value = details->si_value.sival_int;
        code = details->si_code;
    };
    other.sa_flags = SA_SIGINFO;
    ::sigaction(SIGUSR1, &other, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    event.sigev_value.sival_int = 42;
    timer_t timer{};
    REQUIRE(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    itimerspec soon{};
    soon.it_value.tv_nsec = 1'000'000;
    ::timer_settime(timer, 0, &soon, nullptr);
    CHECK_FALSE(signals.wait_for(50ms));
    CHECK(value == 42);
    CHECK(code == SI_TIMER);
    ::timer_delete(timer);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("SignalSet: a handler that replaced ours is told, and stays", "[signal_set][unit]") {
    {
        SignalSet signals({SIGUSR1, SIGUSR2});
        CHECK_FALSE(signals.replaced(SIGUSR1));
        std::signal(SIGUSR1, SIG_IGN);
        CHECK(signals.replaced(SIGUSR1));
        CHECK_FALSE(signals.replaced(SIGUSR2));
        CHECK_FALSE(signals.replaced(SIGHUP));  // never watched
    }
    CHECK(disposition(SIGUSR1).sa_handler == SIG_IGN);
    CHECK(disposition(SIGUSR2).sa_handler == SIG_DFL);
    {
        SignalSet signals({SIGUSR1});  // a new set takes it over, and gives it back
        CHECK_FALSE(signals.replaced(SIGUSR1));
        send(SIGUSR1);
        CHECK(signals.poll());
    }
    CHECK(disposition(SIGUSR1).sa_handler == SIG_IGN);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("SignalSet: no descriptor stays open, and errno is kept at the end",
          "[signal_set][unit]") {
    const int before = open_descriptors();
    for (int i = 0; i < 3; ++i) {
        SignalSet signals({SIGUSR1, SIGRTMIN});
        send(SIGUSR1);
        errno = EDOM;
    }
    CHECK(errno == EDOM);
    CHECK(open_descriptors() == before);
}

// -- what is refused --------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: signals that no program can wait for are refused by name",
          "[signal_set][unit]") {
    for (const int number :
         {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, 0, -1, 32,
          33, SIGRTMIN - 1, SIGRTMAX + 1, 4096, -2147483647}) {
        CAPTURE(number);
        const auto error = refusal({number});
        REQUIRE(error);
        CHECK(error->step() == Step::watch_signals);
        CHECK(error->code().value() == EINVAL);
        CHECK(error->subject() == detail::signal_name(number));
        CHECK_FALSE(error->explanation().empty());
    }
}

TEST_CASE("SignalSet: one that is refused among others changes nothing", "[signal_set][unit]") {
    block(SIGUSR1);
    const int before = open_descriptors();
    REQUIRE(refusal({SIGUSR1, SIGUSR2, SIGKILL}));
    CHECK(disposition(SIGUSR2).sa_handler == SIG_DFL);
    CHECK(disposition(SIGUSR1).sa_handler == SIG_DFL);
    CHECK(is_blocked(SIGUSR1));
    CHECK(open_descriptors() == before);
    block(SIGUSR1, SIG_UNBLOCK);

    SignalSet signals({SIGTERM});
    CHECK_THROWS_AS(signals.on(SIGKILL, [] {}), Error);
    CHECK_THROWS_AS(signals.ignore(SIGSEGV), Error);
}

TEST_CASE("SignalSet: a signal named twice is watched once, and a set may begin empty",
          "[signal_set][unit]") {
    SignalSet twice({SIGUSR1, SIGUSR1});
    SignalSet empty({});
    send(SIGUSR1);
    CHECK(twice.poll());
    CHECK_FALSE(twice.poll());
    CHECK_FALSE(empty.wait_for(1ms));
    bool called = false;
    empty.on(SIGUSR1, [&] { called = true; });
    send(SIGUSR1);
    empty.dispatch(empty.wait());
    CHECK(called);
}

// -- ignored ----------------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: an ignored signal does not arrive, until it has a callback",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    signals.ignore(SIGUSR1).ignore(SIGHUP);
    send(SIGUSR1);
    send(SIGHUP);
    CHECK_FALSE(signals.poll());
    signals.on(SIGUSR1, [] {});
    send(SIGUSR1);
    CHECK(number_of(signals.poll()) == SIGUSR1);
    CHECK_FALSE(signals.poll());
}

TEST_CASE("SignalSet: with SIGPIPE ignored a write into a broken pipe fails with EPIPE",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "pipe"});
    CHECK(finished.exit_status == 0);
    CHECK(finished["written"] == "-1");
    CHECK(finished["errno"] == std::to_string(EPIPE));
    CHECK(finished["arrived"] == "0");
}

// -- fork and exec ----------------------------------------------------------------------------------------------------

TEST_CASE("SignalSet: after a fork each process hears its own signals, in a pipe of its own",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "fork"});
    CHECK(finished["own"] == "1");
    CHECK(finished["parent_readable"] == "0");
    CHECK(finished["parent_has"] == "0");
    CHECK(finished["child"] == "0");
    CHECK(finished["then"] == "1");
    CHECK(finished["handle_kept"] == "1");
}

TEST_CASE("SignalSet: a signal that a child gets before its first call is the child's alone",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "fork-early"});
    CHECK(finished["child"] == "0");
    CHECK(finished["parent"] == "1");
    CHECK(finished["parent_readable"] == "0");
}

TEST_CASE("SignalSet: a fork in the middle of another thread's signals leaves a working set",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "fork-thread", "50"}, {}, 60s);
    CHECK(finished["failed"] == "0");
}

TEST_CASE("SignalSet: a child that ends its copy takes nothing from the parent",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "fork-end"});
    CHECK(finished["child"] == "0");
    CHECK(finished["parent"] == "1");
    CHECK(finished["replaced"] == "0");
}

TEST_CASE("SignalSet: a child made without fork handlers starts anew with one call",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "fork-raw"});
    CHECK(finished["child"] == "0");
    CHECK(finished["own"] == "1");
    CHECK(finished["parent_readable"] == "0");
}

TEST_CASE("SignalSet: what a child of vfork is sent does not reach the parent whose memory it has",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "vfork"});
    CHECK(finished["child"] == "0");
    CHECK(finished["parent_readable"] == "0");
    CHECK(finished["parent_has"] == "0");
    CHECK(finished["then"] == "1");
}

TEST_CASE("SignalSet: a program started by exec has default dispositions and a clean mask",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "exec"});
    REQUIRE(finished["child"] == "0");
    const auto line = [&](const std::string& name) {
        const auto at = finished.out.find("\n" + name + ":\t");
        return std::stoull(finished.out.substr(at + name.size() + 3, 16), nullptr, 16);
    };
    const auto bit = [](int number) { return 1ULL << (number - 1); };
    CHECK(line("SigCgt") == 0);
    CHECK(line("SigBlk") == 0);
    CHECK((line("SigIgn") & (bit(SIGPIPE) | bit(SIGTERM) | bit(SIGUSR1) | bit(SIGRTMIN + 1))) == 0);
    CHECK((line("SigIgn") & bit(SIGINT)) != 0);  // not of the set: as it was
}

// ThreadSanitizer keeps one signal of a number.
#if !DAEMONKIT_TSAN()
TEST_CASE("SignalSet: what is pending when a program executes another arrives in that one's set",
          "[signal_set][process]") {
    const auto finished = run_program({probe("probe_signals"), "exec-pending"});
    CHECK(finished["standard"] == "1");
    CHECK(finished["in_order"] == "3");
    CHECK(finished["more"] == "0");
}
#endif

TEST_CASE("SignalSet: the descriptors it cannot do without are known by number",
          "[signal_set][unit]") {
    SignalSet signals({SIGUSR1});
    CHECK(detail::is_signal_descriptor(signals.native_handle()));
    CHECK_FALSE(detail::is_signal_descriptor(0));
    CHECK_FALSE(detail::is_signal_descriptor(-1));
}

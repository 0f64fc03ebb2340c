// SPDX-License-Identifier: MIT
// What a signal costs on its way to ordinary code, beside a plain signalfd, and how well a tick keeps its time. Asio and
// libuv take part where they are installed. No test asserts a time.
#include <daemonkit/signal_set.hpp>

#include "bench/figures.hpp"
#include "catch.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#if DAEMONKIT_BENCH_ASIO
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#endif
#if DAEMONKIT_BENCH_LIBUV
#include <uv.h>
#endif

namespace {

using namespace std::chrono_literals;
using bench::Clock;
using bench::Figure;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

/// The processor time of this process: what others do on the machine does not count.
std::int64_t spent_ns() {
    ::timespec spent{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return std::int64_t{spent.tv_sec} * 1'000'000'000 + spent.tv_nsec;
}

// -- the ways -----------------------------------------------------------------------------------------------------------

/// One way to hear of a signal; made in the process that hears.
struct Way {
    Way() = default;
    Way(const Way&) = delete;
    Way& operator=(const Way&) = delete;
    virtual ~Way() = default;

    /// Waits for a signal, or for several; `taken` rises by one for each in ordinary code.
    virtual void take() = 0;

    std::atomic<std::int64_t>* taken_at = nullptr;
    std::atomic<int>* taken = nullptr;

protected:
    void count() {
        taken_at->store(now_ns(), std::memory_order_relaxed);
        taken->fetch_add(1);
    }
};

void block(int number) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    ::sigprocmask(SIG_BLOCK, &one, nullptr);
}

int signalfd_of(int number) {
    block(number);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    return ::signalfd(-1, &one, SFD_CLOEXEC);
}

int epoll_of(int fd) {
    const int queue = ::epoll_create1(EPOLL_CLOEXEC);
    ::epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
    return queue;
}

struct Signalfd final : Way {
    explicit Signalfd(int number) : fd(signalfd_of(number)) {}
    void take() override {
        ::signalfd_siginfo details{};
        if (::read(fd, &details, sizeof details) == sizeof details) count();
    }
    int fd;
};

struct SignalfdInEpoll final : Way {
    explicit SignalfdInEpoll(int number) : fd(signalfd_of(number)), queue(epoll_of(fd)) {
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    void take() override {
        ::epoll_event event{};
        if (::epoll_wait(queue, &event, 1, -1) != 1) return;
        ::signalfd_siginfo details{};
        while (::read(fd, &details, sizeof details) == sizeof details) count();
    }
    int fd;
    int queue;
};

struct Sigwait final : Way {
    explicit Sigwait(int number) {
        block(number);
        sigemptyset(&one);
        sigaddset(&one, number);
    }
    void take() override {
        siginfo_t details{};
        if (::sigwaitinfo(&one, &details) > 0) count();
    }
    sigset_t one;
};

/// A byte for each signal, as it is written by hand.
struct PlainPipe final : Way {
    explicit PlainPipe(int number) {
        if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) ::_exit(1);
        ::fcntl(ends[0], F_SETFL, 0);
        struct ::sigaction action {};
        action.sa_handler = [](int) {
            const int before = errno;
            static_cast<void>(!::write(ends[1], "", 1));
            errno = before;
        };
        action.sa_flags = SA_RESTART;
        ::sigaction(number, &action, nullptr);
    }
    void take() override {
        std::array<char, 256> bytes{};
        const auto got = ::read(ends[0], bytes.data(), bytes.size());
        for (ssize_t i = 0; i < got; ++i) count();
    }
    static inline std::array<int, 2> ends{};
};

struct SetWait final : Way {
    explicit SetWait(int number) : signals({number}) {}
    void take() override {
        if (signals.wait().number != 0) count();
    }
    daemonkit::SignalSet signals;
};

struct SetCallback final : Way {
    explicit SetCallback(int number) : signals({number}) {
        signals.on(number, [this] { count(); });
    }
    void take() override { signals.dispatch(signals.wait()); }
    daemonkit::SignalSet signals;
};

struct SetInEpoll final : Way {
    explicit SetInEpoll(int number) : signals({number}), queue(epoll_of(signals.native_handle())) {}
    void take() override {
        ::epoll_event event{};
        if (::epoll_wait(queue, &event, 1, -1) != 1) return;
        while (signals.poll()) count();
    }
    daemonkit::SignalSet signals;
    int queue;
};

#if DAEMONKIT_BENCH_ASIO
struct Asio final : Way {
    explicit Asio(int number) : signals(loop, number) { wait(); }
    void wait() {
        signals.async_wait([this](const asio::error_code&, int) {
            count();
            wait();
        });
    }
    void take() override { loop.run_one(); }
    asio::io_context loop{1};
    asio::signal_set signals;
};
#endif

#if DAEMONKIT_BENCH_LIBUV
struct Libuv final : Way {
    explicit Libuv(int number) {
        ::uv_loop_init(&loop);
        ::uv_signal_init(&loop, &handle);
        handle.data = this;
        ::uv_signal_start(
            &handle, [](uv_signal_t* each, int) { static_cast<Libuv*>(each->data)->count(); },
            number);
    }
    void take() override { ::uv_run(&loop, UV_RUN_ONCE); }
    ::uv_loop_t loop{};
    ::uv_signal_t handle{};
};
#endif

struct Contender {
    std::string name;
    std::unique_ptr<Way> (*make)(int number);
};

template <class Kind>
Contender contender(const char* name) {
    return {name,
            [](int number) -> std::unique_ptr<Way> { return std::make_unique<Kind>(number); }};
}

std::vector<Contender> contenders() {
    return {
        contender<Signalfd>(bench::raw), contender<SetCallback>(bench::daemonkit_itself),
            contender<SetWait>("SignalSet::wait"), contender<SetInEpoll>("SignalSet in epoll"),
            contender<SignalfdInEpoll>("signalfd in epoll"), contender<Sigwait>("sigwaitinfo"),
            contender<PlainPipe>("self-pipe by hand"),
#if DAEMONKIT_BENCH_ASIO
            contender<Asio>("Asio"),
#endif
#if DAEMONKIT_BENCH_LIBUV
            contender<Libuv>("libuv"),
#endif
    };
}

void tell_absent([[maybe_unused]] Figure& figure) {
#if !DAEMONKIT_BENCH_ASIO
    figure.remark("Asio", "not installed");
#endif
#if !DAEMONKIT_BENCH_LIBUV
    figure.remark("libuv", "not installed");
#endif
}

// -- the measuring ------------------------------------------------------------------------------------------------------

/// What sender and receiver share.
struct Board {
    std::atomic<bool> ready{false};
    std::atomic<bool> over{false};
    std::atomic<std::int64_t> taken_at{0};
    std::atomic<int> taken{0};
    std::atomic<std::int64_t> spent{0};
};

/// Sender and receiver on different processors: on one, what is measured is the scheduler's mood.
void run_on(unsigned processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor % static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)), &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

class Receiver {
public:
    /// A process that takes signals by `body(way, board)`.
    template <class Body>
    Receiver(const Contender& contender, int number, Body body)
        : board_(new (::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Board) {
        std::fflush(stdout);
        pid_ = ::fork();
        if (pid_ != 0) return;
        run_on(1);
        {
            const auto way = contender.make(number);
            way->taken_at = &board_->taken_at;
            way->taken = &board_->taken;
            body(*way, *board_);
        }
        ::_exit(0);
    }
    ~Receiver() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::munmap(board_, sizeof(Board));
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    pid_t pid() const { return pid_; }
    Board& board() { return *board_; }

private:
    Board* board_;
    pid_t pid_ = 0;
};

void take_for_ever(Way& way, Board& board) {
    board.ready = true;
    for (;;) way.take();
}

/// Microseconds, the median of some signals.
double measure_latency(const Contender& contender, int count) {
    std::vector<double> times;
    Receiver receiver(contender, SIGUSR1, take_for_ever);
    Board& board = receiver.board();
    while (!board.ready) ::sched_yield();
    for (int i = 0; i < count; ++i) {
        const ::timespec pause{0, 200'000};  // the receiver sleeps again
        ::nanosleep(&pause, nullptr);
        const int before = board.taken;
        const auto sent = now_ns();
        ::kill(receiver.pid(), SIGUSR1);
        while (board.taken == before) continue;
        times.push_back(static_cast<double>(board.taken_at - sent) / 1000);
    }
    return bench::median(times);
}

/// Nanoseconds of one signal.
double measure_cost(const Contender& contender, int count) {
    Receiver receiver(contender, SIGUSR1, [count](Way& way, Board& board) {
        const pid_t self = ::getpid();
        const auto before = spent_ns();
        for (int i = 0; i < count; ++i) {
            ::kill(self, SIGUSR1);
            while (board.taken <= i) way.take();
        }
        board.spent = spent_ns() - before;
        board.ready = true;
    });
    while (!receiver.board().ready) ::sched_yield();
    return static_cast<double>(receiver.board().spent) / count;
}

struct Flood {
    double delivered = 0;
    double per_second = 0;
};

Flood measure_flood(const Contender& contender, int count) {
    Receiver receiver(contender, SIGRTMIN + 1, take_for_ever);
    Board& board = receiver.board();
    while (!board.ready) ::sched_yield();
    const auto begun = Clock::now();
    for (int i = 0; i < count; ++i) {
        sigval value{};
        value.sival_int = i;
        while (::sigqueue(receiver.pid(), SIGRTMIN + 1, value) != 0) ::sched_yield();
    }
    auto last = now_ns();
    while (board.taken < count && now_ns() - last < 500'000'000) {
        if (board.taken_at > last) last = board.taken_at;
        ::sched_yield();
    }
    const std::chrono::duration<double> took = Clock::now() - begun;
    return {100.0 * board.taken / count, board.taken / took.count() / 1000};
}

/// How often this process has stopped running: to wait, or for another one.
long switches() {
    ::rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return used.ru_nvcsw;
}

/// A way to get to a time of the clock.
struct Ticker {
    Ticker() = default;
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;
    virtual ~Ticker() = default;
    virtual void wait_until(Clock::time_point time) = 0;
};

struct ClockNanosleep final : Ticker {
    void wait_until(Clock::time_point time) override {
        const std::int64_t at = time.time_since_epoch().count();
        const ::timespec until{at / 1'000'000'000, at % 1'000'000'000};
        ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
};

struct SetTicker final : Ticker {
    void wait_until(Clock::time_point time) override { signals.wait_until(time); }
    daemonkit::SignalSet signals{SIGTERM};
};

/// Sleeps for what a tick lasts, as it is often written.
struct SleepFor final : Ticker {
    void wait_until(Clock::time_point) override { std::this_thread::sleep_for(5ms); }
};

#if DAEMONKIT_BENCH_ASIO
struct AsioTicker final : Ticker {
    void wait_until(Clock::time_point time) override {
        timer.expires_at(time);
        timer.async_wait([](const asio::error_code&) {});
        loop.restart();
        loop.run_one();
    }
    asio::io_context loop{1};
    asio::steady_timer timer{loop};
};
#endif

struct Ticks {
    double late_ms = 0;  ///< how late the last one was
    double wakeups = 0;  ///< of one
};

Ticks measure_ticks(Ticker& ticker, int count) {
    const long before = switches();
    auto next = Clock::now();
    for (int tick = 0; tick < count; ++tick) {
        const auto end_of_work = Clock::now() + 1ms;
        while (Clock::now() < end_of_work) continue;
        ticker.wait_until(next += 5ms);
    }
    const std::chrono::duration<double, std::milli> late = Clock::now() - next;
    return {late.count(), static_cast<double>(switches() - before) / count};
}

}  // namespace

TEST_CASE("Signals: from kill to callback, the receiver asleep", "[bench][signals]") {
    run_on(0);
    Figure figure("signal_latency", "us");
    const auto all = contenders();
    for (int round = bench::rounds(30); round > 0; --round)
        for (const auto& each : all) figure.add(each.name, measure_latency(each, 100));
    tell_absent(figure);
}

TEST_CASE("Signals: what one signal costs its process", "[bench][signals]") {
    Figure figure("signal_cost", "ns");
    const auto all = contenders();
    for (int round = bench::rounds(20); round > 0; --round)
        for (const auto& each : all) figure.add(each.name, measure_cost(each, 10'000));
    tell_absent(figure);
}

TEST_CASE("Signals: a flood of real-time signals", "[bench][signals]") {
    const ::rlimit pending{10'000, 10'000};
    ::setrlimit(RLIMIT_SIGPENDING, &pending);
    Figure arrive("signal_flood", "%");
    Figure speed("signal_flood_speed", "1000/s");
    const auto all = contenders();
    for (int round = bench::rounds(3); round > 0; --round) {
        for (const auto& each : all) {
            const Flood flood = measure_flood(each, 50'000);
            arrive.add(each.name, flood.delivered);
            speed.add(each.name, flood.per_second);
        }
    }
    tell_absent(arrive);
    tell_absent(speed);
}

TEST_CASE("Ticks: drift and wake-ups", "[bench][ticks]") {
    Figure late("tick_late", "ms");
    Figure wakeups("tick_wakeups", "a tick");
    std::vector<std::pair<std::string, std::unique_ptr<Ticker>>> all;
    all.emplace_back(bench::raw, std::make_unique<ClockNanosleep>());
    all.emplace_back(bench::daemonkit_itself, std::make_unique<SetTicker>());
    all.emplace_back("sleep_for", std::make_unique<SleepFor>());
#if DAEMONKIT_BENCH_ASIO
    all.emplace_back("Asio", std::make_unique<AsioTicker>());
#else
    late.remark("Asio", "not installed");
    wakeups.remark("Asio", "not installed");
#endif
    for (int round = bench::rounds(5); round > 0; --round) {
        for (const auto& [name, ticker] : all) {
            const Ticks ticks = measure_ticks(*ticker, 200);
            late.add(name, ticks.late_ms);
            wakeups.add(name, ticks.wakeups);
        }
    }
}

// SPDX-License-Identifier: MIT
// SignalSet with every system call failing: an Error that says so, and the process is as it was.
#include <daemonkit/signal_set.hpp>

#include <daemonkit/detail/cloexec_pipe_fcntl.hpp>
#include <daemonkit/detail/signal_mask_guard.hpp>

#include "catch.hpp"
#include "fault/fail_syscall.hpp"
#include "not_tested.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;

namespace {

int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
    return count;
}

bool is_default(int number) {
    struct ::sigaction now {};
    ::sigaction(number, nullptr, &now);
    return now.sa_handler == SIG_DFL;
}

bool is_blocked(int number) {
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, number) == 1;
}

void change_mask(int how, std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) sigaddset(&set, number);
    ::sigprocmask(how, &set, nullptr);
}

template <class Action>
void with_another_thread(Action action) {
    std::atomic<bool> over{false};
    std::thread other([&] {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        while (!over) std::this_thread::yield();
    });
    action();
    over = true;
    other.join();
}

template <class Action>
std::optional<Error> error_of(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("SignalSet: each system call that fails in the making is named, and nothing has changed",
          "[signal_set][fault][unit]") {
    struct Case {
        const char* call;
        std::uint32_t occurrence;
        int error;
        const char* subject;
    };
    const auto cases = std::vector<Case>{
        {"pthread_atfork", 1, ENOMEM, "fork handlers"},  // first: it is made once in a process
        {"pipe2", 1, EMFILE, "self-pipe"},
        {"sigaction", 1, EINVAL, "SIGUSR1"},
        {"sigaction", 2, EINVAL, "SIGUSR2"},
        {"pthread_sigmask", 1, EINVAL, "signal mask"},
        {"pthread_sigmask", 2, EINVAL, "signal mask"},
    };
    change_mask(SIG_BLOCK, {SIGUSR1, SIGUSR2});
    const int before = open_descriptors();
    for (const auto& each : cases) {
        CAPTURE(each.call, each.occurrence);
        const Fault fault(each.call, each.occurrence, each.error);
        const auto error = error_of([] { const SignalSet signals({SIGUSR1, SIGUSR2}); });
        CHECK(fault.hits() == 1);
        REQUIRE(error);
        CHECK(error->step() == Step::watch_signals);
        CHECK(error->subject() == each.subject);
        CHECK(error->code().value() == each.error);
        CHECK(is_default(SIGUSR1));
        CHECK(is_default(SIGUSR2));
        CHECK(is_blocked(SIGUSR1));
        CHECK(is_blocked(SIGUSR2));
        CHECK(open_descriptors() == before);
    }
    change_mask(SIG_UNBLOCK, {SIGUSR1, SIGUSR2});
}

TEST_CASE("SignalSet: a wait that is interrupted goes on, one that cannot be made says so",
          "[signal_set][fault][unit]") {
    SignalSet signals({SIGUSR1});
    const auto check_that = [&](const char* call) {
        CAPTURE(call);
        for (const int refusal : {EINTR, ENOMEM, EINVAL}) {
            const Fault fault(call, 1, refusal);
            CHECK_FALSE(signals.wait_for(5ms));
            CHECK(fault.hits() == 1);
        }
        {
            const Fault fault(call, 1, ENOMEM, Repeat::for_good);
            const auto error = error_of([&] { signals.wait_for(5ms); });
            CHECK(fault.hits() == 20);
            REQUIRE(error);
            CHECK(error->step() == Step::watch_signals);
            CHECK(error->code().value() == ENOMEM);
        }
        ::raise(SIGUSR1);
        CHECK(signals.wait().number == SIGUSR1);
    };
    if (detail::can_accept_signals()) check_that("sigtimedwait");
    with_another_thread([&] {
        CHECK_FALSE(detail::can_accept_signals());
        check_that("ppoll");
    });
}

TEST_CASE("SignalSet: a stop from a handler that runs as the sleep begins is not overslept",
          "[signal_set][fault][unit]") {
    static SignalSet* stopped = nullptr;
    SignalSet signals({SIGUSR1});
    stopped = &signals;
    struct ::sigaction stop {};
    struct ::sigaction before {};
    stop.sa_handler = [](int) { stopped->stop(); };
    ::sigaction(SIGUSR2, &stop, &before);
    fault::before_call = [](const char* name) {
        using namespace std::string_view_literals;
        if (name == "sigtimedwait"sv || name == "ppoll"sv) ::raise(SIGUSR2);
    };
    const auto begin = std::chrono::steady_clock::now();
    const auto woken = signals.wait_for(10s);
    fault::before_call = nullptr;
    ::sigaction(SIGUSR2, &before, nullptr);
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    REQUIRE(woken);
    CHECK(woken->number == 0);
}

TEST_CASE("SignalSet: a wait whose mask cannot be changed is refused like one that cannot be made",
          "[signal_set][fault][unit]") {
    if (!detail::can_accept_signals())
        return daemonkit::testkit::not_tested("signals come by handler alone here");
    SignalSet signals({SIGUSR1});
    for (const std::uint32_t occurrence : {1U, 2U}) {
        const Fault fault("pthread_sigmask", occurrence, EINVAL);
        CHECK_FALSE(signals.wait_for(5ms));
        CHECK(fault.hits() == 1);
    }
    ::raise(SIGUSR1);
    CHECK(signals.wait().number == SIGUSR1);
}

TEST_CASE("SignalSet: a pipe that cannot be emptied is told when there is nothing else to tell",
          "[signal_set][fault][unit]") {
    SignalSet signals({SIGUSR1});
    signals.native_handle();
    ::raise(SIGUSR1);
    {
        const Fault fault("read", 1, EIO, Repeat::for_good);
        CHECK(signals.poll());
        const auto error = error_of([&] { signals.poll(); });
        REQUIRE(error);
        CHECK(error->step() == Step::watch_signals);
        CHECK(error->subject() == "self-pipe");
        CHECK(error->code().value() == EIO);
    }
    for (const int passing : {EINTR, EAGAIN}) {
        const Fault fault("read", 1, passing);
        CHECK_FALSE(signals.poll());
        CHECK(fault.hits() == 1);
    }
}

TEST_CASE("SignalSet: a handler that cannot write to its pipe still keeps the signal",
          "[signal_set][fault][unit]") {
    SignalSet signals({SIGUSR1});
    signals.native_handle();  // somebody listens, so that it does write
    const Fault fault("write", 1, EAGAIN);
    errno = EDOM;
    ::raise(SIGUSR1);
    CHECK(errno == EDOM);
    CHECK(fault.hits() == 1);
    CHECK(signals.wait().number == SIGUSR1);
}

TEST_CASE("SignalSet: a child without a free descriptor says so, and can try again",
          "[signal_set][fault][unit]") {
    SignalSet signals({SIGUSR1});
    detail::signal_delivery.process = 1;  // as a new process finds it
    detail::signal_handlers_after_fork();
    {
        const Fault fault("pipe2", 1, EMFILE);
        const auto error = error_of([&] { signals.native_handle(); });
        REQUIRE(error);
        CHECK(error->step() == Step::watch_signals);
        CHECK(error->subject() == "self-pipe");
    }
    ::raise(SIGUSR1);
    CHECK(signals.wait().number == SIGUSR1);
}

TEST_CASE("SignalSet: replaced says when it cannot tell", "[signal_set][fault][unit]") {
    const SignalSet signals({SIGUSR1});
    const Fault fault("sigaction", 1, EINVAL);
    CHECK_THROWS_AS(signals.replaced(SIGUSR1), Error);
}

TEST_CASE("cloexec_pipe: where a flag cannot be set, neither end stays open",
          "[cloexec_pipe][fault][unit]") {
    const int before = open_descriptors();
    for (const char* const call : {"pipe", "fcntl_setfd", "fcntl_setfl"}) {
        for (const std::uint32_t occurrence : {1U, 2U}) {
            CAPTURE(call, occurrence);
            const Fault fault(call, occurrence, EBADF);
            int ends[2];
            const auto made = detail::cloexec_pipe_fcntl::cloexec_pipe(ends, O_NONBLOCK);
            if (fault.hits() == 0) {  // there is one call of pipe
                REQUIRE(made);
                ::close(ends[0]);
                ::close(ends[1]);
                continue;
            }
            CHECK(made.error == EBADF);
            CHECK(open_descriptors() == before);
        }
    }
}

TEST_CASE("SignalMaskGuard: a mask that cannot be changed is an Error of the step given",
          "[signal_mask_guard][fault][unit]") {
    const Fault fault("pthread_sigmask", 1, EINVAL);
    const auto error = error_of([] { const detail::SignalMaskGuard guard(Step::reset_signals); });
    REQUIRE(error);
    CHECK(error->step() == Step::reset_signals);
    CHECK(error->subject() == "signal mask");
}

TEST_CASE("SignalMaskGuard: a mask that could not be restored is restored at the end",
          "[signal_mask_guard][fault][unit]") {
    {
        detail::SignalMaskGuard guard;
        const Fault fault("pthread_sigmask", 1, EINVAL);
        CHECK_THROWS_AS(guard.restore(), Error);
        CHECK(is_blocked(SIGUSR1));
    }
    CHECK_FALSE(is_blocked(SIGUSR1));
}

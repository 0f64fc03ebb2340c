// SPDX-License-Identifier: MIT
#include <daemonkit/detail/signal_mask_guard.hpp>

#include "catch.hpp"

#include <cerrno>
#include <csignal>
#include <type_traits>
#include <vector>

using daemonkit::detail::SignalMaskGuard;

static_assert(!std::is_copy_constructible_v<SignalMaskGuard>);
static_assert(!std::is_move_constructible_v<SignalMaskGuard>);

namespace {

std::vector<int> blocked() {
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    std::vector<int> numbers;
    for (int number = 1; number <= SIGRTMAX; ++number)
        if (sigismember(&mask, number) == 1) numbers.push_back(number);
    return numbers;
}

sigset_t set_of(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) sigaddset(&set, number);
    return set;
}

// The mask of a test, and nothing of it afterwards.
struct Mask {
    explicit Mask(std::initializer_list<int> numbers) {
        const sigset_t set = set_of(numbers);
        ::sigprocmask(SIG_SETMASK, &set, &before);
    }
    ~Mask() { ::sigprocmask(SIG_SETMASK, &before, nullptr); }
    sigset_t before;
};

}  // namespace

TEST_CASE("SignalMaskGuard: every signal waits in the scope, and the mask found is back after it",
          "[signal_mask_guard][unit]") {
    const Mask mask({SIGUSR2, SIGRTMIN + 2});
    const auto found = blocked();
    {
        const SignalMaskGuard guard;
        CHECK(blocked().size() >= 60);
        CHECK(sigismember(&guard.previous(), SIGUSR2) == 1);
        CHECK(sigismember(&guard.previous(), SIGUSR1) == 0);
    }
    CHECK(blocked() == found);
}

TEST_CASE("SignalMaskGuard: the signals given wait beside those that do already",
          "[signal_mask_guard][unit]") {
    const Mask mask({SIGUSR2});
    {
        const SignalMaskGuard guard(set_of({SIGHUP, SIGTERM}));
        CHECK(blocked() == std::vector<int>{SIGHUP, SIGUSR2, SIGTERM});
    }
    CHECK(blocked() == std::vector<int>{SIGUSR2});
}

TEST_CASE("SignalMaskGuard: a signal sent in the scope arrives at its end",
          "[signal_mask_guard][unit]") {
    static volatile std::sig_atomic_t arrived = 0;
    arrived = 0;
    const auto before = std::signal(SIGUSR1, [](int) { arrived = 1; });
    {
        const SignalMaskGuard guard;
        ::raise(SIGUSR1);
        CHECK(arrived == 0);
    }
    CHECK(arrived == 1);
    std::signal(SIGUSR1, before);
}

TEST_CASE("SignalMaskGuard: restored early, it leaves the mask alone afterwards",
          "[signal_mask_guard][unit]") {
    const Mask mask({SIGUSR2});
    {
        SignalMaskGuard guard;
        guard.restore();
        CHECK(blocked() == std::vector<int>{SIGUSR2});
        const sigset_t own = set_of({SIGHUP});
        ::sigprocmask(SIG_SETMASK, &own, nullptr);
        CHECK(guard.try_restore().error == 0);
        CHECK(blocked() == std::vector<int>{SIGHUP});
    }
    CHECK(blocked() == std::vector<int>{SIGHUP});
}

TEST_CASE("SignalMaskGuard: released, it leaves everything blocked", "[signal_mask_guard][unit]") {
    const Mask mask({});
    {
        SignalMaskGuard guard;
        guard.release();
    }
    CHECK(blocked().size() >= 60);
}

TEST_CASE("SignalMaskGuard: its end leaves no trace in errno", "[signal_mask_guard][unit]") {
    {
        const SignalMaskGuard guard;
        errno = EDOM;
    }
    CHECK(errno == EDOM);
}

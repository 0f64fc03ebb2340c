// SPDX-License-Identifier: MIT
// A deadline on a clock that is set would come an hour early, or late.
// refused: must not move

#include <daemonkit/signal_set.hpp>

#include <chrono>

void wait_a_second(daemonkit::SignalSet& signals);
void wait_a_second(daemonkit::SignalSet& signals) {
#ifdef MISUSE
    using Clock = std::chrono::system_clock;
#else
    using Clock = std::chrono::steady_clock;
#endif
    static_cast<void>(signals.wait_until(Clock::now() + std::chrono::seconds(1)));
}

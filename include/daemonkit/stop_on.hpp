// SPDX-License-Identifier: MIT
#pragma once
// StopOn: a std::stop_token stops a SignalSet. Floor 5. Empty where the standard library has no stop tokens.
//
// A header of its own: <stop_token> would cost every program that includes signal_set.hpp, and few have tokens.

#include <daemonkit/signal_set.hpp>

#include <version>

#ifdef __cpp_lib_jthread

#include <stop_token>
#include <utility>  // std::move

namespace daemonkit {

/// As long as this exists, a request to stop ends every wait of the set, at once.
///
/// <!-- region: examples/guide/stop_token.cpp stop_token -->
///
///     std::jthread worker([](const std::stop_token& token) {
///         daemonkit::SignalSet signals({SIGHUP});
///         const daemonkit::StopOn stopping(signals, token);
///         while (signals.wait().number != 0) reload();
///     });
///
/// Undo:     the destructor unties them; a set that was stopped stays so.
/// Threads:  the request may come from any.
class StopOn {
public:
    /// From now on the set is stopped when the token is; both at once where it is already.
    StopOn(SignalSet& signals, std::stop_token token)
        : callback_(std::move(token), Stop{signals}) {}
    StopOn(const StopOn&) = delete;
    StopOn& operator=(const StopOn&) = delete;

private:
    struct Stop {
        SignalSet& signals;
        void operator()() const noexcept { signals.stop(); }
    };
    std::stop_callback<Stop> callback_;
};

}  // namespace daemonkit

#endif

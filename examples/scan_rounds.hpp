// SPDX-License-Identifier: MIT
#pragma once
// All targets of a configuration, one after the other, in rounds, with reloads in between. No part of the library: copy
// it, and change it.
#include <daemonkit/reload.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/signal_set.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <system_error>

#include "settings.hpp"

namespace scan_rounds {

/// `scan(configuration, target)` of each; one that fails is no reason to end. It returns false when a signal waits.
template <class Config, class Log, class Scan>
void scan_all(const Config& config, const Log& log, const Scan& scan) {
    for (const auto& target : config.targets) {
        try {
            if (!scan(config, target)) return;
        } catch (const std::system_error& failure) {
            log.write(daemonkit::Severity::error,
                      target.name + ": the scan failed: " + failure.what());
        }
    }
}

/// The configuration is the new one, or stays when that is bad, with a line in the log for each mistake.
template <class Config, class Log>
void reload(daemonkit::Reloadable<Config>& config, const Log& log) {
    const auto failure = config.reload();
    for (const auto& line : settings::split(failure.value_or(""), "\n"))
        log.write(daemonkit::Severity::error, line);
    log.write(daemonkit::Severity::notice, failure ? "the old configuration stays" : "reloaded");
}

/// A round at once, and one each interval, until a signal ends it; SIGHUP reloads, and a new round begins.
template <class Config, class Log, class Scan, class AfterReload>
void run(daemonkit::Reloadable<Config>& config, daemonkit::SignalSet& signals, const Log& log,
         const Scan& scan, const AfterReload& after_reload) {
    using Clock = std::chrono::steady_clock;
    for (auto next = Clock::now();;) {
        const auto signal = signals.wait_until(next);
        if (!signal) {
            const auto now = config.get();  // one round, one configuration
            scan_all(*now, log, scan);
            next = std::max(next + now->interval, Clock::now());
        } else if (signal->number == SIGHUP) {
            reload(config, log);
            after_reload();
            next = Clock::now();  // also when a round was cut short by this
        } else {
            return;
        }
    }
}

}  // namespace scan_rounds

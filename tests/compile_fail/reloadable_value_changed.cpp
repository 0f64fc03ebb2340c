// SPDX-License-Identifier: MIT
// What other threads read at this moment is replaced whole, never changed.
// refused: (read-only object|const-qualified type)

#include <daemonkit/reload.hpp>

struct Config {
    int interval = 1;
};

int faster(daemonkit::Reloadable<Config>& config);
int faster(daemonkit::Reloadable<Config>& config) {
    const auto now = config.get();
#ifdef MISUSE
    now->interval = 2;
#endif
    return now->interval;
}

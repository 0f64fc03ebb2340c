// SPDX-License-Identifier: MIT
// Two guards of one reload would tell its end twice, perhaps once as a success and once as a failure.
// refused: (deleted function|deleted constructor)

#include <daemonkit/reload.hpp>

void hand_on(daemonkit::ReloadGuard& first);
void hand_on(daemonkit::ReloadGuard& first) {
#ifdef MISUSE
    daemonkit::ReloadGuard second(static_cast<daemonkit::ReloadGuard&&>(first));
#else
    daemonkit::ReloadGuard& second = first;
#endif
    second.succeed();
}

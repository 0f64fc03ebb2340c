// SPDX-License-Identifier: MIT
// The block in which a context lives is the daemon; there is nowhere to move it to.
// refused: (deleted function|deleted constructor)

#include <daemonkit/context.hpp>

void hand_on(daemonkit::DaemonContext& first);
void hand_on(daemonkit::DaemonContext& first) {
#ifdef MISUSE
    daemonkit::DaemonContext second(static_cast<daemonkit::DaemonContext&&>(first));
#else
    daemonkit::DaemonContext& second = first;
#endif
    second.close();
}

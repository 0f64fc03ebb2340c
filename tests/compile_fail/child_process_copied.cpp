// SPDX-License-Identifier: MIT
// Two owners of one child would wait for it twice, the second time perhaps for a stranger.
// refused: (deleted function|deleted constructor)

#include <daemonkit/child_process.hpp>

void hand_on(daemonkit::ChildProcess& first);
void hand_on(daemonkit::ChildProcess& first) {
#ifdef MISUSE
    daemonkit::ChildProcess second(first);
#else
    daemonkit::ChildProcess& second = first;
#endif
    static_cast<void>(second.poll());
}

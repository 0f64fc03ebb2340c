// SPDX-License-Identifier: MIT
// Two sets of the same signals would each restore the dispositions, in whatever order they go.
// refused: (deleted function|deleted constructor)

#include <daemonkit/signal_set.hpp>

void hand_on(daemonkit::SignalSet& first);
void hand_on(daemonkit::SignalSet& first) {
#ifdef MISUSE
    daemonkit::SignalSet second(first);
#else
    daemonkit::SignalSet& second = first;
#endif
    static_cast<void>(second.poll());
}

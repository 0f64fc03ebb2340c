// SPDX-License-Identifier: MIT
// Two owners of one lock would remove the pid file twice, the second time perhaps a successor's.
// refused: (deleted function|deleted constructor)

#include <daemonkit/pid_lock.hpp>

void hand_on(daemonkit::PidLock& first);
void hand_on(daemonkit::PidLock& first) {
#ifdef MISUSE
    daemonkit::PidLock second(first);
#else
    daemonkit::PidLock second(static_cast<daemonkit::PidLock&&>(first));
#endif
    second.release();
}

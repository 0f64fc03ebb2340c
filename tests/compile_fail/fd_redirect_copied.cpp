// SPDX-License-Identifier: MIT
// Two owners of one redirection would put the stream back twice.
// refused: (deleted function|deleted constructor)

#include <daemonkit/fd_redirect.hpp>

void redirect(daemonkit::FdRedirect& first);
void redirect(daemonkit::FdRedirect& first) {
#ifdef MISUSE
    daemonkit::FdRedirect second(first);
#else
    daemonkit::FdRedirect& second = first;
#endif
    second.release();
}

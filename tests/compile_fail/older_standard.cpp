// SPDX-License-Identifier: MIT
// A compiler's own default may be C++17; its complaints about the headers do not say so.
// misuse: -std=c++17
// refused: daemonkit needs C\+\+20

#include <daemonkit/context.hpp>

void start();
void start() { daemonkit::DaemonContext daemon; }

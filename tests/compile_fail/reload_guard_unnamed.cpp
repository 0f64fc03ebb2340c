// SPDX-License-Identifier: MIT
// A guard without a name would begin and end the reload in one expression, before anything was reloaded.
// refused: deleted (member )?function

#include <daemonkit/reload.hpp>

void reload(daemonkit::ReloadListener& listener);
void reload(daemonkit::ReloadListener& listener) {
#ifdef MISUSE
    daemonkit::ReloadGuard(listener).succeed();
#else
    daemonkit::ReloadGuard guard(listener);
    guard.succeed();
#endif
}

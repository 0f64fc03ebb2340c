// SPDX-License-Identifier: MIT
// The journal leaves a field out whose name it does not take, and says nothing.
// refused: is named with A-Z|not a constant expression|call to consteval function

#include <daemonkit/journal_sink.hpp>

void log_sensor(const daemonkit::JournalSink& log);
void log_sensor(const daemonkit::JournalSink& log) {
#ifdef MISUSE
    log.write(daemonkit::Severity::info, "hot", {{"sensor", "2"}});
#else
    log.write(daemonkit::Severity::info, "hot", {{"SENSOR", "2"}});
#endif
}

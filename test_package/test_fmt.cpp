// SPDX-License-Identifier: MIT
#include <daemonkit/fmt.hpp>
#include <daemonkit/stderr_sink.hpp>
#include <daemonkit/version.hpp>

int main() {
    daemonkit::StderrSink sink;
    daemonkit::log(sink, daemonkit::Severity::info, "daemonkit {}, with fmt {}", daemonkit::version,
                   FMT_VERSION);
}

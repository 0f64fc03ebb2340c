// SPDX-License-Identifier: MIT
// The program of the ways that bring {fmt} along.

#include <daemonkit/fmt.hpp>
#include <daemonkit/stderr_sink.hpp>
#include <daemonkit/version.hpp>

int main() {
    daemonkit::StderrSink sink;
    daemonkit::log(sink, daemonkit::Severity::info, "daemonkit {}, {{fmt}} {}", daemonkit::version,
                   FMT_VERSION);
}

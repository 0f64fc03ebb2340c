// SPDX-License-Identifier: MIT
// DaemonContext as a program uses it: what the kernel shows in the daemon, and what the launcher tells.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"

#include <csignal>
#include <string>

using namespace daemonkit;
using namespace daemonkit::testkit;

TEST_CASE("DaemonContext: a helper that a start leaves behind may end without being taken for it",
          "[context][process]") {
    const DaemonFiles files;
    DaemonStart start(files.start({"--orphan-in-init", "--init-ms", "100"}));
    CHECK(why_not_up(start, files) == "");
}

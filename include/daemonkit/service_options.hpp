// SPDX-License-Identifier: MIT
#pragma once
// ServiceOptions: what a service is, and how it is controlled. Floor 2.

#include <daemonkit/context_options.hpp>
#include <daemonkit/control_socket_options.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/stop_schedule.hpp>
#include <daemonkit/timeout.hpp>

#include <functional>
#include <optional>
#include <string>

namespace daemonkit {

/// What a service is. Every field but the name has a default.
struct ServiceOptions {
    /// One word: it stands before messages, and names the runtime directory.
    std::string name;

    /// The daemon. Without a `pid_file` it is NAME.pid in the runtime directory; `ready_when` is always
    /// ReadyWhen::notified, which the first wait of the body sees to.
    DaemonOptions daemon = {};

    /// How `stop` ends the daemon.
    StopSchedule stop = {};

    /// The control socket; with an empty path it is `control` in the runtime directory. Absent: there is none, `reload`
    /// is SIGHUP and its outcome unknown.
    std::optional<ControlSocketOptions> control = ControlSocketOptions{};

    /// How long the daemon may take for what it is asked, a reload for example.
    Timeout answer_timeout = Timeout::seconds(30);

    /// Throws when a start would fail: a configuration that cannot be read, say. `restart` asks it before it stops
    /// anything.
    std::function<void()> check = {};

    /// What service managers have to know beside all this; the verb `print-unit` prints their files. Absent: there is no
    /// such verb.
    std::optional<ServiceDefinition> definition = {};
};

}  // namespace daemonkit

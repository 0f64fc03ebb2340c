// SPDX-License-Identifier: MIT
#pragma once
// The scripts of a service for init, OpenRC, s6 and runit. Floor 4.
//
// The verbs of the program are those of an init script already, statuses included; the scripts only pass them on.

#include <daemonkit/detail/definition_words.hpp>
#include <daemonkit/detail/service_layout.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>

#include <cerrno>
#include <string>

namespace daemonkit::detail {

/// The program and its arguments as a shell writes them, without a verb.
inline std::string shell_command(const ServiceDefinition& definition) {
    std::string command = shell_word(definition.program);
    for (const std::string& argument : definition.arguments) command += ' ' + shell_word(argument);
    return command;
}

/// /etc/init.d/NAME
///
/// Source:   Linux Standard Base 5.0, Core, 22.2 "Init Script Actions", 22.3 "Comment Conventions".
inline std::string define_init_script(const ServiceOptions& options,
                                      const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    const std::string program = shell_command(definition);
    return "#!/bin/sh\n"
           "### BEGIN INIT INFO\n"
           "# Provides:          " +
           options.name +
           "\n"
           "# Required-Start:    $remote_fs $syslog\n"
           "# Required-Stop:     $remote_fs $syslog\n"
           "# Should-Start:      $network\n"
           "# Should-Stop:       $network\n"
           "# Default-Start:     2 3 4 5\n"
           "# Default-Stop:      0 1 6\n"
           "# Short-Description: " +
           one_line_of(definition.description) +
           "\n"
           "### END INIT INFO\n"
           "set -u\n"
           "program() { " +
           program +
           " \"$@\"; }\n"
           "case ${1-} in\n"
           "    start|stop|restart|reload|status) program \"$1\" ;;\n"
           "    try-restart) program status >/dev/null || exit 0; program restart ;;\n"
           "    force-reload) program status >/dev/null || exit 0; program reload ;;\n"
           "    *) echo \"usage: $0 start|stop|restart|try-restart|reload|force-reload|status\" "
           ">&2; exit 2 ;;\n"
           "esac\n";
}

/// /etc/init.d/NAME of OpenRC
///
/// Source:   openrc-run(8).
inline std::string define_openrc(const ServiceOptions& options,
                                 const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    return "#!/sbin/openrc-run\n"
           "description=" +
           shell_word(definition.description) +
           "\n"
           "extra_started_commands=\"reload\"\n"
           "program() { " +
           shell_command(definition) +
           " \"$@\"; }\n"
           "depend() {\n"
           "    need localmount\n"
           "    use net logger\n"
           "}\n"
           "start() {\n"
           "    ebegin \"Starting $RC_SVCNAME\"\n"
           "    program start\n"
           "    eend $?\n"
           "}\n"
           "stop() {\n"
           "    ebegin \"Stopping $RC_SVCNAME\"\n"
           "    program stop\n"
           "    eend $?\n"
           "}\n"
           "reload() {\n"
           "    ebegin \"Reloading $RC_SVCNAME\"\n"
           "    program reload\n"
           "    eend $?\n"
           "}\n"
           "status() { program status; }\n";
}

/// `run` of a service directory, for s6 and for runit: both want a program that stays in the foreground.
///
/// Source:   s6-supervise(1), runsv(8).
inline std::string define_run_script(const ServiceOptions& options,
                                     const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    return "#!/bin/sh\nexec 2>&1\nexec " + shell_command(definition) + " run\n";
}

/// `notification-fd` of an s6 service directory: where the daemon tells that it is ready.
///
/// Errors:   Step::validate_options without a DaemonOptions::notification_fd.
inline std::string define_notification_fd(const ServiceOptions& options,
                                          const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    if (!options.daemon.notification_fd)
        throw Error(Step::validate_options, "notification_fd", EINVAL,
                    "the daemon tells no supervisor that it is ready");
    return std::to_string(*options.daemon.notification_fd) + '\n';
}

/// `check` of a runit service directory: `sv start` waits until it ends with 0.
///
/// Source:   sv(8).
inline std::string define_runit_check(const ServiceOptions& options,
                                      const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    return "#!/bin/sh\nexec " + shell_command(definition) + " wait-ready >/dev/null\n";
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// The units of a service for systemd, and the files that make its user and its folders. Floor 4.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/definition_words.hpp>
#include <daemonkit/detail/limit_name.hpp>
#include <daemonkit/detail/service_layout.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>

#include <csignal>  // SIGTERM
#include <cstdint>
#include <string>

#include <sys/resource.h>  // RLIM_INFINITY

namespace daemonkit::detail {

/// The lines of a unit.
class UnitText {
public:
    void section(const char* name) {
        text_ += (text_.empty() ? "[" : "\n[") + std::string(name) + "]\n";
    }
    void remark(const std::string& text) { text_ += "# " + text + '\n'; }
    void line(const char* key, const std::string& value) {
        text_ += key + ("=" + value);
        // At the end of a line it would join the next one; a blank there is no part of the value.
        if (!value.empty() && value.back() == '\\') text_ += ' ';
        text_ += '\n';
    }
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// The command line of the program, with this verb.
inline std::string systemd_command(const ServiceDefinition& definition, const char* verb) {
    std::string command = systemd_word(definition.program);  // there, `$` is no variable
    for (const std::string& argument : definition.arguments)
        command += ' ' + systemd_argument(argument);
    return command + ' ' + verb;
}

/// systemd.time(7), to the millisecond, and at least one: zero would be for ever.
inline std::string systemd_time(Timeout time) {
    const auto milliseconds = time.in_milliseconds();
    return std::to_string(milliseconds > 0 ? milliseconds : 1) + "ms";
}

inline std::string systemd_limit(rlim_t limit) {
    return limit == RLIM_INFINITY ? "infinity" : std::to_string(limit);
}

/// The homes and the temporary files of others are out of sight, unless the service has something there.
///
/// Source:   systemd.exec(5) "ProtectHome=", "PrivateTmp=".
inline void add_hidden_folders(UnitText& unit, const ServiceLayout& layout) {
    const std::string* const at_home = layout.named_in({"/home", "/root", "/run/user"});
    if (at_home != nullptr)
        unit.remark("Not hidden: the service has " + one_line_of(*at_home) + ".");
    unit.line("ProtectHome", at_home != nullptr ? "read-only" : "yes");

    const std::string* const in_tmp = layout.named_in({"/tmp", "/var/tmp"});
    if (in_tmp == nullptr) return unit.line("PrivateTmp", "yes");
    unit.remark("Not PrivateTmp=: the service has " + one_line_of(*in_tmp) + ".");
    unit.line("ReadWritePaths", "/tmp -/var/tmp");
}

/// What the service may not do, which a service of its kind has no use for.
inline void add_hardening(UnitText& unit, const ServiceOptions& options,
                          const ServiceLayout& layout, bool is_root) {
    add_hidden_folders(unit, layout);
    for (const char* const protection :
         {"PrivateDevices", "ProtectClock", "ProtectHostname", "ProtectKernelLogs",
          "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups",
          "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality",
          "MemoryDenyWriteExecute"})
        unit.line(protection, "yes");
    unit.line("ProtectSystem", "strict");
    unit.line("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6");
    unit.line("SystemCallArchitectures", "native");
    unit.line("SystemCallFilter",
              std::string("@system-service") + (options.daemon.chroot_directory ? " chroot" : ""));
    unit.line("SystemCallErrorNumber", "EPERM");
    for (const std::string& folder : layout.others)
        unit.line("ReadWritePaths", systemd_word(folder));

    const auto& privileges = options.daemon.privileges;
    std::string kept;
    if (privileges.capabilities) {
        for (const int capability : *privileges.capabilities)
            kept += (kept.empty() ? "CAP_" : " CAP_") + capability_word(capability);
    }
    if (layout.starts_as_root) {
        // What the program needs to become another user, and to make its files first.
        unit.line("CapabilityBoundingSet",
                  "CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_DAC_OVERRIDE CAP_CHOWN CAP_FOWNER"
                  " CAP_KILL CAP_SYS_CHROOT" +
                      (kept.empty() ? "" : ' ' + kept));
    } else if (!is_root || privileges.capabilities) {
        unit.line("CapabilityBoundingSet", kept);
        if (!kept.empty() && !is_root) unit.line("AmbientCapabilities", kept);
    }
    if (!layout.starts_as_root) unit.line("NoNewPrivileges", "yes");
}

/// NAME.service
///
/// Source:   systemd.service(5), systemd.exec(5), systemd.resource-control(5).
inline std::string define_systemd_service(const ServiceOptions& options,
                                          const ServiceDefinition& definition) {
    const auto layout = ServiceLayout::of(options, definition);
    const DaemonOptions& daemon = options.daemon;
    const bool is_root = !daemon.privileges.user;
    UnitText unit;
    unit.section("Unit");
    unit.line("Description", systemd_value(definition.description));
    if (!definition.sockets.empty()) {
        unit.line("Requires", options.name + ".socket");
        unit.line("After", options.name + ".socket");
    }
    unit.line("After", "network.target");

    unit.section("Service");
    unit.line("Type", "notify");
    unit.line("ExecStart", systemd_command(definition, "run"));
    unit.line("ExecReload", systemd_command(definition, "reload"));
    unit.line("TimeoutStartSec", systemd_time(daemon.ready_timeout));
    if (!options.stop.steps.empty()) {
        const StopStep& first = options.stop.steps.front();
        unit.line("KillSignal", signal_word(first.signal));
        unit.line("TimeoutStopSec", systemd_time(first.wait));
    }
    unit.line("KillMode", "mixed");
    unit.line("Restart", "on-failure");
    unit.line("RestartPreventExitStatus", "64 75 77 78");  // another try would end as this one
    if (definition.watchdog) unit.line("WatchdogSec", systemd_time(*definition.watchdog));
    if (!is_root && !layout.starts_as_root) {
        unit.line("User", systemd_value(*daemon.privileges.user));
        if (daemon.privileges.group) unit.line("Group", systemd_value(*daemon.privileges.group));
    }
    unit.line("RuntimeDirectory", options.name);
    if (layout.has_state) unit.line("StateDirectory", options.name);
    if (layout.has_cache) unit.line("CacheDirectory", options.name);
    if (layout.has_logs) unit.line("LogsDirectory", options.name);
    unit.line("UMask", octal(daemon.umask));
    for (const auto& [name, value] : daemon.environment.set)
        unit.line("Environment", systemd_word(std::string(name).append("=").append(value)));
    for (const ResourceLimit& limit : daemon.limits) {
        if (const char* const name = limit_name(limit.resource))
            unit.line(("Limit" + std::string(name)).c_str(),
                      systemd_limit(limit.soft) + ':' + systemd_limit(limit.hard));
    }
    if (daemon.core_dumps == CoreDumps::prevent) unit.line("LimitCORE", "0");
    if (definition.memory_limit) unit.line("MemoryMax", std::to_string(*definition.memory_limit));
    if (definition.task_limit) unit.line("TasksMax", std::to_string(*definition.task_limit));
    if (definition.processor_percent)
        unit.line("CPUQuota", std::to_string(*definition.processor_percent) + '%');
    add_hardening(unit, options, layout, is_root);

    unit.section("Install");
    unit.line("WantedBy", "multi-user.target");
    return unit.text();
}

/// NAME.socket
///
/// Errors:   Step::validate_options when the service has no sockets.
/// Source:   systemd.socket(5).
inline std::string define_systemd_socket(const ServiceOptions& options,
                                         const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    if (definition.sockets.empty())
        throw Error(Step::validate_options, "definition.sockets", EINVAL,
                    "the service has no sockets");
    UnitText unit;
    unit.section("Unit");
    unit.line("Description", systemd_value(definition.description + " (sockets)"));
    unit.section("Socket");
    // One name for all sockets of a unit: more than one name needs more than one unit.
    const std::string& name = definition.sockets.front().name;
    for (const ListenSocket& socket : definition.sockets) {
        if (socket.name != name)
            throw Error(Step::validate_options, "definition.sockets", EINVAL,
                        "the sockets of one unit have one name");
        unit.line("ListenStream", systemd_value(socket.address));
    }
    if (!name.empty()) unit.line("FileDescriptorName", systemd_value(name));
    unit.section("Install");
    unit.line("WantedBy", "sockets.target");
    return unit.text();
}

}  // namespace daemonkit::detail

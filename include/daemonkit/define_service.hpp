// SPDX-License-Identifier: MIT
#pragma once
// define_service: the files of a service for service managers, from the options that the program itself uses. Floor 5.

#include <daemonkit/detail/define_accounts.hpp>
#include <daemonkit/detail/define_apparmor.hpp>
#include <daemonkit/detail/define_launchd.hpp>
#include <daemonkit/detail/define_scripts.hpp>
#include <daemonkit/detail/define_systemd.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit {

/// A file of a service manager, by its name among the words of `print-unit`.
enum class DefinitionKind : std::uint8_t {
    systemd,          ///< NAME.service
    socket,           ///< NAME.socket of systemd
    sysusers,         ///< sysusers.d/NAME.conf: the user and the group
    tmpfiles,         ///< tmpfiles.d/NAME.conf: the folders
    apparmor,         ///< apparmor.d/NAME
    init_script,      ///< init.d/NAME with the comments of LSB
    openrc,           ///< init.d/NAME of OpenRC
    s6_run,           ///< `run` of an s6 service directory
    s6_notification,  ///< `notification-fd` there
    runit_run,        ///< `run` of a runit service directory
    runit_check,      ///< `check` there
    launchd,          ///< LaunchDaemons/NAME.plist
};

/// A kind, and the word for it on a command line.
struct DefinitionWord {
    DefinitionKind kind;  ///< what is defined
    const char* word;     ///< as `define` takes it
};

/// Every kind and its word.
inline constexpr DefinitionWord definition_words[] = {
    {DefinitionKind::systemd, "systemd"},
    {DefinitionKind::socket, "socket"},
    {DefinitionKind::sysusers, "sysusers"},
    {DefinitionKind::tmpfiles, "tmpfiles"},
    {DefinitionKind::apparmor, "apparmor"},
    {DefinitionKind::init_script, "init-script"},
    {DefinitionKind::openrc, "openrc"},
    {DefinitionKind::s6_run, "s6-run"},
    {DefinitionKind::s6_notification, "s6-notification-fd"},
    {DefinitionKind::runit_run, "runit-run"},
    {DefinitionKind::runit_check, "runit-check"},
    {DefinitionKind::launchd, "launchd"},
};

/// The kind that the word means; nothing for a word that means none.
inline std::optional<DefinitionKind> definition_kind(std::string_view word) noexcept {
    for (const auto& each : definition_words)
        if (word == each.word) return each.kind;
    return {};
}

/// The text of the file: what the options of the service say, and nothing that could differ from them.
///
/// Where it can, the manager makes the user and the folders and starts the program as that user; a service with a new
/// root, or files where only root may make them, is started as root and drops its rights by itself, as anywhere else.
///
/// Errors:   Step::validate_options: a relative path, a control character, a kind that the service has no use for.
/// Threads:  any.
inline std::string define_service(DefinitionKind kind, const ServiceOptions& options,
                                  const ServiceDefinition& definition) {
    switch (kind) {
        case DefinitionKind::systemd: return detail::define_systemd_service(options, definition);
        case DefinitionKind::socket: return detail::define_systemd_socket(options, definition);
        case DefinitionKind::sysusers: return detail::define_sysusers(options, definition);
        case DefinitionKind::tmpfiles: return detail::define_tmpfiles(options, definition);
        case DefinitionKind::apparmor: return detail::define_apparmor(options, definition);
        case DefinitionKind::init_script: return detail::define_init_script(options, definition);
        case DefinitionKind::openrc: return detail::define_openrc(options, definition);
        case DefinitionKind::s6_run:
        case DefinitionKind::runit_run: return detail::define_run_script(options, definition);
        case DefinitionKind::s6_notification:
            return detail::define_notification_fd(options, definition);
        case DefinitionKind::runit_check: return detail::define_runit_check(options, definition);
        case DefinitionKind::launchd: break;
    }
    return detail::define_launchd(options, definition);
}

}  // namespace daemonkit

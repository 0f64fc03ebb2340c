// SPDX-License-Identifier: MIT
#pragma once
// The files by which systemd-sysusers makes the user of a service, and systemd-tmpfiles its folders. Floor 4.

#include <daemonkit/detail/definition_words.hpp>
#include <daemonkit/detail/service_layout.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>

#include <optional>
#include <string>

namespace daemonkit::detail {

/// True for a name; an id in digits is nobody's to make.
inline bool is_account_name(const std::optional<std::string>& text) noexcept {
    return text && text->find_first_not_of("0123456789") != std::string::npos;
}

/// NAME.conf in sysusers.d: the user and the group, where they have names.
///
/// Source:   sysusers.d(5).
inline std::string define_sysusers(const ServiceOptions& options,
                                   const ServiceDefinition& definition) {
    static_cast<void>(ServiceLayout::of(options, definition));
    const auto& privileges = options.daemon.privileges;
    std::string text = "# The user and the group of " + options.name + ".\n";
    if (is_account_name(privileges.group) && privileges.group != privileges.user)
        text += "g " + one_line_of(*privileges.group) + " -\n";
    if (is_account_name(privileges.user)) {
        std::string words = definition.description;
        for (char& each : words)
            if (each == ':') each = ',';  // it ends the field of passwd(5)
        const bool has_group = privileges.group && privileges.group != privileges.user;
        text += "u " + one_line_of(*privileges.user) +
                (has_group ? " -:" + *privileges.group : " -") + " \"" +
                with_escapes(systemd_value(words), "\"\\", '\\') + "\"\n";
    }
    return text;
}

/// NAME.conf in tmpfiles.d: the folders, for starts that are not systemd's own.
///
/// Source:   tmpfiles.d(5).
inline std::string define_tmpfiles(const ServiceOptions& options,
                                   const ServiceDefinition& definition) {
    const auto layout = ServiceLayout::of(options, definition);
    const auto& privileges = options.daemon.privileges;
    const std::string owner = privileges.user.value_or("root");
    const std::string group = privileges.group.value_or(privileges.user ? "-" : "root");
    // The runtime directory is root's, who starts the service; the rest is for the service to write to.
    std::string text =
        "# The folders of " + options.name + ".\nd /run/" + options.name + " 0755 root root -\n";
    const auto add = [&](const std::string& folder) {
        text += "d " + systemd_word(folder) + " 0750 " + systemd_word(owner) + ' ' +
                systemd_word(group) + " -\n";
    };
    if (layout.has_state) add("/var/lib/" + options.name);
    if (layout.has_cache) add("/var/cache/" + options.name);
    if (layout.has_logs) add("/var/log/" + options.name);
    return text;
}

}  // namespace daemonkit::detail

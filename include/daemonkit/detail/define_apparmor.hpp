// SPDX-License-Identifier: MIT
#pragma once
// The AppArmor profile of a service. Floor 4.

#include <daemonkit/detail/definition_words.hpp>
#include <daemonkit/detail/service_layout.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>

#include <string>

namespace daemonkit::detail {

/// `setuid` for CAP_SETUID, as apparmor.d(5) has it.
inline std::string apparmor_capability(int number) {
    std::string name = capability_word(number);
    for (char& each : name)
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    return name;
}

/// /etc/apparmor.d/NAME: what the library itself needs, and the folders of the options. What else the program opens is
/// for its author to add.
///
/// Source:   apparmor.d(5).
inline std::string define_apparmor(const ServiceOptions& options,
                                   const ServiceDefinition& definition) {
    const auto layout = ServiceLayout::of(options, definition);
    const auto& privileges = options.daemon.privileges;
    std::string text = "abi <abi/3.0>,\n\ninclude <tunables/global>\n\nprofile " + options.name +
                       ' ' + apparmor_path(definition.program) +
                       " {\n"
                       "    include <abstractions/base>\n"
                       "    include <abstractions/nameservice>\n\n";
    const auto rule = [&](const std::string& what) { text += "    " + what + ",\n"; };
    if (privileges.user) {
        for (const char* const needed : {"setuid", "setgid", "setpcap"})
            rule(std::string("capability ") + needed);
    }
    if (options.daemon.chroot_directory) rule("capability sys_chroot");
    if (privileges.capabilities) {
        for (const int each : *privileges.capabilities)
            rule("capability " + apparmor_capability(each));
    }
    rule(
        "unix (create, bind, listen, accept, connect, send, receive, getattr, setattr, getopt, "
        "setopt, shutdown)");
    rule("signal (send, receive) peer=" + options.name);
    rule("signal (receive) peer=unconfined");
    rule(apparmor_path(definition.program) + " mrix");
    rule("owner @{PROC}/@{pid}/{stat,status,fd/,fdinfo/*,task/,task/*/comm} r");
    rule("/dev/null rw");
    const auto folder = [&](const std::string& path) {
        rule(apparmor_path(path + "/") + " rw");
        // A quoted path may end in a pattern that is not quoted away.
        std::string below = apparmor_path(path + "/");
        below.insert(below.size() - 1, "**");
        rule(below + " rwk");
    };
    folder("/run/" + options.name);
    if (layout.has_state) folder("/var/lib/" + options.name);
    if (layout.has_cache) folder("/var/cache/" + options.name);
    if (layout.has_logs) folder("/var/log/" + options.name);
    for (const std::string& file : layout.files) rule(apparmor_path(file) + " rwk");
    for (const std::string& other : layout.others) folder(other);
    return text + "}\n";
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// The property list of a service for launchd. Floor 4.

#include <daemonkit/detail/definition_words.hpp>
#include <daemonkit/detail/service_layout.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>

#include <string>

namespace daemonkit::detail {

/// /Library/LaunchDaemons/NAME.plist
///
/// Source:   launchd.plist(5).
inline std::string define_launchd(const ServiceOptions& options,
                                  const ServiceDefinition& definition) {
    const auto layout = ServiceLayout::of(options, definition);
    const auto& daemon = options.daemon;
    const auto string = [](const std::string& text) {
        return "<string>" + xml_text(text) + "</string>";
    };
    const auto entry = [](const char* key, const std::string& value) {
        return "    <key>" + std::string(key) + "</key>\n    " + value + '\n';
    };
    std::string arguments = "<array>\n        " + string(definition.program) + '\n';
    for (const std::string& argument : definition.arguments)
        arguments += "        " + string(argument) + '\n';
    arguments += "        <string>run</string>\n    </array>";

    std::string text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
        "<plist version=\"1.0\">\n<dict>\n";
    text += entry("Label", string(options.name));
    text += entry("ProgramArguments", arguments);
    text += entry("RunAtLoad", "<true/>");
    text += entry("KeepAlive",
                  "<dict>\n        <key>SuccessfulExit</key>\n        <false/>\n    </dict>");
    if (daemon.privileges.user && !layout.starts_as_root) {
        text += entry("UserName", string(*daemon.privileges.user));
        if (daemon.privileges.group) text += entry("GroupName", string(*daemon.privileges.group));
    }
    text += entry("Umask", "<integer>" + std::to_string(daemon.umask) + "</integer>");
    if (!options.stop.steps.empty()) {
        const auto seconds = (options.stop.steps.front().wait.in_milliseconds() + 999) / 1000;
        text += entry("ExitTimeOut", "<integer>" + std::to_string(seconds) + "</integer>");
    }
    return text + "</dict>\n</plist>\n";
}

}  // namespace daemonkit::detail

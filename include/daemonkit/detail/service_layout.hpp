// SPDX-License-Identifier: MIT
#pragma once
// ServiceLayout: where a service writes, and whether it needs root for that. Floor 3.

#include <daemonkit/error.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>
#include <string>
#include <variant>
#include <vector>

namespace daemonkit::detail {

/// The folders of a service, as its options name them.
struct ServiceLayout {
    bool has_state = false;                ///< it writes to /var/lib/NAME
    bool has_cache = false;                ///< to /var/cache/NAME
    bool has_logs = false;                 ///< to /var/log/NAME
    std::vector<std::string> others = {};  ///< and to these
    std::vector<std::string> files =
        {};  ///< the files among what it writes to, each with its folder above

    /// True when the program has to be root at first, and gives that up by itself: a new root, or a file where only root
    /// may make one.
    bool starts_as_root = false;

    /// Errors:   Step::validate_options.
    static ServiceLayout of(const ServiceOptions& options, const ServiceDefinition& definition) {
        ServiceLayout layout;
        const auto& daemon = options.daemon;
        require_absolute("definition.program", definition.program);
        if (options.name.empty() || options.name.front() == '.' ||
            options.name.find_first_not_of(name_characters) != std::string::npos)
            throw Error(Step::validate_options, "name", EINVAL,
                        "letters, digits, -, _ and . make the name of a service");
        for (const auto* const target : {&daemon.out, &daemon.err}) {
            if (const auto* const file = std::get_if<AppendTo>(target))
                layout.add_file("a stream", file->path, options.name);
        }
        if (daemon.pid_file) layout.add_file("pid_file", *daemon.pid_file, options.name);
        if (options.control && !options.control->path.empty())
            layout.add_file("control", options.control->path, options.name);
        if (daemon.chroot_directory) layout.starts_as_root = true;
        for (const std::string& folder : definition.writable) {
            require_absolute("definition.writable", folder);
            layout.add_folder(folder, options.name);
        }
        if (!daemon.privileges.user) layout.starts_as_root = false;  // it stays what it is
        return layout;
    }

private:
    static constexpr const char* name_characters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    static void require_absolute(const char* option, const std::string& path) {
        if (path.empty() || path.front() != '/')
            throw Error(Step::validate_options, option, EINVAL,
                        "a definition needs absolute paths, not \"" + path + '"');
    }

    void add_file(const char* option, const std::string& path, const std::string& name) {
        require_absolute(option, path);
        if (path.rfind("/dev/", 0) == 0) return;
        files.push_back(path);
        const auto slash = path.rfind('/');
        if (!add_folder(slash == 0 ? "/" : path.substr(0, slash), name)) starts_as_root = true;
    }

    /// False when no service manager makes the folder for the service.
    bool add_folder(const std::string& folder, const std::string& name) {
        if (folder == "/run/" + name || folder == "/var/run/" + name) return true;
        if (folder == "/var/lib/" + name) return has_state = true;
        if (folder == "/var/cache/" + name) return has_cache = true;
        if (folder == "/var/log/" + name) return has_logs = true;
        for (const std::string& known : others)
            if (known == folder) return false;
        others.push_back(folder);
        return false;
    }
};

}  // namespace daemonkit::detail

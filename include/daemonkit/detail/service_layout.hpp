// SPDX-License-Identifier: MIT
#pragma once
// ServiceLayout: where a service writes, and whether it needs root for that. Floor 3.

#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>
#include <initializer_list>
#include <string>
#include <string_view>
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

    /// The absolute paths that the options and the command line name, for reading as well.
    std::vector<std::string> named = {};

    /// The first of them in one of the folders; null when there is none. By their text alone: the unit is for another
    /// machine as well, where links lead elsewhere.
    const std::string* named_in(std::initializer_list<std::string_view> folders) const noexcept {
        for (const std::string& path : named)
            for (const std::string_view folder : folders)
                if (lies_in(path, folder)) return &path;
        return nullptr;
    }

    /// True when the program has to be root at first, and gives that up by itself: a new root, or a file where only root
    /// may make one.
    bool starts_as_root = false;

    /// Errors:   Step::validate_options.
    static ServiceLayout of(const ServiceOptions& options, const ServiceDefinition& definition) {
        ServiceLayout layout;
        const auto& daemon = options.daemon;
        require_absolute("definition.program", definition.program);
        layout.add_named(definition.program);
        for (const std::string& argument : definition.arguments) {
            const auto value = argument.find("=/");  // --config=/etc/thermod.conf
            layout.add_named(value == argument.npos ? argument : argument.substr(value + 1));
        }
        // What is named inside a new root lies in that.
        layout.add_named(daemon.chroot_directory.value_or(daemon.working_directory));
        if (daemon.privileges.paths && !daemon.chroot_directory)
            for (const PathRule& rule : *daemon.privileges.paths) layout.add_named(rule.path);
        if (const auto* const input = std::get_if<ReadFrom>(&daemon.in))
            layout.add_named(input->path);
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
            layout.add_named(folder);
            layout.add_folder(folder, options.name);
        }
        if (!daemon.privileges.user) layout.starts_as_root = false;  // it stays what it is
        return layout;
    }

private:
    static constexpr const char* name_characters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    /// The folder itself lies in it as well. Slashes that are too many, and `.`, do not count.
    static bool lies_in(std::string_view path, std::string_view folder) noexcept {
        while (!folder.empty()) {
            const std::string_view wanted = take_name(folder);
            if (take_name(path) != wanted) return false;
        }
        return true;
    }

    /// The first name of the path, which is taken off it; empty at the end.
    static std::string_view take_name(std::string_view& path) noexcept {
        for (;;) {
            const auto start = path.find_first_not_of('/');
            path.remove_prefix(start == path.npos ? path.size() : start);
            const std::string_view name = path.substr(0, path.find('/'));
            path.remove_prefix(name.size());
            if (name != ".") return name;
        }
    }

    void add_named(const std::string& path) {
        if (!path.empty() && path.front() == '/') named.push_back(path);
    }

    static void require_absolute(const char* option, const std::string& path) {
        if (path.empty() || path.front() != '/')
            throw Error(Step::validate_options, option, EINVAL,
                        "a definition needs absolute paths, not \"" + path + '"');
    }

    void add_file(const char* option, const std::string& path, const std::string& name) {
        require_absolute(option, path);
        if (path.rfind("/dev/", 0) == 0) return;
        add_named(path);
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

// SPDX-License-Identifier: MIT
#pragma once
// ServiceFiles: where a service's pid file and control socket are. Floor 6.

#include <daemonkit/detail/absolute_path.hpp>
#include <daemonkit/runtime_directory.hpp>
#include <daemonkit/service_options.hpp>

#include <string>

namespace daemonkit::detail {

/// The files by which a service is found.
struct ServiceFiles {
    std::string pid_file;
    std::string control;  ///< empty: it has no control socket
};

/// The files in a folder of the service's that `directory` names, unless the options name others.
template <class Directory>
ServiceFiles service_files(const ServiceOptions& options, Directory directory) {
    std::string folder;
    const auto in_folder = [&](const std::string& name) {
        if (folder.empty()) folder = directory(options.name) + "/";
        return folder + name;
    };
    ServiceFiles files;
    files.pid_file = options.daemon.pid_file ? absolute_path(*options.daemon.pid_file)
                                             : in_folder(options.name + ".pid");
    if (options.control) {
        files.control = options.control->path.empty() ? in_folder("control")
                                                      : absolute_path(options.control->path);
    }
    return files;
}

/// For who looks for the daemon; nothing is made.
///
/// Errors:   Step::runtime_directory, Step::resolve_path.
inline ServiceFiles find_service_files(const ServiceOptions& options) {
    return service_files(options, find_runtime_directory);
}

/// For the daemon; its folder is there and safe.
///
/// Errors:   Step::runtime_directory, Step::resolve_path.
inline ServiceFiles make_service_files(const ServiceOptions& options) {
    return service_files(options, runtime_directory);
}

}  // namespace daemonkit::detail

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

/// Errors:   Step::runtime_directory, Step::resolve_path.
inline ServiceFiles find_service_files(const ServiceOptions& options) {
    std::string folder;
    const auto in_folder = [&](const std::string& name) {
        if (folder.empty()) folder = runtime_directory(options.name) + "/";
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

}  // namespace daemonkit::detail

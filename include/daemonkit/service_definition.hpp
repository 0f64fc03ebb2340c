// SPDX-License-Identifier: MIT
#pragma once
// ServiceDefinition: what a service manager has to know of a service, and the service itself need not. Floor 1.

#include <daemonkit/timeout.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace daemonkit {

/// A socket that a service manager opens for a service, which takes it over by ListenFds.
struct ListenSocket {
    std::string address;    ///< as ListenStream= has it: a port, an address with a port, or a path
    std::string name = {};  ///< FileDescriptorName=; absent: the service's
};

/// What a service manager has to know of a service beside its ServiceOptions; see `define_service`.
struct ServiceDefinition {
    std::string description;                  ///< one line for people
    std::string program;                      ///< the absolute path of the executable
    std::vector<std::string> arguments = {};  ///< what stands before the verb on its command line
    std::vector<ListenSocket> sockets = {};   ///< opened by the manager; empty: none

    /// Folders that the service writes to, beside those of its DaemonOptions.
    std::vector<std::string> writable = {};

    std::optional<std::uint64_t> memory_limit = {};  ///< bytes; above them the service is ended
    std::optional<std::uint64_t> task_limit = {};    ///< processes and threads
    std::optional<unsigned> processor_percent = {};  ///< of one processor: 200 is two
    std::optional<Timeout> watchdog =
        {};  ///< how long it may give no sign of life; its body has a Watchdog then
};

}  // namespace daemonkit

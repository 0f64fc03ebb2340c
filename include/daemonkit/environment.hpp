// SPDX-License-Identifier: MIT
#pragma once
// Environment: the environment variables that a daemon, or a program it runs, is to have. Floor 0.

#include <cstdint>
#include <string>
#include <utility>  // std::pair
#include <vector>

namespace daemonkit {

/// Which of the caller's environment variables are passed on.
enum class InheritedEnvironment : std::uint8_t {
    keep,         ///< all
    only_listed,  ///< those that are named, where they are set
};

/// An environment. A caller's PATH, LD_LIBRARY_PATH or secrets need not be passed on.
struct Environment {
    InheritedEnvironment inherited = InheritedEnvironment::keep;  ///< what stays of the caller's
    std::vector<std::string> listed = {};                         ///< names, for only_listed
    std::vector<std::pair<std::string, std::string>> set =
        {};  ///< names and values, set after that
};

}  // namespace daemonkit

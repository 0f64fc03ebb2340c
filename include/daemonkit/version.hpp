// SPDX-License-Identifier: MIT
#pragma once
// The version of the library. Floor 0. The one place where the number is written; CMake reads it from here.

/// Number of the interface; a change means that programs may have to be adapted.
#define DAEMONKIT_VERSION_MAJOR() 0
/// Number of the feature release.
#define DAEMONKIT_VERSION_MINOR() 1
/// Number of the correction.
#define DAEMONKIT_VERSION_PATCH() 0

namespace daemonkit {

/// The version as text, "major.minor.patch".
inline constexpr const char* version = "0.1.0";

}  // namespace daemonkit

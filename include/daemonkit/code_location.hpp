// SPDX-License-Identifier: MIT
#pragma once
// CodeLocation: the line of code that a message comes from. Floor 0.

namespace daemonkit {

/// A place in the program's source.
///
/// As std::source_location, which Clang 14 does not have.
struct CodeLocation {
    const char* file = "";      ///< as the compiler was given it
    unsigned line = 0;          ///< counted from 1
    const char* function = "";  ///< its name

    /// As a default argument of a function: where that is called.
    static constexpr CodeLocation current(const char* file = __builtin_FILE(),
                                          unsigned line = __builtin_LINE(),
                                          const char* function = __builtin_FUNCTION()) noexcept {
        return {file, line, function};
    }
};

}  // namespace daemonkit

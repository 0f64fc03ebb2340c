// SPDX-License-Identifier: MIT
#pragma once
// StreamTarget: where a standard stream leads. Floor 0. Plain values; fd_redirect.hpp acts on them.

#include <string>
#include <variant>

#include <sys/types.h>  // mode_t

namespace daemonkit {

/// One of the three standard descriptors.
enum class Stream : int {
    in = 0,   ///< descriptor 0
    out = 1,  ///< descriptor 1
    err = 2,  ///< descriptor 2
};

/// The word for a stream in messages: `stdin`, `stdout`, `stderr`.
constexpr const char* to_string(Stream stream) noexcept {
    switch (stream) {
        case Stream::in: return "stdin";
        case Stream::out: return "stdout";
        case Stream::err: return "stderr";
    }
    return "stream";
}

/// The null device when the process detaches; left as it is in the foreground.
///
/// A detached daemon must not hold the caller's terminal or pipe; a foreground process writes to what its
/// supervisor gave it.
struct DefaultTarget {};

/// The null device: reads give end-of-file, writes vanish.
struct NullDevice {};

/// The stream stays what it is.
///
/// A daemon that keeps a caller's pipe open holds up `$(program)` until the daemon ends.
struct Inherit {};

/// A file that is appended to, made if it does not exist.
struct AppendTo {
    std::string path;    ///< relative to the launcher's directory, before anything changes
    mode_t mode = 0640;  ///< of a file that is made; the umask in force at the opening is taken off
};

/// An existing file that is read from its start.
struct ReadFrom {
    std::string path;  ///< relative to the launcher's directory, before anything changes
};

/// A duplicate of an open descriptor, which stays open and stays the caller's.
struct Duplicate {
    int fd = -1;  ///< the descriptor to duplicate
};

/// Where a standard stream leads; exactly one of the alternatives.
using StreamTarget =
    std::variant<DefaultTarget, NullDevice, Inherit, AppendTo, ReadFrom, Duplicate>;

}  // namespace daemonkit

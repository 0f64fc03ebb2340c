// SPDX-License-Identifier: MIT
#pragma once
// ChildOptions: how a helper program is run. Floor 4.

#include <daemonkit/environment.hpp>
#include <daemonkit/stream_target.hpp>
#include <daemonkit/timeout.hpp>

#include <cstddef>  // std::size_t
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace daemonkit {

/// Is called with each line that a program prints, without its newline.
using LineSink = std::function<void(std::string_view)>;

/// Where a program's input comes from.
using ChildInput = std::variant<NullDevice, Inherit, ReadFrom, Duplicate>;

/// Where one of a program's outputs goes: to a stream target, or line by line to a function.
using ChildOutput = std::variant<NullDevice, Inherit, AppendTo, Duplicate, LineSink>;

/// How a helper program is run. Every field has a default; designated initializers name what differs.
struct ChildOptions {
    /// Its environment.
    Environment environment = {};

    /// The directory it runs in; absent: that of this process.
    std::optional<std::string> working_directory = {};

    /// Its standard input.
    ChildInput in = NullDevice{};

    /// Its standard output.
    ChildOutput out = NullDevice{};

    /// Its standard error.
    ChildOutput err = NullDevice{};

    /// A longer line comes to its LineSink in pieces of that many bytes: no program fills the memory of this one.
    std::size_t longest_line = 65'536;

    /// How long it may run; then its process group is ended. absent: for ever, and a helper that hangs holds up its
    /// caller.
    std::optional<Timeout> timeout = {};

    /// How long what is over gets to finish: after SIGTERM until SIGKILL, and after the end of a program that was not
    /// asked to end, for descendants that still hold its output.
    Timeout grace = Timeout::seconds(2);

    /// Its process group is ended, too, when this descriptor is readable: a SignalSet's that awaits the daemon's end.
    std::optional<int> end_when_readable = {};
};

}  // namespace daemonkit

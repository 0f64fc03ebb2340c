// SPDX-License-Identifier: MIT
#pragma once
// The standard streams of a program that is about to be started. Floor 5.

#include <daemonkit/child_options.hpp>
#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/cloexec_pipe.hpp>
#include <daemonkit/detail/open_target.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/stream_target.hpp>

#include <string>
#include <type_traits>  // std::is_same_v
#include <variant>

#include <fcntl.h>  // O_NONBLOCK

namespace daemonkit::detail {

/// The two ends of one of a program's outputs.
struct OutputEnds {
    UniqueFd program;  ///< what the program writes to
    UniqueFd own;      ///< what a LineReader reads; none where the output goes elsewhere
};

/// Opens one end of a stream for a program; a stream that is inherited is this process's own.
template <class Target>
UniqueFd open_for_program(Stream stream, const Target& target) {
    if constexpr (std::is_same_v<Target, Inherit>) {
        return open_target(stream, Duplicate{static_cast<int>(stream)});
    } else {
        return open_target(stream, target);
    }
}

/// Opens both ends of an output.
inline OutputEnds open_output(Stream stream, const ChildOutput& output,
                              const std::string& program) {
    OutputEnds ends;
    const auto open = [&](const auto& target) {
        using Target = std::decay_t<decltype(target)>;
        if constexpr (!std::is_same_v<Target, LineSink>) {
            ends.program = open_for_program(stream, target);
        } else if (!target) {
            ends.program = open_for_program(stream, NullDevice{});
        } else {
            int pipe[2];
            check(cloexec_pipe(pipe, 0), Step::start_child, program);
            ends.own.reset(pipe[0]);
            ends.program.reset(pipe[1]);
            check(above_standard(ends.own), Step::start_child, program);
            check(above_standard(ends.program), Step::start_child, program);
            // Of this end alone: the program's blocks, as programs expect.
            check(sys::fcntl_setfl(ends.own.get(), O_NONBLOCK), Step::start_child, program);
        }
    };
    std::visit(open, output);
    return ends;
}

}  // namespace daemonkit::detail

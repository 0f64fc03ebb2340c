// SPDX-License-Identifier: MIT
#pragma once
// LineReader: the reading end of a program's output. Floor 5.

#include <daemonkit/child_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/line_splitter.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string_view>
#include <utility>  // std::move

namespace daemonkit::detail {

/// Reads a pipe that never blocks, and calls a sink with each line.
class LineReader {
public:
    /// Without a pipe there is nothing to read, ever.
    LineReader(UniqueFd pipe, LineSink sink, std::size_t longest)
        : pipe_(std::move(pipe)), sink_(std::move(sink)), splitter_(longest) {}

    /// The pipe; -1 once its end was read.
    int fd() const noexcept { return pipe_.get(); }

    /// Delivers what is there: all that fits into a pipe at once, but not more, so that no writer holds it up.
    ///
    /// Errors:   Step::await_child on the pipe, which is closed then; and what the sink throws.
    void read() {
        constexpr std::size_t largest_pipe = std::size_t{1} << 20U;
        char bytes[16 * 1024];
        for (std::size_t room = largest_pipe; pipe_.is_open() && room > 0; room -= sizeof bytes) {
            const auto got = retry([&] { return sys::read(fd(), bytes, sizeof bytes); });
            // What a sink that has thrown has not been given yet comes now.
            if (got.error == EAGAIN) return splitter_.feed({}, sink_);
            if (got.error != 0 || got.value == 0) pipe_.reset();
            check(got, Step::await_child, "pipe");
            splitter_.feed({bytes, static_cast<std::size_t>(got.value)}, sink_);
        }
        if (!pipe_.is_open()) splitter_.finish(sink_);
    }

    /// Reads no more; delivers a last line that has no newline.
    void finish() {
        pipe_.reset();
        splitter_.finish(sink_);
    }

    /// What comes from now on goes nowhere.
    void discard() {
        sink_ = [](std::string_view) {};
    }

private:
    UniqueFd pipe_;
    LineSink sink_;
    LineSplitter splitter_;
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// LineSplitter: from bytes, as they come, to lines. Floor 0.

#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <utility>  // std::move

namespace daemonkit::detail {

/// Collects bytes and hands out lines without their newline; never holds more than one line of the longest size.
///
/// Where a line is longer, it comes in pieces of that size.
class LineSplitter {
public:
    explicit LineSplitter(std::size_t longest) : longest_(longest > 0 ? longest : 1) {}

    /// Calls `sink` with each line that is whole now; what is left of `bytes` when it throws is kept for later.
    template <class Sink>
    void feed(std::string_view bytes, Sink& sink) {
        waiting_ += bytes;
        deliver(sink);
    }

    /// Calls `sink` with what has no newline behind it, if there is such a rest.
    template <class Sink>
    void finish(Sink& sink) {
        deliver(sink);
        if (waiting_.empty()) return;
        const std::string rest = std::move(waiting_);
        waiting_.clear();
        sink(std::string_view(rest));
    }

private:
    /// Erases what was delivered, also when a sink throws: no line comes twice.
    struct Delivered {
        std::string& waiting;
        std::size_t size = 0;
        ~Delivered() { waiting.erase(0, size); }
    };

    template <class Sink>
    void deliver(Sink& sink) {
        Delivered delivered{waiting_};
        for (;;) {
            const auto rest = std::string_view(waiting_).substr(delivered.size);
            const bool is_long = rest.size() > longest_;
            const auto end = (is_long ? rest.substr(0, longest_ + 1) : rest).find('\n');
            if (end == std::string_view::npos && !is_long) return;
            const auto line = rest.substr(0, end != std::string_view::npos ? end : longest_);
            delivered.size += line.size() + (end != std::string_view::npos ? 1 : 0);
            sink(line);
        }
    }

    std::size_t longest_;
    std::string waiting_;
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// LogSink: what every place that messages go to has in common. Floor 0.

#include <daemonkit/severity.hpp>

#include <concepts>
#include <string_view>

namespace daemonkit {

/// A place that messages go to.
///
/// `is_enabled` is a few instructions, inline: worth asking before a text is made. `write` asks it by itself, takes
/// the text as data, never as a format, and neither throws nor changes errno: a message that cannot be delivered is
/// the sink's business, not that of the line of code that had something to say.
///
/// Threads:  both may be called from any thread.
template <class Sink>
concept LogSink = requires(Sink& sink, Severity severity, std::string_view text) {
    { sink.is_enabled(severity) }
    noexcept->std::same_as<bool>;
    { sink.write(severity, text) }
    noexcept;
};

}  // namespace daemonkit

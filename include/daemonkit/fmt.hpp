// SPDX-License-Identifier: MIT
#pragma once
// log: a formatted message to any sink, by {fmt} 9.1 or newer. Floor 6.
//
// The only header that includes fmt. Whoever includes this one links it: with CMake by `daemonkit::fmt` in the place of
// `daemonkit::daemonkit`, with pkg-config by `daemonkit-fmt` in the place of `daemonkit`.

#include <daemonkit/code_location.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/line_buffer.hpp>
#include <daemonkit/log_sink.hpp>
#include <daemonkit/severity.hpp>

#include <concepts>
#include <cstdlib>  // fmt 11 uses malloc and leaves it to others to declare that
#include <exception>
#include <string_view>
#include <type_traits>  // std::type_identity_t

#include <fmt/format.h>
#if FMT_VERSION < 90100
#error "daemonkit/fmt.hpp needs {fmt} 9.1 or newer"
#endif

namespace daemonkit {

/// A format that the compiler has checked against the types of its arguments, and where it stands.
template <class... Arguments>
class LogFormat {
public:
    /// Takes a constant text; one that does not fit the arguments does not compile.
    template <class Text>
    requires std::convertible_to<const Text&, fmt::string_view>
    consteval LogFormat(const Text& text,  // not explicit: "{} degrees" is a format
                        CodeLocation where = CodeLocation::current()) noexcept
        : format_(text), where_(where) {}

    /// A format that is known only as the program runs, as `fmt::runtime(text)`. What is wrong with it, the message tells.
    LogFormat(decltype(fmt::runtime("")) text,
              CodeLocation where = CodeLocation::current()) noexcept
        : format_(text), where_(where) {}

    /// The format.
    fmt::string_view text() const noexcept {
        if constexpr (requires { format_.get(); })  // since fmt 10; 12 deprecates the other
            return format_.get();
        else
            return format_;
    }
    /// The line of code that it stands in.
    const CodeLocation& where() const noexcept { return where_; }

private:
    fmt::format_string<Arguments...> format_;
    CodeLocation where_;
};

namespace detail {

/// The place goes along to a sink that has a use for it.
template <class Sink>
void write_from(Sink& sink, Severity severity, std::string_view text,
                const CodeLocation& where) noexcept {
    if constexpr (requires { sink.write(severity, text, where); })
        sink.write(severity, text, where);
    else
        sink.write(severity, text);
}

/// One for each kind of sink, whatever is formatted.
template <class Sink>
void write_formatted(Sink& sink, Severity severity, fmt::string_view format,
                     fmt::format_args arguments, const CodeLocation& where) noexcept {
    const ErrnoGuard keep_errno;
    const auto tell_failure = [&](const char* why) {
        LineBuffer line;
        line.append({format.data(), format.size()});
        line.append(" [not formatted: ");
        line.append(why);
        line.append(']');
        write_from(sink, severity, line.view(), where);
    };
    try {
        fmt::memory_buffer text;
        fmt::vformat_to(fmt::appender(text), format, arguments);
        write_from(sink, severity, {text.data(), text.size()}, where);
    } catch (const std::exception& failure) {
        tell_failure(failure.what());
    } catch (...) {
        tell_failure("something that is no std::exception was thrown");
    }
}

}  // namespace detail

/// The message is with the sink: `log(sink, Severity::info, "sensor {} is at {:.1f} degrees", number, degrees)`.
///
/// The format is checked when the program is compiled. Nothing is formatted where the sink does not take the severity;
/// and what takes up to 500 bytes needs no memory from the heap. A sink that can tell the line of code, as JournalSink,
/// is told that of the call.
///
/// Errors:   none: a formatter that throws makes the message `FORMAT [not formatted: REASON]`. errno is kept.
/// Threads:  as the sink: any.
template <LogSink Sink, class... Arguments>
void log(Sink& sink, Severity severity, LogFormat<std::type_identity_t<Arguments>...> format,
         Arguments&&... arguments) noexcept {
    if (!sink.is_enabled(severity)) return;
    detail::write_formatted(sink, severity, format.text(), fmt::make_format_args(arguments...),
                            format.where());
}

}  // namespace daemonkit

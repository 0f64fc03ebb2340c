// SPDX-License-Identifier: MIT
#pragma once
// service_main: a command line for a Service: PROGRAM VERB. Floor 9.

#include <daemonkit/define_service.hpp>
#include <daemonkit/service.hpp>
#include <daemonkit/service_result.hpp>
#include <daemonkit/service_status.hpp>

#include <cstdio>  // std::fprintf
#include <string>
#include <vector>

namespace daemonkit {

namespace detail {

/// A daemon's words as a terminal may have them: of control characters, newlines and tabs alone.
inline std::string shown(const std::string& text) {
    std::string all;
    for (const char byte : text) {
        if (byte == '\n' || byte == '\t')
            all += byte;
        else
            all += one_line(std::string(1, byte));
    }
    return all;
}

/// One line, to standard output when the verb has done its work; a status of its own when nobody could be told.
inline int tell_result(const ServiceOptions& options, const ServiceResult& result) {
    std::FILE* const stream = result.success() ? stdout : stderr;
    if (!result.text.empty())
        static_cast<void>(
            std::fprintf(stream, "%s: %s\n", options.name.c_str(), shown(result.text).c_str()));
    return result.exit_status;
}

/// What a program reads, and nothing else: a disk that is full is told by a status of its own.
inline int print_text(const std::string& text, int status,
                      int not_printed = static_cast<int>(ServiceExit::failed)) {
    const bool printed = std::fprintf(stdout, "%s\n", shown(text).c_str()) >= 0;
    const bool flushed = std::fflush(stdout) == 0;
    return printed && flushed ? status : not_printed;
}

/// In either form. A service that nobody could be told of is one of which nothing is known.
inline int print_status(const ServiceStatus& status, const std::string& text) {
    return print_text(text, exit_status(status), exit_status(ServiceStatus{}));
}

/// The file of a service manager, to standard output.
inline int print_unit(const ServiceOptions& options, const std::vector<std::string>& words) {
    const auto kind = definition_kind(words.size() > 1 ? words[1] : "systemd");
    if (words.size() > 2 || !kind) {
        std::string kinds;
        for (const auto& each : definition_words) kinds += std::string(" ") + each.word;
        return tell_result(options, {ServiceExit::wrong_use, "print-unit takes one of" + kinds});
    }
    try {
        std::string text = define_service(*kind, options, *options.definition);
        text.pop_back();  // print_text ends the last line
        return print_text(text, 0);
    } catch (const std::exception& failure) {
        return tell_result(options, {service_exit_of(failure), failure.what()});
    }
}

inline std::string service_usage(const ServiceOptions& options) {
    std::string text =
        "usage: " + options.name +
        " VERB\n"
        "  start            starts the daemon; returns when it is ready\n"
        "  stop             ends it; returns when it has ended\n"
        "  restart          both\n"
        "  reload           has it read its configuration again; returns with the outcome\n"
        "  status [--json]  tells what it is\n"
        "  wait-ready       returns when it is ready\n"
        "  run              the same in the foreground";
    if (options.definition)
        text +=
            "\n  print-unit [KIND]  prints the unit for systemd, or the file for another service "
            "manager";
    if (options.control)
        text += "\n  VERB [WORD]...   any other verb is the daemon's own; help lists them";
    return text;
}

}  // namespace detail

/// Does what the command line says, `PROGRAM VERB`, and returns the exit status for main.
///
/// <!-- region: examples/guide/smallest_service.cpp service -->
///
///     #include <daemonkit/service_main.hpp>
///
///     #include <chrono>
///     #include <cstdio>
///
///     int main(int argc, char** argv) {
///         using namespace std::chrono_literals;
///         const daemonkit::Service thermod({.name = "thermod"}, [](daemonkit::RunningService& service) {
///             while (!service.wait_for(5s)) {  // until it is to stop
///                 std::puts("21 degrees");
///                 std::fflush(stdout);  // so that a log has it at once
///             }
///         });
///         return daemonkit::service_main(thermod, argc, argv);
///     }
///
/// The verbs are those of Service; one that is none of them is asked of the running daemon. A program that has options
/// of its own takes them out of the arguments before.
///
/// Process:  as Service::start.
/// Errors:   none leaves. What cannot be a command line has exit status 2.
inline int service_main(const Service& service, int argc, const char* const* argv) {
    const ServiceOptions& options = service.options();
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const std::string verb = words.empty() ? "" : words.front();
    const auto is = [&](const char* name) { return verb == name && words.size() == 1; };
    const auto tell = [&](const ServiceResult& result) {
        return detail::tell_result(options, result);
    };
    const std::string usage = detail::service_usage(options);

    if (is("--help") || is("-h")) return detail::print_text(usage, 0);
    if (is("start")) return tell(service.start());
    if (is("run")) return tell(service.run());
    if (is("stop")) return tell(service.stop());
    if (is("restart")) return tell(service.restart());
    if (is("reload")) return tell(service.reload());
    if (is("wait-ready")) return tell(service.wait_ready(options.daemon.ready_timeout));
    if (is("status")) {
        const ServiceStatus status = service.status();
        return detail::print_status(status, to_text(status));
    }
    if (words == std::vector<std::string>{"status", "--json"}) {
        const ServiceStatus status = service.status();
        return detail::print_status(status, to_json(status));
    }
    if (options.definition && verb == "print-unit") return detail::print_unit(options, words);
    for (const char* const own :
         {"start", "stop", "restart", "reload", "status", "run", "wait-ready"})
        if (verb == own) return tell({ServiceExit::wrong_use, verb + " takes no such argument"});
    if (!options.control || verb.empty() || verb.front() == '-') {
        static_cast<void>(std::fprintf(stderr, "%s\n", usage.c_str()));
        return static_cast<int>(ServiceExit::wrong_use);
    }
    const ServiceResult answer = service.ask(words, options.answer_timeout);
    return answer.success() ? detail::print_text(answer.text, 0) : tell(answer);
}

}  // namespace daemonkit

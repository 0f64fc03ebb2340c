// SPDX-License-Identifier: MIT
#pragma once
// ServiceStatus: what a service is at this moment, for a person, for a program, and as an exit status. Floor 6.

#include <daemonkit/detail/json_text.hpp>
#include <daemonkit/detail/measure_words.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/process_report.hpp>
#include <daemonkit/reload.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit {

/// What a service is.
enum class ServiceState : std::uint8_t {
    running,  ///< a daemon holds the lock, and the kernel names it, or has it in another pid namespace
    starting,  ///< a launcher holds the lock, and there is no daemon yet
    crashed,   ///< nobody holds the lock, and the pid file of the last one was never removed
    orphaned,  ///< whoever holds the lock cannot be named: a child has outlived its daemon
    stopped,   ///< nobody holds the lock
    unknown,   ///< it cannot be told, for the reason that stands beside
};

/// The word for a state.
constexpr const char* to_string(ServiceState state) noexcept {
    switch (state) {
        case ServiceState::running: return "running";
        case ServiceState::crashed: return "crashed";
        case ServiceState::orphaned: return "orphaned";
        case ServiceState::starting: return "starting";
        case ServiceState::stopped: return "stopped";
        case ServiceState::unknown: return "unknown";
    }
    return "unknown";
}

/// What the daemon says of itself, on its control socket.
struct ServiceReport {
    std::optional<std::string> doing = {};  ///< what it told last with `notify_status`
    std::optional<std::uint64_t> descriptors =
        {};                     ///< open in it, which its own user may not be allowed to see
    ReloadStatus reloads = {};  ///< how its reloads went
};

/// What is known of a service.
struct ServiceStatus {
    std::string name;                            ///< of the service
    ServiceState state = ServiceState::unknown;  ///< what it is doing
    std::string reason = {};        ///< why the state is not known, or what was left behind
    std::optional<pid_t> pid = {};  ///< of its daemon
    std::optional<ProcessVitals> process = {};  ///< what the kernel says of it
    std::optional<ServiceReport> report = {};   ///< what the daemon says of itself
    std::string silence = {};                   ///< why the daemon itself has said nothing
};

namespace detail {

/// How many descriptors are open, from whoever was allowed to count them.
inline std::optional<std::uint64_t> descriptors_of(const ServiceStatus& status) {
    if (status.process && status.process->descriptors) return *status.process->descriptors;
    return status.report ? status.report->descriptors : std::nullopt;
}

/// One line of the human form: a name, and the value in a column of its own.
inline void add_line(std::string& to, std::string_view name, const std::string& value) {
    constexpr std::size_t column = 14;
    std::string line = "  " + std::string(name);
    line.resize(line.size() < column ? column : line.size() + 1, ' ');
    to += "\n" + line + one_line(value);
}

}  // namespace detail

/// The exit status of the verb `status`: 0 running · 1 dead, and its pid file exists · 2 dead, and its lock is held ·
/// 3 not running, or not yet · 4 unknown.
///
/// Source:   Linux Standard Base 5.0, Core, 22.2 "Init Script Actions".
constexpr int exit_status(const ServiceStatus& status) noexcept {
    switch (status.state) {
        case ServiceState::running: return 0;
        case ServiceState::crashed: return 1;
        case ServiceState::orphaned: return 2;
        case ServiceState::starting:
        case ServiceState::stopped: return 3;
        case ServiceState::unknown: break;
    }
    return 4;
}

/// For a person: one line, and of a service that runs a line for each thing that is known.
inline std::string to_text(const ServiceStatus& status) {
    std::string text = status.name + ": " + to_string(status.state);
    if (status.pid) text += " as pid " + std::to_string(*status.pid);
    if (status.process) text += " for " + detail::uptime_words(status.process->uptime_seconds);
    if (!status.reason.empty()) text += ": " + detail::one_line(status.reason);
    if (status.process) {
        detail::add_line(text, "state", to_string(status.process->state));
        if (status.process->memory)
            detail::add_line(text, "memory", detail::size_words(status.process->memory->resident));
        detail::add_line(text, "threads", std::to_string(status.process->threads));
    }
    if (const auto descriptors = detail::descriptors_of(status))
        detail::add_line(text, "descriptors", std::to_string(*descriptors));
    if (status.report) {
        const ReloadStatus& reloads = status.report->reloads;
        detail::add_line(
            text, "reloads",
            std::to_string(reloads.succeeded) + ", failed " + std::to_string(reloads.failed));
        if (reloads.last_error) detail::add_line(text, "last error", *reloads.last_error);
        if (status.report->doing) detail::add_line(text, "doing", *status.report->doing);
    }
    if (!status.silence.empty()) detail::add_line(text, "no report", status.silence);
    return text;
}

/// For a program: one JSON object in one line, with each name whether its value is known or null.
inline std::string to_json(const ServiceStatus& status) {
    std::optional<std::uint64_t> pid;
    std::optional<std::uint64_t> uptime;
    std::optional<std::uint64_t> memory;
    std::optional<std::uint64_t> threads;
    std::optional<std::string> process_state;
    if (status.pid) pid = static_cast<std::uint64_t>(*status.pid);
    if (status.process) {
        process_state = to_string(status.process->state);
        uptime = status.process->uptime_seconds;
        threads = status.process->threads;
        if (status.process->memory) memory = status.process->memory->resident;
    }
    std::optional<std::uint64_t> succeeded;
    std::optional<std::uint64_t> failed;
    std::optional<std::string> last_error;
    std::optional<std::string> doing;
    if (status.report) {
        succeeded = status.report->reloads.succeeded;
        failed = status.report->reloads.failed;
        last_error = status.report->reloads.last_error;
        doing = status.report->doing;
    }
    const auto unless_empty = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(text);
    };
    detail::JsonObject object;
    object.add("name", status.name);
    object.add("state", to_string(status.state));
    object.add("reason", unless_empty(status.reason));
    object.add("pid", pid);
    object.add("uptime_seconds", uptime);
    object.add("process_state", process_state);
    object.add("memory_bytes", memory);
    object.add("threads", threads);
    object.add("descriptors", detail::descriptors_of(status));
    object.add("reloads", succeeded);
    object.add("failed_reloads", failed);
    object.add("last_error", last_error);
    object.add("doing", doing);
    object.add("no_report", unless_empty(status.silence));
    return object.text();
}

}  // namespace daemonkit

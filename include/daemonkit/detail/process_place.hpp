// SPDX-License-Identifier: MIT
#pragma once
// Where a process stands: mounts, control groups and namespaces, from their texts in /proc. Floor 2.

#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/process_report.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// A field of mountinfo as it was before the kernel wrote blanks and backslashes in octal.
inline std::string without_octal(std::string_view field) {
    std::string plain;
    for (std::size_t at = 0; at < field.size(); ++at) {
        const auto byte = field[at] == '\\' && field.size() - at > 3
                              ? whole_number<std::uint8_t>(field.substr(at + 1, 3), 8)
                              : std::nullopt;
        plain += byte ? static_cast<char>(*byte) : field[at];
        if (byte) at += 3;
    }
    return plain;
}

/// True when the path is the folder or something below it.
inline bool is_within(std::string_view path, std::string_view folder) noexcept {
    if (folder == "/") return !path.empty() && path.front() == '/';
    return path.substr(0, folder.size()) == folder &&
           (path.size() == folder.size() || path[folder.size()] == '/');
}

/// Where the file system is mounted that the path leads to: the longest mount point above it, of several the last.
///
/// Source:   proc_pid_mountinfo(5): the fifth field.
inline Known<std::string> parse_mount_point(std::string_view mountinfo, std::string_view path) {
    std::optional<std::string> longest;
    while (mountinfo.find('\n') != std::string_view::npos) {
        std::string_view line = take_until(mountinfo, '\n');
        for (int field = 1; field < 5; ++field) take_word(line);
        std::string point = without_octal(take_word(line));
        if (!point.empty() && is_within(path, point) &&
            (!longest || point.size() >= longest->size()))
            longest = std::move(point);
    }
    if (!longest) return Known<std::string>::unknown(ENOENT);
    return *longest;
}

/// The path in the unified hierarchy; on a machine that has both and uses the old one, that of systemd.
///
/// Source:   cgroups(7): hierarchy:controllers:path.
inline Known<std::string> parse_cgroup(std::string_view text) {
    std::string_view unified;
    std::string_view named;
    while (text.find('\n') != std::string_view::npos) {
        std::string_view line = take_until(text, '\n');
        const std::string_view hierarchy = take_until(line, ':');
        const std::string_view controllers = take_until(line, ':');
        if (line.empty() || line.front() != '/') continue;
        if (hierarchy == "0" && controllers.empty()) unified = line;
        if (controllers == "name=systemd") named = line;
    }
    const bool is_unused = unified.empty() || unified == "/";
    const std::string_view path = is_unused && !named.empty() ? named : unified;
    if (path.empty()) return Known<std::string>::unknown(ENOTSUP);
    return std::string(path);
}

/// The number in `net:[4026531833]`.
inline std::optional<std::uint64_t> parse_namespace(std::string_view link, std::string_view kind) {
    if (link.size() < kind.size() + 3 || link.substr(0, kind.size()) != kind ||
        link.substr(kind.size(), 2) != ":[" || link.back() != ']')
        return {};
    link.remove_prefix(kind.size() + 2);
    link.remove_suffix(1);
    return whole_number<std::uint64_t>(link);
}

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// state_directory, cache_directory, logs_directory, configuration_directory: what a service keeps where. Floor 5.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/own_directory.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstdlib>  // std::getenv
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <sys/stat.h>

namespace daemonkit {

namespace detail {

/// One kind of folder, and where it is.
struct DirectoryKind {
    const char* given;          // the variable of a service manager
    const char* system;         // root's, where there is no manager
    const char* user_variable;  // a user's
    const char* user_default;   // below $HOME, where that variable is not set
    const char* user_below;     // and below either of them
};

inline constexpr DirectoryKind state_kind{"STATE_DIRECTORY", "/var/lib/", "XDG_STATE_HOME",
                                          "/.local/state", "/"};
inline constexpr DirectoryKind cache_kind{"CACHE_DIRECTORY", "/var/cache/", "XDG_CACHE_HOME",
                                          "/.cache", "/"};
inline constexpr DirectoryKind logs_kind{"LOGS_DIRECTORY", "/var/log/", "XDG_STATE_HOME",
                                         "/.local/state", "/log/"};
inline constexpr DirectoryKind configuration_kind{"CONFIGURATION_DIRECTORY", "/etc/",
                                                  "XDG_CONFIG_HOME", "/.config", "/"};

/// The value of a variable that holds an absolute path, without slashes at its end; empty where it is not set.
///
/// Errors:   Step::service_directory.
inline std::string absolute_in(const char* variable) {
    const char* const value = std::getenv(variable);
    std::string path = value != nullptr ? value : "";
    if (!path.empty() && path.front() != '/')
        throw Error(Step::service_directory, path, EINVAL,
                    '$' + std::string(variable) + " has to be absolute");
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

/// Where users have such folders.
///
/// Errors:   Step::service_directory.
inline std::string user_base(const DirectoryKind& kind, std::string_view name) {
    const bool is_trusted = !sys::has_elevated_rights();
    std::string base = is_trusted ? absolute_in(kind.user_variable) : "";
    if (base.empty() && is_trusted) {
        base = absolute_in("HOME");
        if (!base.empty()) base += kind.user_default;
    }
    if (base.empty())
        throw Error(Step::service_directory, std::string(name), ENOENT,
                    "an ordinary user has it in $" + std::string(kind.user_variable) +
                        " or in $HOME, and neither is set: log in, or name a directory of your "
                        "own");
    return base + kind.user_below;
}

/// Every folder above the last slash is there; those that are not are made, for this user alone.
///
/// Errors:   Step::service_directory.
/// Source:   XDG Base Directory Specification: 0700.
inline void make_parents(const std::string& path) {
    for (auto end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
        const std::string folder = path.substr(0, end);
        struct ::stat status {};
        if (sys::stat(folder.c_str(), &status)) continue;
        const auto made = retry([&] { return sys::mkdir(folder.c_str(), 0700); });
        if (made.error != 0 && made.error != EEXIST)
            throw Error(Step::service_directory, folder, made.error, "it cannot be made");
        if (made) check(sys::chmod(folder.c_str(), 0700), Step::service_directory, folder);
    }
}

/// Errors:   Step::service_directory.
inline std::string service_directory(const DirectoryKind& kind, std::string_view name) {
    constexpr Step step = Step::service_directory;
    require_directory_name(step, name);
    if (!sys::has_elevated_rights()) {
        std::string given = given_directory(step, kind.given, name);
        if (!given.empty()) return verify_given(step, std::move(given));
    }
    if (sys::geteuid() == 0) return make_own_directory(step, kind.system + std::string(name), 0750);
    const std::string path = user_base(kind, name) + std::string(name);
    make_parents(path);
    return make_own_directory(step, path, 0700);
}

}  // namespace detail

/// The folder for what the daemon of that name has to find again after a restart of the machine; made where there is
/// none, and verified.
///
/// The first of these: `$STATE_DIRECTORY`, which systemd has made for the service (StateDirectory=); for root
/// `/var/lib/NAME` (0750); for other users `$XDG_STATE_HOME/NAME`, `~/.local/state/NAME` where that is not set (0700,
/// with the folders above it that are missing). The environment counts for nothing in a program that has more rights
/// than its caller.
///
/// Shape:    the name: up to 64 bytes, no slash, colon, blank or control character, no dot in front. The folder: absolute,
///           of the effective user, for nobody else to write; no symbolic link, but for one of root's that a manager gives.
/// Process:  the daemon. What root makes belongs to root: a daemon that changes its user has the manager, or tmpfiles.d,
///           make its folders.
/// Errors:   Step::service_directory on the folder or the name; the message says what to do.
/// Undo:     none: the folder stays.
/// Threads:  a change of the environment in another thread meanwhile is undefined, as with getenv.
/// Source:   systemd.exec(5), XDG Base Directory Specification, hier(7).
inline std::string state_directory(std::string_view name) {
    return detail::service_directory(detail::state_kind, name);
}

/// The folder for what can be made anew when somebody removes it; as state_directory.
///
/// `$CACHE_DIRECTORY`, `/var/cache/NAME`, `$XDG_CACHE_HOME/NAME` or `~/.cache/NAME`.
inline std::string cache_directory(std::string_view name) {
    return detail::service_directory(detail::cache_kind, name);
}

/// The folder for logs; as state_directory.
///
/// `$LOGS_DIRECTORY`, `/var/log/NAME`, `$XDG_STATE_HOME/log/NAME` or `~/.local/state/log/NAME`.
inline std::string logs_directory(std::string_view name) {
    return detail::service_directory(detail::logs_kind, name);
}

/// The folder of the configuration, which is others' to make and to fill: nothing is made, or looked at.
///
/// `$CONFIGURATION_DIRECTORY`, `/etc/NAME`, `$XDG_CONFIG_HOME/NAME` or `~/.config/NAME`.
///
/// Process:  any; the launcher as well as the daemon.
/// Errors:   Step::service_directory: the name cannot be one, a variable is not absolute, or a user has none.
/// Threads:  as state_directory.
/// Source:   as state_directory.
inline std::string configuration_directory(std::string_view name) {
    constexpr Step step = Step::service_directory;
    const detail::DirectoryKind& kind = detail::configuration_kind;
    detail::require_directory_name(step, name);
    if (!detail::sys::has_elevated_rights()) {
        std::string given = detail::given_directory(step, kind.given, name);
        if (!given.empty()) return given;
    }
    if (detail::sys::geteuid() == 0) return kind.system + std::string(name);
    return detail::user_base(kind, name) + std::string(name);
}

}  // namespace daemonkit

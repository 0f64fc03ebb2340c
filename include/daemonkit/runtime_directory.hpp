// SPDX-License-Identifier: MIT
#pragma once
// runtime_directory: where a daemon keeps its pid file and its socket while it runs. Floor 5.

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

/// Where the system keeps such folders.
inline std::string system_runtime_directory() {
    struct ::stat status {};
    return sys::stat("/run", &status) ? "/run/" : "/var/run/";
}

/// Where the folder of that name is, and what to make of it.
struct RuntimePlace {
    enum class Maker { service_manager, root, user };
    std::string path;
    Maker maker = Maker::root;
    std::string above = {};  ///< the user's own folder, that it stands in
};

/// Errors:   Step::runtime_directory.
inline RuntimePlace runtime_place(std::string_view name) {
    using Maker = RuntimePlace::Maker;
    require_directory_name(Step::runtime_directory, name);
    const bool is_trusted = !sys::has_elevated_rights();
    if (is_trusted) {
        std::string given = given_directory(Step::runtime_directory, "RUNTIME_DIRECTORY", name);
        if (!given.empty()) return {std::move(given), Maker::service_manager};
    }
    if (sys::geteuid() == 0) return {system_runtime_directory() + std::string(name), Maker::root};

    const char* const variable = is_trusted ? std::getenv("XDG_RUNTIME_DIR") : nullptr;
    std::string folder = variable != nullptr ? variable : "";
    if (folder.empty())
        throw Error(Step::runtime_directory, std::string(name), ENOENT,
                    "an ordinary user has it in $XDG_RUNTIME_DIR, which is not set: log in, or "
                    "name a directory of your own");
    if (folder.front() != '/')
        throw Error(Step::runtime_directory, folder, EINVAL, "$XDG_RUNTIME_DIR has to be absolute");
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    return {folder + "/" + std::string(name), Maker::user, folder};
}

}  // namespace detail

/// The folder for the pid file and the control socket of the daemon of that name; made where it can be, and verified.
///
/// The first of these: `$RUNTIME_DIRECTORY`, which systemd has made for the service; for root `/run/NAME` (0755); for
/// other users `$XDG_RUNTIME_DIR/NAME` (0700), where that is theirs alone. The environment counts for nothing in a
/// program that has more rights than its caller.
///
/// Shape:    the name: up to 64 bytes, no slash, colon, blank or control character, no dot in front. The folder: absolute,
///           of the effective user, for nobody else to write; no symbolic link, but for one of root's that a manager gives.
/// Process:  the one that starts the daemon and the one that stops it, as the same user.
/// Errors:   Step::runtime_directory on the folder or the name; the message says what to do.
/// Undo:     none: the folder stays.
/// Threads:  a change of the environment in another thread meanwhile is undefined, as with getenv.
/// Source:   systemd.exec(5), XDG Base Directory Specification, hier(7).
inline std::string runtime_directory(std::string_view name) {
    using Maker = detail::RuntimePlace::Maker;
    constexpr Step step = Step::runtime_directory;
    detail::RuntimePlace place = detail::runtime_place(name);
    switch (place.maker) {
        case Maker::service_manager: return detail::verify_given(step, std::move(place.path));
        case Maker::root: return detail::make_own_directory(step, place.path, 0755);
        case Maker::user:
            detail::open_own_directory(step, place.above, 0077);
            return detail::make_own_directory(step, place.path, 0700);
    }
    return std::move(place.path);
}

/// Where `runtime_directory` is, or would be; it is not made, and nobody has looked whose it is.
///
/// For who looks for a daemon: root finds one in a folder that a service manager has made for the daemon's user.
///
/// Errors:   Step::runtime_directory: no name for a folder, or no place for one.
inline std::string find_runtime_directory(std::string_view name) {
    return detail::runtime_place(name).path;
}

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// runtime_directory: where a daemon keeps its pid file and its socket while it runs. Floor 5.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstdlib>  // std::getenv
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <fcntl.h>
#include <sys/stat.h>

namespace daemonkit {

namespace detail {

/// The folder at the path, which is a folder and no link to one, belongs to this user and can be written by nobody else.
///
/// Errors:   Step::runtime_directory.
inline UniqueFd open_own_directory(const std::string& path, mode_t forbidden) {
    const auto refuse = [&](int error, const char* why) {
        throw Error(Step::runtime_directory, path, error, why);
    };
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const auto opened = retry([&] { return sys::open(path.c_str(), flags); });
    if (opened.error == ENOTDIR || opened.error == ELOOP || opened.error == EMLINK)
        refuse(ENOTDIR, "it has to be a directory, and no symbolic link to one");
    UniqueFd fd(check(opened, Step::runtime_directory, path));
    struct ::stat status {};
    check(sys::fstat(fd.get(), &status), Step::runtime_directory, path);
    if (status.st_uid != sys::geteuid()) refuse(EPERM, "it belongs to another user");
    if ((status.st_mode & forbidden) != 0)
        refuse(EPERM, (forbidden & 0055U) != 0 ? "other users can reach into it: chmod 0700"
                                               : "other users can write to it: chmod go-w");
    return fd;
}

/// The folder at the path; made where there is none, with that mode whatever the umask.
///
/// Errors:   Step::runtime_directory.
inline std::string make_own_directory(const std::string& path, mode_t mode) {
    const auto made = retry([&] { return sys::mkdir(path.c_str(), mode); });
    if (made.error != 0 && made.error != EEXIST)
        throw Error(Step::runtime_directory, path, made.error, "it cannot be made");
    // By its name, as a umask can make a folder that its owner cannot open; here nobody else can have replaced it.
    if (made) check(sys::chmod(path.c_str(), mode), Step::runtime_directory, path);
    open_own_directory(path, 0022);
    return path;
}

/// Of the folders that a service manager has made for this service, that of this name; else the first one. Empty where
/// it made none.
///
/// Source:   systemd.exec(5), RuntimeDirectory=.
inline std::string given_runtime_directory(std::string_view name) {
    const char* const variable = std::getenv("RUNTIME_DIRECTORY");
    std::string_view list = variable != nullptr ? variable : "";
    const std::string_view first = list.substr(0, list.find(':'));
    while (!list.empty()) {
        const std::string_view path = list.substr(0, list.find(':'));
        if (path.substr(path.rfind('/') + 1) == name) return std::string(path);
        list.remove_prefix(path.size() < list.size() ? path.size() + 1 : path.size());
    }
    return std::string(first);
}

/// Where the system keeps such folders.
inline std::string system_runtime_directory() {
    struct ::stat status {};
    return sys::stat("/run", &status) ? "/run/" : "/var/run/";
}

/// Errors:   Step::runtime_directory.
inline void require_directory_name(std::string_view name) {
    const auto refuse = [&](const char* why) {
        throw Error(Step::runtime_directory, std::string(name.substr(0, 80)), EINVAL, why);
    };
    constexpr std::size_t longest = 64;
    if (name.empty()) refuse("the name is empty");
    if (name.size() > longest) refuse("the name has more than 64 bytes");
    if (name.front() == '.') refuse("a name does not begin with a dot");
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '/' || c == ':' || byte <= 0x20 || byte == 0x7f)
            refuse("a name has no slash, colon, blank or control character");
    }
}

}  // namespace detail

namespace detail {

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
    require_directory_name(name);
    const bool is_trusted = !sys::has_elevated_rights();
    if (is_trusted) {
        std::string given = given_runtime_directory(name);
        if (!given.empty()) {
            if (given.front() != '/')
                throw Error(Step::runtime_directory, given, EINVAL,
                            "$RUNTIME_DIRECTORY has to be absolute");
            return {std::move(given), Maker::service_manager};
        }
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
///           no symbolic link, of the effective user, for nobody else to write.
/// Process:  the one that starts the daemon and the one that stops it, as the same user.
/// Errors:   Step::runtime_directory on the folder or the name; the message says what to do.
/// Undo:     none: the folder stays.
/// Threads:  a change of the environment in another thread meanwhile is undefined, as with getenv.
/// Source:   systemd.exec(5), XDG Base Directory Specification, hier(7).
inline std::string runtime_directory(std::string_view name) {
    using Maker = detail::RuntimePlace::Maker;
    detail::RuntimePlace place = detail::runtime_place(name);
    switch (place.maker) {
        case Maker::service_manager: detail::open_own_directory(place.path, 0022); break;
        case Maker::root: return detail::make_own_directory(place.path, 0755);
        case Maker::user:
            detail::open_own_directory(place.above, 0077);
            return detail::make_own_directory(place.path, 0700);
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

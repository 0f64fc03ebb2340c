// SPDX-License-Identifier: MIT
#pragma once
// A folder of this user's own: given by a service manager, or made; verified before it is used. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdlib>  // std::getenv
#include <string>
#include <string_view>
#include <utility>  // std::move

#include <fcntl.h>
#include <sys/stat.h>

namespace daemonkit::detail {

/// The folder at the path, which is a folder and no link to one, belongs to this user and can be written by nobody else.
///
/// Errors:   the step given.
inline UniqueFd open_own_directory(Step step, const std::string& path, mode_t forbidden) {
    const auto refuse = [&](int error, const char* why) { throw Error(step, path, error, why); };
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const auto opened = retry([&] { return sys::open(path.c_str(), flags); });
    if (opened.error == ENOTDIR || opened.error == ELOOP || opened.error == EMLINK)
        refuse(ENOTDIR, "it has to be a directory, and no symbolic link to one");
    UniqueFd fd(check(opened, step, path));
    struct ::stat status {};
    check(sys::fstat(fd.get(), &status), step, path);
    if (status.st_uid != sys::geteuid()) refuse(EPERM, "it belongs to another user");
    if ((status.st_mode & forbidden) != 0)
        refuse(EPERM, (forbidden & 0055U) != 0 ? "other users can reach into it: chmod 0700"
                                               : "other users can write to it: chmod go-w");
    return fd;
}

/// The folder at the path; made where there is none, with that mode whatever the umask.
///
/// Errors:   the step given.
inline std::string make_own_directory(Step step, const std::string& path, mode_t mode) {
    const auto made = retry([&] { return sys::mkdir(path.c_str(), mode); });
    if (made.error != 0 && made.error != EEXIST)
        throw Error(step, path, made.error, "it cannot be made");
    // By its name, as a umask can make a folder that its owner cannot open; here nobody else can have replaced it.
    if (made) check(sys::chmod(path.c_str(), mode), step, path);
    open_own_directory(step, path, 0022);
    return path;
}

/// Of the folders in that variable, which a service manager has made for this service, that of this name; else the first
/// one. Empty where there is none.
///
/// Errors:   the step given: one that is not absolute.
/// Source:   systemd.exec(5), RuntimeDirectory= and its like.
inline std::string given_directory(Step step, const char* variable, std::string_view name) {
    const char* const value = std::getenv(variable);
    std::string_view list = value != nullptr ? value : "";
    std::string_view chosen = list.substr(0, list.find(':'));
    while (!list.empty()) {
        const std::string_view path = list.substr(0, list.find(':'));
        if (path.substr(path.rfind('/') + 1) == name) {
            chosen = path;
            break;
        }
        list.remove_prefix(path.size() < list.size() ? path.size() + 1 : path.size());
    }
    if (!chosen.empty() && chosen.front() != '/')
        throw Error(step, std::string(chosen), EINVAL,
                    '$' + std::string(variable) + " has to be absolute");
    return std::string(chosen);
}

/// The folder that a manager has given, verified as one of this user's own.
///
/// With DynamicUser= it is reached by a symbolic link, which root has made.
///
/// Errors:   the step given.
/// Source:   systemd.exec(5), DynamicUser=.
inline std::string verify_given(Step step, std::string given) {
    while (given.size() > 1 && given.back() == '/') given.pop_back();
    struct ::stat status {};
    const bool is_link = sys::lstat(given.c_str(), &status) && S_ISLNK(status.st_mode);
    // A path that ends with a slash follows the link; whose folder that is, is looked at all the same.
    open_own_directory(step, is_link && status.st_uid == 0 ? given + "/" : given, 0022);
    return given;
}

/// The name can be that of a folder, and leads nowhere else.
///
/// Errors:   the step given.
inline void require_directory_name(Step step, std::string_view name) {
    const auto refuse = [&](const char* why) {
        throw Error(step, std::string(name.substr(0, 80)), EINVAL, why);
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

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// absolute_path: a path that means the same file after the working directory has changed. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>

namespace daemonkit::detail {

/// The path, with the current directory before it when it is relative.
///
/// Nothing else changes: `.`, `..` and symbolic links stay, because taking them out by text can name another
/// file.
///
/// Shape:    not empty, no NUL byte.
/// Process:  launcher, before anything has changed.
/// Errors:   Step::resolve_path: EINVAL for a path that cannot be one, ENOENT when the current directory has
///           been removed. An absolute path does not ask for the current directory.
inline std::string absolute_path(const std::string& path) {
    if (path.empty()) throw Error(Step::resolve_path, "\"\"", EINVAL, "the path is empty");
    if (const auto nul = path.find('\0'); nul != std::string::npos)
        throw Error(Step::resolve_path, path.substr(0, nul), EINVAL,
                    "a NUL byte follows in the path");
    if (path.front() == '/') return path;

    constexpr std::size_t longest = 1 << 20;
    std::string directory(1024, '\0');
    const auto ask = [&] { return sys::getcwd(directory.data(), directory.size()); };
    auto known = retry(ask);
    while (known.error == ERANGE && directory.size() < longest) {
        directory.resize(directory.size() * 4);
        known = retry(ask);
    }
    if (known.error == ENOENT)
        throw Error(Step::resolve_path, path, ENOENT,
                    "the path is relative and the current directory has been removed");
    if (known.error != 0)
        throw Error(Step::resolve_path, path, known.error, "cannot tell the current directory");

    directory.resize(directory.find('\0'));
    if (directory.back() != '/') directory += '/';  // "//" at the start may mean another root
    return directory + path;
}

}  // namespace daemonkit::detail

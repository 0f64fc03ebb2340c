// SPDX-License-Identifier: MIT
#pragma once
// read_credential: a password, a key, a token that a service manager hands to this service alone. Floor 5.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>  // std::uintmax_t
#include <cstdlib>  // std::getenv
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

namespace daemonkit {

namespace detail {

/// The most bytes of one credential, as systemd has it.
inline constexpr std::size_t longest_credential = std::size_t{1} << 20U;

/// Errors:   Step::read_credential.
inline void require_credential_name(std::string_view name) {
    const auto refuse = [&](const char* why) {
        throw Error(Step::read_credential, std::string(name.substr(0, 80)), EINVAL, why);
    };
    constexpr std::size_t longest = 255;
    if (name.empty() || name == "." || name == "..") refuse("it names no file");
    if (name.size() > longest) refuse("the name has more than 255 bytes");
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '/' || c == ':' || byte < 0x20 || byte >= 0x7f)
            refuse("a name is of ASCII, without slash, colon or control character");
    }
}

/// All of the file, which is no longer than the limit.
///
/// Errors:   Step::read_credential.
inline std::string read_secret(int fd, std::size_t told, const std::string& path) {
    // One more than is told, to see the end; a buffer that grows would leave copies of a secret behind.
    std::string content(told + 1, '\0');
    std::size_t size = 0;
    for (;;) {
        if (size == content.size()) content.resize(longest_credential + 1);
        const auto got =
            retry([&] { return sys::read(fd, content.data() + size, content.size() - size); });
        const auto count = static_cast<std::size_t>(check(got, Step::read_credential, path));
        if (count == 0) break;
        size += count;
        if (size > longest_credential)
            throw Error(Step::read_credential, path, EFBIG, "a credential has at most 1 MiB");
    }
    content.resize(size);
    return content;
}

}  // namespace detail

/// What the credential of that name holds; nothing where the service has none of that name.
///
/// A manager puts each credential into a file that the service's user alone can read, in the folder that
/// `$CREDENTIALS_DIRECTORY` names: LoadCredential=, SetCredential= and ImportCredential= of a unit. Unlike a variable of
/// the environment, what it holds does not pass on to helpers; and no message here has any of it. A container has the
/// same with a secret that is mounted as a file, and the variable set to its folder.
///
/// Shape:    the name: up to 255 bytes of ASCII, no slash or colon. The file: regular, no symbolic link, at most 1 MiB; its
///           bytes as they are, with a newline at their end if there is one.
/// Process:  the one that has the rights to the file: before `privileges` in a daemon that changes its user itself.
/// Errors:   Step::read_credential on the file or the name (EFBIG, EINVAL, ELOOP, EACCES); a credential that is there and
///           cannot be read is never taken for none. In a program that has more rights than its caller there is none.
/// Threads:  a change of the environment in another thread meanwhile is undefined, as with getenv.
/// Source:   systemd.exec(5), Credentials.
inline std::optional<std::string> read_credential(std::string_view name) {
    constexpr Step step = Step::read_credential;
    detail::require_credential_name(name);
    const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == '\0' || detail::sys::has_elevated_rights()) return {};
    if (*folder != '/')
        throw Error(step, folder, EINVAL, "$CREDENTIALS_DIRECTORY has to be absolute");
    const std::string path = folder + ('/' + std::string(name));
    // Nothing but a file of one's own may lie there; a FIFO, say, must not hold up whoever opens it.
    constexpr int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const auto opened = detail::retry([&] { return detail::sys::open(path.c_str(), flags); });
    if (opened.error == ENOENT) return {};
    if (opened.error == ELOOP || opened.error == EMLINK)
        throw Error(step, path, ELOOP, "it has to be a file, and no symbolic link to one");
    const detail::UniqueFd fd(detail::check(opened, step, path));
    struct ::stat status {};
    detail::check(detail::sys::fstat(fd.get(), &status), step, path);
    if (!S_ISREG(status.st_mode)) throw Error(step, path, EINVAL, "it has to be a file");
    if (status.st_size < 0 ||
        static_cast<std::uintmax_t>(status.st_size) > detail::longest_credential)
        throw Error(step, path, EFBIG, "a credential has at most 1 MiB");
    return detail::read_secret(fd.get(), static_cast<std::size_t>(status.st_size), path);
}

}  // namespace daemonkit

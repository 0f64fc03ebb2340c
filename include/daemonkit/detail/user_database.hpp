// SPDX-License-Identifier: MIT
#pragma once
// Names to ids: the user and group databases, asked in the launcher. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <charconv>  // std::from_chars
#include <optional>
#include <string>
#include <vector>

#include <grp.h>
#include <pwd.h>

namespace daemonkit::detail {

/// A user as the database has it.
struct UserEntry {
    uid_t user = 0;
    gid_t primary_group = 0;
    std::string name;
};

/// The number a text consists of; nothing when it is anything but decimal digits that fit.
template <class Id>
std::optional<Id> parse_id(const std::string& text) noexcept {
    Id id{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
    // (id_t)-1 means "leave as it is" to the set-id calls: never an id.
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() ||
        id == static_cast<Id>(-1)) {
        return {};
    }
    return id;
}

/// Calls one of the get…_r functions, with a larger buffer as long as it says ERANGE.
template <class Entry, class Call>
bool look_up(const std::string& subject, std::vector<char>& buffer, Entry& entry, Call call) {
    constexpr std::size_t largest_buffer = std::size_t{1} << 20U;
    for (buffer.resize(1024);; buffer.resize(buffer.size() * 4)) {
        Entry* found = nullptr;
        const auto asked = retry([&] { return call(&entry, buffer, &found); });
        if (asked.error == ERANGE && buffer.size() < largest_buffer) continue;
        // Some databases say "no such entry" by an error (getpwnam(3), ERRORS).
        const bool absent = asked.error == ENOENT || asked.error == ESRCH || asked.error == 0;
        if (!absent) throw Error(Step::resolve_user, subject, asked.error);
        return found != nullptr;
    }
}

/// The user of that name, or of that id when the text is a number.
inline std::optional<UserEntry> find_user(const std::string& text) {
    if (text.find('\0') != std::string::npos) return {};  // the database would read a shorter name
    std::vector<char> buffer;
    ::passwd entry{};
    bool found = look_up(text, buffer, entry, [&](auto* to, auto& space, auto** result) {
        return sys::getpwnam_r(text.c_str(), to, space.data(), space.size(), result);
    });
    const auto id = parse_id<uid_t>(text);
    if (!found && id) {
        found = look_up(text, buffer, entry, [&](auto* to, auto& space, auto** result) {
            return sys::getpwuid_r(*id, to, space.data(), space.size(), result);
        });
    }
    if (!found) return {};
    return UserEntry{entry.pw_uid, entry.pw_gid, entry.pw_name};
}

/// The group of that name, or that number.
inline std::optional<gid_t> find_group(const std::string& text) {
    if (text.find('\0') != std::string::npos) return {};
    std::vector<char> buffer;
    ::group entry{};
    if (look_up(text, buffer, entry, [&](auto* to, auto& space, auto** result) {
            return sys::getgrnam_r(text.c_str(), to, space.data(), space.size(), result);
        })) {
        return entry.gr_gid;
    }
    return parse_id<gid_t>(text);
}

/// The groups the database gives a user, `group` among them.
inline std::vector<gid_t> groups_of(const std::string& user, gid_t group) {
    std::vector<gid_t> groups(32);
    constexpr std::size_t most = 65'536;  // NGROUPS_MAX on Linux
    for (;;) {
        int count = static_cast<int>(groups.size());
        if (sys::getgrouplist(user.c_str(), group, groups.data(), &count) >= 0) {
            groups.resize(static_cast<std::size_t>(count));
            return groups;
        }
        if (groups.size() >= most) {
            throw Error(Step::resolve_user, user, EOVERFLOW, "the user is in too many groups");
        }
        groups.resize(groups.size() * 4);
    }
}

}  // namespace daemonkit::detail

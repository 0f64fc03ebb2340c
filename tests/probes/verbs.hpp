// SPDX-License-Identifier: MIT
#pragma once
// For probes that take a list of verbs: how a verb is written, and how results are reported.

#include <daemonkit/error.hpp>

#include <string>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace probe {

/// Where the reports go.
inline int report_fd = 1;

/// One line of the report, past every buffer; ends the probe when nobody can read it.
inline void report(const std::string& key, const std::string& value) {
    const std::string line = key + "=" + value + "\n";
    if (::write(report_fd, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        ::_exit(71);
}

/// The parts of an Error, a line each.
inline void report(const daemonkit::Error& error) {
    report("error", to_string(error.step()));
    report("errno", std::to_string(error.code().value()));
    report("message", error.what());
    report("status", std::to_string(error.exit_status()));
}

/// A system call of the probe's own: `what` is reported and the probe ends when it failed.
inline void require(bool worked, const std::string& what) {
    if (worked) return;
    report("not_possible", what);
    ::_exit(71);
}

/// `verb:first:second` in its parts; what is missing is empty, and the third keeps its colons.
struct Verb {
    explicit Verb(const std::string& text) {
        const auto colon = text.find(':');
        name = text.substr(0, colon);
        if (colon == std::string::npos) return;
        const auto next = text.find(':', colon + 1);
        first = text.substr(colon + 1, next == std::string::npos ? next : next - colon - 1);
        if (next != std::string::npos) second = text.substr(next + 1);
    }
    std::string name;
    std::string first;
    std::string second;
};

/// Says so on stdout and waits for a line on stdin; ends the probe when there will be none.
inline void pause(const std::string& name) {
    report("paused", name);
    char byte = 0;
    do {
        if (::read(0, &byte, 1) != 1) ::_exit(0);
    } while (byte != '\n');
}

/// The text goes into a file of /proc, in one write.
inline bool write_proc(const std::string& path, const std::string& text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool worked = fd >= 0 && ::write(fd, text.data(), text.size()) > 0;
    if (fd >= 0) ::close(fd);
    return worked;
}

/// A user namespace of the probe's own, in which it has every capability and its ids are called `user` and `group`.
inline void enter_user_namespace(uid_t user, gid_t group) {
    const std::string outer_user = std::to_string(::geteuid());
    const std::string outer_group = std::to_string(::getegid());
    require(::unshare(CLONE_NEWUSER) == 0, "a user namespace");
    require(write_proc("/proc/self/setgroups", "deny") &&
                write_proc("/proc/self/uid_map", std::to_string(user) + " " + outer_user + " 1") &&
                write_proc("/proc/self/gid_map", std::to_string(group) + " " + outer_group + " 1"),
            "a user namespace");
}

}  // namespace probe

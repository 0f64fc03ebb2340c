// SPDX-License-Identifier: MIT
#pragma once
// What the tests of PidLock have in common: the probe, and the words of a refusal.

#include <daemonkit/pid_lock.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "running_program.hpp"

#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// A user that owns nothing.
inline constexpr uid_t nobody = 65534;

/// What a refused start is told when the holder is not known; else a pid follows the other one.
inline constexpr const char* unnamed =
    "already running; the process cannot be named: it is starting, or has outlived its daemon "
    "(see fuser)";
inline constexpr const char* already_running_as = "already running as pid ";

/// The command line of probe_pid_lock.
inline std::vector<std::string> pid_lock_probe(const std::vector<std::string>& verbs) {
    return probe_command("probe_pid_lock", verbs);
}

/// Runs the probe to its end, which it must reach.
inline Finished run_pid_lock(const std::vector<std::string>& verbs) {
    Finished finished = run_program(pid_lock_probe(verbs));
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    REQUIRE((finished.exit_status == 0 || finished["not_possible"] != "(no not_possible)"));
    return finished;
}

/// The error with which the file is refused.
inline Error refusal(const std::string& path, PidLockOptions options = {}) {
    try {
        const PidLock lock(path, options);
    } catch (const Error& error) {
        return error;
    }
    return {Step::application, "nothing was thrown", 0};
}

// The same for who asks for the holder.
inline Error refusal_to_look(const std::string& path) {
    try {
        static_cast<void>(PidLock::holder(path));
    } catch (const Error& error) {
        return error;
    }
    return {Step::application, "nothing was thrown", 0};
}

inline bool says(const Error& error, const std::string& words) {
    return std::string(error.what()).find(words) != std::string::npos;
}

inline struct ::stat status_of(const std::string& path) {
    struct ::stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
}

inline std::string own_pid() { return std::to_string(::getpid()); }

}  // namespace daemonkit::testkit

// SPDX-License-Identifier: MIT
#pragma once
// The starts that faults are tried on, and the calls they consist of.

#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"

#include <algorithm>  // std::find_if
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// The daemon of the fault tests, with the seam in it.
inline constexpr const char* seamed_daemon = "probe_daemon_fault";

/// Which daemon is started.
enum class Features { few, all };

inline const char* to_string(Features features) {
    return features == Features::few ? "few features" : "all features";
}

/// The confinement of all features, as far as this kernel has it: what it lacks would be no step of the start.
inline Words confinement() {
    constexpr long create_ruleset = 444;
    constexpr long whole = 3;
    Words options{"--no-new-privileges", "--forbid", std::to_string(SYS_reboot)};
    if (::syscall(create_ruleset, nullptr, 0UL, 1U) >= whole)
        options = options + Words{"--path", "read_write:/"};
    return options;
}

/// Why a daemon of all features has more rights than it was to have, as the kernel tells it.
inline std::string why_not_confined(pid_t daemon) {
    const std::string status = read_file("/proc/" + std::to_string(daemon) + "/status");
    Words lines{"NoNewPrivs:\t1", "Seccomp:\t2"};
    if (::geteuid() == 0) {
        lines = lines + Words{"Uid:\t65534\t65534\t65534\t65534", "CapPrm:\t0000000000000400",
                              "CapBnd:\t0000000000000400"};
    }
    for (const std::string& line : lines)
        if (status.find("\n" + line + "\n") == std::string::npos) return "not in force: " + line;
    return "";
}

/// Files and options of a start; for root, all features have a new root directory, another user and one capability.
struct SeamedStart {
    explicit SeamedStart(Features features) {
        if (features == Features::few) return;
        options = {"--umask", "0077",
                   "--set",   "STARTED_BY=test",
                   "--list",  "PATH",
                   "--limit", "nofile:64",
                   "--map",   "10:ignore",
                   "--in",    "/dev/zero",
                   "--hooks", files.folder / "hooks"};
        options = options + confinement();
        if (::geteuid() != 0) {
            options = options + Words{"--directory", files.folder.path()};
            return;
        }
        files.jail = files.folder / "root";
        const std::string inside = files.jail + files.folder.path().string();
        std::filesystem::create_directories(inside);
        for (const std::string& folder : {files.folder.path().string(), files.jail, inside})
            std::filesystem::permissions(folder, std::filesystem::perms::all);
        options = options + Words{"--user", "nobody", "--capability", "10", "--chroot", files.jail};
    }

    /// The command, with the seam.
    Words command(const Words& more = {}) const {
        return files.start(options + more, seamed_daemon);
    }

    DaemonFiles files;
    Words options;
};

/// One call of a start, as the seam names it.
struct Call {
    std::string role;
    std::string name;
    int occurrence = 0;

    /// The plan that does something at this call.
    std::string plan(const std::string& action) const {
        return "DAEMONKIT_FAULT=" + role + "/" + name + ":" + std::to_string(occurrence) + ":" +
               action;
    }
};

/// All calls of a record that the seam has written.
inline std::vector<Call> read_all_calls(const std::string& record) {
    std::istringstream lines(read_file(record));
    std::vector<Call> calls;
    for (Call call; lines >> call.role >> call.name >> call.occurrence;) calls.push_back(call);
    return calls;
}

/// The same up to the launcher's answer: from then on the daemon is up.
inline std::vector<Call> read_calls(const std::string& record) {
    std::vector<Call> calls = read_all_calls(record);
    const auto is_answer = [](const Call& call) {
        return call.role == "launcher" && call.name == "send";
    };
    const auto answer = std::find_if(calls.begin(), calls.end(), is_answer);
    if (answer != calls.end()) calls.erase(answer + 1, calls.end());
    return calls;
}

/// Of very many equal calls in a row the first and the last few: each capability takes one, and shows the same.
inline std::vector<Call> without_middle(const std::vector<Call>& calls) {
    constexpr std::ptrdiff_t many = 30;
    constexpr std::ptrdiff_t few = 4;
    std::vector<Call> thinned;
    for (auto first = calls.begin(); first != calls.end();) {
        const auto differs = [&](const Call& call) {
            return call.role != first->role || call.name != first->name;
        };
        const auto last = std::find_if(first, calls.end(), differs);
        for (auto call = first; call != last; ++call)
            if (last - first <= many || call - first < few || last - call <= few)
                thinned.push_back(*call);
        first = last;
    }
    return thinned;
}

/// The calls of a start until the daemon is up.
inline std::vector<Call> calls_of_start(Features features, const Words& more = {}) {
    const SeamedStart seamed(features);
    const std::string record = seamed.files.folder / "record";
    DaemonStart start(seamed.command(more), {{"DAEMONKIT_FAULT_COUNT=" + record}, {}});
    if (const std::string why = why_not_up(start, seamed.files); !why.empty())
        throw std::runtime_error("a start without a fault: " + why);
    return without_middle(read_calls(record));
}

}  // namespace daemonkit::testkit

// SPDX-License-Identifier: MIT
#pragma once
// What a process is, as the kernel says it: one key=value line each, for tests to read.

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace probe {

/// Where a link leads; its errno in words when it cannot be read.
inline std::string link_target(const std::string& path) {
    char target[4096];
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    return size < 0 ? "unreadable" : std::string(target, static_cast<std::size_t>(size));
}

/// Ids, groups, signals and rights, by the labels of proc_pid_status(5); nothing without /proc.
inline std::vector<std::pair<std::string, std::string>> status_fields() {
    std::vector<std::pair<std::string, std::string>> fields;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        for (const char* const label :
             {"Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "CapEff"}) {
            const std::string start = std::string(label) + ":\t";
            if (line.rfind(start, 0) == 0) fields.emplace_back(label, line.substr(start.size()));
        }
    }
    return fields;
}

/// The numbers of the open descriptors, found without opening one.
inline std::vector<int> open_descriptors() {
    constexpr int highest = 20'000;  // above what any test opens
    std::vector<int> open;
    for (int fd = 0; fd < highest; ++fd)
        if (::fcntl(fd, F_GETFD) != -1) open.push_back(fd);
    return open;
}

/// The local time of a moment, by the function that reads the zone once and then by the one that looks for it anew.
inline std::pair<std::string, std::string> local_times() {
    const std::time_t moment = 1'000'000'000;
    const auto text = [](const std::tm& fields) {
        char line[32];
        std::strftime(line, sizeof line, "%F %T", &fields);
        return std::string(line);
    };
    std::tm fields{};
    ::localtime_r(&moment, &fields);
    const std::string once = text(fields);
    return {once, text(*std::localtime(&moment))};
}

/// Writes the report: pid, parent, session, group, terminal, directory, root, umask, ids, groups, signals, the local
/// time as localtime_r and localtime, each limit as limit.N=SOFT/HARD, each variable as env.NAME=VALUE, and each descriptor as fd.N=TARGET, with
/// fd.N.cloexec=1 where the flag is set.
inline void write_report(const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "we");
    if (file == nullptr) std::abort();
    const auto put = [&](const std::string& key, const std::string& value) {
        std::fprintf(file, "%s=%s\n", key.c_str(), value.c_str());
    };
    put("pid", std::to_string(::getpid()));
    put("parent", std::to_string(::getppid()));
    put("session", std::to_string(::getsid(0)));
    put("group", std::to_string(::getpgrp()));
    const int terminal = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    put("terminal", terminal < 0 ? "none" : "present");
    if (terminal >= 0) ::close(terminal);
    put("directory", link_target("/proc/self/cwd"));
    put("root", link_target("/proc/self/root"));
    const mode_t mask = ::umask(0);
    ::umask(mask);
    char octal[16];
    std::snprintf(octal, sizeof octal, "%04o", static_cast<unsigned>(mask));
    put("umask", octal);
    const auto [localtime_r, localtime] = local_times();
    put("localtime_r", localtime_r);
    put("localtime", localtime);
    put("dumpable", std::to_string(::prctl(PR_GET_DUMPABLE)));
    for (int resource = 0; resource < static_cast<int>(RLIM_NLIMITS); ++resource) {
        rlimit limit{};
        if (::getrlimit(static_cast<decltype(RLIMIT_CORE)>(resource), &limit) != 0) std::abort();
        put("limit." + std::to_string(resource),
            std::to_string(limit.rlim_cur) + "/" + std::to_string(limit.rlim_max));
    }
    for (char** variable = ::environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        put("env." + text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
    }
    for (const auto& [label, value] : status_fields()) put(label, value);
    for (const int fd : open_descriptors()) {
        if (fd == ::fileno(file)) continue;
        put("fd." + std::to_string(fd), link_target("/proc/self/fd/" + std::to_string(fd)));
        if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
            put("fd." + std::to_string(fd) + ".cloexec", "1");
    }
    if (std::fclose(file) != 0) std::abort();
}

}  // namespace probe

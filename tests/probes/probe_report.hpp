// SPDX-License-Identifier: MIT
#pragma once
// What a process is, as the kernel says it: one key=value line each, for tests to read.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <dirent.h>
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

/// Writes the report: pid, parent, session, group, terminal, directory, root, umask, ids, groups, signals, limits and
/// each descriptor as fd.N=TARGET, with fd.N.cloexec=1 where the flag is set.
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
    put("dumpable", std::to_string(::prctl(PR_GET_DUMPABLE)));
    rlimit core{};
    if (::getrlimit(RLIMIT_CORE, &core) != 0) std::abort();
    put("core_limit", std::to_string(core.rlim_cur) + "/" + std::to_string(core.rlim_max));
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        for (const char* const label :
             {"Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "CapEff"}) {
            const std::string start = std::string(label) + ":\t";
            if (line.rfind(start, 0) == 0) put(label, line.substr(start.size()));
        }
    }
    DIR* const directory = ::opendir("/proc/self/fd");
    if (directory != nullptr) {
        while (const dirent* const entry = ::readdir(directory)) {
            if (entry->d_name[0] == '.') continue;
            const int fd = std::atoi(entry->d_name);
            if (fd == ::dirfd(directory) || fd == ::fileno(file)) continue;
            put("fd." + std::to_string(fd), link_target("/proc/self/fd/" + std::to_string(fd)));
            if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
                put("fd." + std::to_string(fd) + ".cloexec", "1");
        }
        ::closedir(directory);
    }
    if (std::fclose(file) != 0) std::abort();
}

}  // namespace probe

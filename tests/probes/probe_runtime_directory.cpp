// SPDX-License-Identifier: MIT
// probe_runtime_directory VERB...: has runtime_directory or another one find the folder, and reports it as directory= or
// the Error.
//
//   directory:NAME  state:NAME  cache:NAME  logs:NAME  configuration:NAME
//   variable:NAME:VALUE  clear:NAME      the environment
//   umask:OCTAL  user:UID
//   private-run         /run is an empty file system of the probe's own; not_possible=... where that is forbidden
//   private-var         the same with /var
//   make:PATH:OCTAL     a folder with that mode    owner:PATH:UID    link:TARGET:PATH    file:PATH
//   mode:PATH           mode= of what is there
// Built with the fault seam: DAEMONKIT_FAULT fails any call. The list goes on after an Error.

#include <daemonkit/runtime_directory.hpp>
#include <daemonkit/service_directories.hpp>

#include "verbs.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

mode_t octal(const std::string& text) { return static_cast<mode_t>(std::stoul(text, nullptr, 8)); }

void make_private(const char* folder) {
    if (::geteuid() != 0) probe::enter_user_namespace(0, 0);
    require(::unshare(CLONE_NEWNS) == 0, "a mount namespace");
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    require(::mount("tmpfs", folder, "tmpfs", 0, "mode=755") == 0, "tmpfs");
}

void report_mode(const std::string& path) {
    struct ::stat status {};
    char text[16] = "none";
    if (::lstat(path.c_str(), &status) == 0)
        std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(status.st_mode & 07777));
    report("mode", text);
}

void act(const Verb& verb) {
    const std::string& name = verb.name;
    const std::string& first = verb.first;
    const std::string& second = verb.second;
    if (name == "directory") return report("directory", runtime_directory(first));
    if (name == "state") return report("directory", state_directory(first));
    if (name == "cache") return report("directory", cache_directory(first));
    if (name == "logs") return report("directory", logs_directory(first));
    if (name == "configuration") return report("directory", configuration_directory(first));
    if (name == "variable") return require(::setenv(first.c_str(), second.c_str(), 1) == 0, name);
    if (name == "clear") return require(::unsetenv(first.c_str()) == 0, name);
    if (name == "umask") return static_cast<void>(::umask(octal(first)));
    if (name == "user") {
        const auto user = static_cast<uid_t>(std::stoul(first));
        return require(::setresuid(user, user, user) == 0, name);
    }
    if (name == "private-run") return make_private("/run");
    if (name == "private-var") return make_private("/var");
    if (name == "make") {
        return require(
            ::mkdir(first.c_str(), 0700) == 0 && ::chmod(first.c_str(), octal(second)) == 0, name);
    }
    if (name == "owner") {
        const auto user = static_cast<uid_t>(std::stoul(second));
        return require(::chown(first.c_str(), user, static_cast<gid_t>(-1)) == 0, name);
    }
    if (name == "link") return require(::symlink(first.c_str(), second.c_str()) == 0, name);
    if (name == "file") return std::ofstream(first).close();
    if (name == "mode") return report_mode(first);
    require(false, "verb " + name);
}

}  // namespace

int main(int argc, char** argv) {
    for (int at = 1; at < argc; ++at) {
        try {
            act(Verb(argv[at]));
        } catch (const Error& error) {
            report(error);
        }
    }
    report("end", "reached");
}

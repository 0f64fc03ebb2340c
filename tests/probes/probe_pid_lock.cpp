// SPDX-License-Identifier: MIT
// probe_pid_lock VERB...: does one thing after the other with PidLocks, and reports each as key=value.
//
//   lock:PATH[:MODE]   makes a PidLock (acquired=yes, or the Error)    try:PATH   try_acquire (acquired=yes|no)
//                      refused, the verbs up to the next lock, try or pause are passed over
//   write release abandon   of the last one                           leave      ends the scope of the last one
//   named renew        of the last one (named=yes|no)
//   holder:PATH        holder=free, unnamed, or the pid
//   witness:FILE       an flock of the probe's own on FILE (violation=FILE when another has it); unwitness ends it
//   pause:NAME         reports paused=NAME and waits for a line on stdin; the probe ends at its end of file
//   fork               the forked process goes on with the verbs, as a daemon would; this one ends
//   fork-leave         a forked process leaves every scope and ends
//   fork-worker        a forked process keeps its copies of the locks until stdin ends (worker=PID)
//   tag:PATH:daemon    a record lock alone, without a PidLock (also launcher, whole)
//   chroot:DIR  unlink:PATH
//   close:FD  umask:OCTAL  chdir:DIR  user:UID  file-limit:BYTES  chmod:PATH:OCTAL  fill:FILE:BYTES
//   xfsz               how SIGXFSZ is handled: default, ignored or caught
//   tmpfs:DIR:OPTIONS  a file system of the probe's own on DIR (not_possible=... where that is not allowed)
// Built with the fault seam: DAEMONKIT_FAULT stops, kills or fails it at any call of PidLock.

#include <daemonkit/pid_lock.hpp>

#include "verbs.hpp"

#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

struct Scene {
    std::vector<std::unique_ptr<PidLock>> locks;
    int witness = -1;
    bool is_refused = false;
};

mode_t octal(const std::string& text) { return static_cast<mode_t>(std::stoul(text, nullptr, 8)); }

void lock(Scene& scene, const Verb& verb) {
    PidLockOptions options;
    if (!verb.second.empty()) options.mode = octal(verb.second);
    scene.locks.push_back(std::make_unique<PidLock>(verb.first, options));
    scene.is_refused = false;
    report("acquired", "yes");
}

void try_lock(Scene& scene, const Verb& verb) {
    auto acquired = PidLock::try_acquire(verb.first);
    report("acquired", acquired ? "yes" : "no");
    if (!acquired) return;
    scene.locks.push_back(std::make_unique<PidLock>(std::move(*acquired)));
    scene.is_refused = false;
}

void report_holder(const std::string& path) {
    const auto holder = PidLock::holder(path);
    report("holder", !holder ? "free" : holder->pid ? std::to_string(*holder->pid) : "unnamed");
}

void take_witness(Scene& scene, const std::string& file) {
    scene.witness = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require(scene.witness >= 0, "witness");
    if (::flock(scene.witness, LOCK_EX | LOCK_NB) != 0) report("violation", file);
}

void fork_and_leave(Scene& scene) {
    const pid_t pid = ::fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        while (!scene.locks.empty()) scene.locks.pop_back();
        ::_exit(0);
    }
    require(::waitpid(pid, nullptr, 0) == pid, "waitpid");
}

void fork_worker() {
    const pid_t pid = ::fork();
    require(pid >= 0, "fork");
    if (pid != 0) return;
    report("worker", std::to_string(::getpid()));
    char byte = 0;
    while (::read(0, &byte, 1) == 1) continue;
    ::_exit(0);
}

void tag(const Verb& verb) {
    const int fd = ::open(verb.first.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    require(fd >= 0, "open");
    if (verb.second == "whole") {
        struct ::flock record {};
        record.l_type = F_WRLCK;
        require(::fcntl(fd, F_SETLK, &record) == 0, "F_SETLK");
        return;
    }
    const auto which =
        verb.second == "daemon" ? detail::NameTag::daemon : detail::NameTag::launcher;
    report("tagged", detail::set_name_tag(fd, which).value ? "yes" : "no");
}

// A user namespace where needed, so that an ordinary user can mount as well.
void mount_tmpfs(const Verb& verb) {
    if (::geteuid() != 0) probe::enter_user_namespace(::geteuid(), ::getegid());
    require(::unshare(CLONE_NEWNS) == 0, "a mount namespace");
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    require(::mount("tmpfs", verb.first.c_str(), "tmpfs", 0, verb.second.c_str()) == 0, "tmpfs");
}

void limit_file_size(const std::string& bytes) {
    struct ::rlimit limit {};
    require(::getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
    limit.rlim_cur = std::stoul(bytes);
    require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

void report_xfsz() {
    struct ::sigaction action {};
    require(::sigaction(SIGXFSZ, nullptr, &action) == 0, "sigaction");
    report("xfsz", action.sa_handler == SIG_DFL   ? "default"
                   : action.sa_handler == SIG_IGN ? "ignored"
                                                  : "caught");
}

void act(const Verb& verb, Scene& scene) {
    const std::string& name = verb.name;
    const std::string& first = verb.first;
    const bool is_try = name == "lock" || name == "try";
    if (is_try || name == "pause") scene.is_refused = false;
    if (scene.is_refused) return;
    scene.is_refused = is_try;  // until it has worked
    if (name == "lock") return lock(scene, verb);
    if (name == "try") return try_lock(scene, verb);
    if (name == "write") return scene.locks.back()->write_pid();
    if (name == "release") return scene.locks.back()->release();
    if (name == "abandon") return scene.locks.back()->abandon();
    if (name == "named") return report("named", scene.locks.back()->is_named() ? "yes" : "no");
    if (name == "renew") return scene.locks.back()->renew();
    if (name == "chroot") return require(::chroot(first.c_str()) == 0 && ::chdir("/") == 0, name);
    if (name == "unlink") return require(::unlink(first.c_str()) == 0, name);
    if (name == "leave") return scene.locks.pop_back();
    if (name == "holder") return report_holder(first);
    if (name == "witness") return take_witness(scene, first);
    if (name == "unwitness") return require(::close(std::exchange(scene.witness, -1)) == 0, name);
    if (name == "pause") return probe::pause(first);
    if (name == "fork-leave") return fork_and_leave(scene);
    if (name == "fork-worker") return fork_worker();
    if (name == "tag") return tag(verb);
    if (name == "close") return require(::close(std::stoi(first)) == 0, name);
    if (name == "umask") return static_cast<void>(::umask(octal(first)));
    if (name == "chdir") return require(::chdir(first.c_str()) == 0, name);
    if (name == "chmod") return require(::chmod(first.c_str(), octal(verb.second)) == 0, name);
    if (name == "file-limit") return limit_file_size(first);
    if (name == "xfsz") return report_xfsz();
    if (name == "tmpfs") return mount_tmpfs(verb);
    if (name == "fill") {
        std::ofstream(first) << std::string(std::stoul(verb.second), 'x');
        return;
    }
    if (name == "user") {
        const auto user = static_cast<uid_t>(std::stoul(first));
        return require(::setresuid(user, user, user) == 0, name);
    }
    if (name == "fork") {
        const pid_t pid = ::fork();
        require(pid >= 0, "fork");
        if (pid != 0) ::_exit(0);
        return report("daemon", std::to_string(::getpid()));
    }
    require(false, "verb " + name);
}

}  // namespace

int main(int argc, char** argv) {
    Scene scene;
    for (int at = 1; at < argc; ++at) {
        try {
            act(Verb(argv[at]), scene);
        } catch (const Error& error) {
            report(error);
        }
    }
    while (!scene.locks.empty()) scene.locks.pop_back();
    report("end", "reached");
}

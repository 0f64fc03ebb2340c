// SPDX-License-Identifier: MIT
// probe_process_handle VERB...: makes processes, and has ProcessHandle deal with them; reports each as key=value.
//
//   handle:PID|child    makes a ProcessHandle (handle=PID, or the Error)
//   holder-of:PATH      makes one of the holder (handle=PID or none, or the Error)
//   running  signal:N  wait:MILLISECONDS  stop:SCHEDULE      running=, signalled=, ended=, stopped_by=
//   child               a process that waits until it is killed (child=PID)
//   holder:PATH         a child that holds the lock of PATH
//   kill-child          ends the last child and takes its end           leave-child   takes its end not
//   child-alive         alive=yes or no
//   next-pid            the next process gets the number of the last child; not_possible=... where that is forbidden
//   holder-of-late:PATH a process that makes the handle is stopped by the seam; meanwhile the last child, the holder,
//                       ends, and another child gets its number. stopped=yes or no
//   ticked              the clock by which processes start has moved on
//   hide-proc           /proc is empty from now on
//   pid-namespace       the rest is done as pid 1 of a namespace with a /proc of its own
//   thread              another thread, for as long as the probe runs (thread=ID)
//   user:UID  ignore:N  pause:NAME
// Built with the fault seam. An Error is reported and the list goes on. No child outlives the probe.

#include <daemonkit/process_handle.hpp>

#include "verbs.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <optional>
#include <string>
#include <thread>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

struct Scene {
    std::optional<ProcessHandle> handle;
    pid_t child = 0;
};

void report_handle(const Scene& scene) {
    report("handle", scene.handle ? std::to_string(scene.handle->pid()) : "none");
}

[[noreturn]] void wait_for_ever() {
    for (;;) ::pause();
}

// A child that ends with this process, and has done what it is for when this returns.
template <class Prepare>
void make_child(Scene& scene, Prepare prepare) {
    int ends[2];
    require(::pipe(ends) == 0, "pipe");
    scene.child = ::fork();
    require(scene.child >= 0, "fork");
    if (scene.child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        prepare();
    }
    ::close(ends[1]);
    char byte = 0;
    require(::read(ends[0], &byte, 1) == 0, "read");
    ::close(ends[0]);
    report("child", std::to_string(scene.child));
}

// Ends the read of whoever made this child: it has no descriptor but the standard ones any more.
void be_ready() {
    for (int fd = 3; fd < 64; ++fd) ::close(fd);
}

void make_waiting_child(Scene& scene) {
    make_child(scene, [] {
        be_ready();
        wait_for_ever();
    });
}

void make_holder(Scene& scene, const std::string& path) {
    make_child(scene, [&] {
        PidLock lock(path);
        lock.write_pid();
        for (int fd = 3; fd < 64; ++fd)
            if (fd != lock.native_handle()) ::close(fd);
        wait_for_ever();
    });
}

void kill_child(const Scene& scene) {
    require(::kill(scene.child, SIGKILL) == 0, "kill");
    siginfo_t info{};
    require(::waitid(P_PID, static_cast<id_t>(scene.child), &info, WEXITED | WNOWAIT) == 0, "end");
}

void take_end(const Scene& scene) {
    require(::waitpid(scene.child, nullptr, 0) == scene.child, "waitpid");
}

void reuse_pid(const Scene& scene) {
    require(probe::write_proc("/proc/sys/kernel/ns_last_pid", std::to_string(scene.child - 1)),
            "ns_last_pid");
}

void ask_late(Scene& scene, const std::string& path) {
    const pid_t asker = ::fork();
    require(asker >= 0, "fork");
    if (asker == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            scene.handle = ProcessHandle::holder_of(path);
            report_handle(scene);
        } catch (const Error& error) {
            report(error);
        }
        ::_exit(0);
    }
    int status = 0;
    require(::waitpid(asker, &status, WUNTRACED) == asker, "waitpid");
    report("stopped", WIFSTOPPED(status) ? "yes" : "no");
    if (!WIFSTOPPED(status)) return;
    const pid_t before = scene.child;
    kill_child(scene);
    take_end(scene);
    reuse_pid(scene);
    make_waiting_child(scene);
    require(scene.child == before, "the same number again");
    require(::kill(asker, SIGCONT) == 0 && ::waitpid(asker, nullptr, 0) == asker, "asker");
}

void enter_pid_namespace() {
    if (::geteuid() != 0) probe::enter_user_namespace(0, 0);
    require(::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0, "a pid namespace");
    const pid_t init = ::fork();
    require(init >= 0, "fork");
    if (init != 0) {
        int status = 0;
        require(::waitpid(init, &status, 0) == init, "waitpid");
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    require(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "a /proc of its own");
}

void hide_proc() {
    if (::geteuid() != 0) probe::enter_user_namespace(::geteuid(), ::getegid());
    require(::unshare(CLONE_NEWNS) == 0, "a mount namespace");
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::mount("tmpfs", "/proc", "tmpfs", 0, "size=4096") == 0,
            "a mount over /proc");
}

// proc_pid_stat(5) counts a hundred ticks a second.
void await_tick() {
    const auto now = [] {
        std::timespec time{};
        ::clock_gettime(CLOCK_BOOTTIME, &time);
        return time.tv_sec * 100 + time.tv_nsec / 10'000'000;
    };
    const auto start = now();
    while (now() < start + 2) ::usleep(1000);
}

void act(const Verb& verb, Scene& scene) {
    const std::string& name = verb.name;
    const std::string& first = verb.first;
    if (name == "handle") {
        scene.handle.reset();
        scene.handle.emplace(first == "child" ? scene.child : std::stoi(first));
        return report_handle(scene);
    }
    if (name == "holder-of") {
        scene.handle.reset();
        scene.handle = ProcessHandle::holder_of(first);
        return report_handle(scene);
    }
    if (name == "running") return report("running", scene.handle->is_running() ? "yes" : "no");
    if (name == "signal")
        return report("signalled", scene.handle->signal(std::stoi(first)) ? "yes" : "ended");
    if (name == "wait") {
        const std::chrono::milliseconds limit(std::stoi(first));
        return report("ended", scene.handle->wait_for(limit) ? "yes" : "no");
    }
    if (name == "stop") {
        const auto ended_by = scene.handle->stop(parse_stop_schedule(first));
        return report("stopped_by", ended_by ? std::to_string(*ended_by) : "none");
    }
    if (name == "child") return make_waiting_child(scene);
    if (name == "holder") return make_holder(scene, first);
    if (name == "kill-child") return kill_child(scene), take_end(scene);
    if (name == "leave-child") return kill_child(scene);
    if (name == "child-alive") {
        siginfo_t info{};
        const int looked =
            ::waitid(P_PID, static_cast<id_t>(scene.child), &info, WEXITED | WNOHANG | WNOWAIT);
        return report("alive", looked == 0 && info.si_pid == 0 ? "yes" : "no");
    }
    if (name == "next-pid") return reuse_pid(scene);
    if (name == "holder-of-late") return ask_late(scene, first);
    if (name == "ticked") return await_tick();
    if (name == "hide-proc") return hide_proc();
    if (name == "pid-namespace") return enter_pid_namespace();
    if (name == "thread") {
        std::thread([] {
            report("thread", std::to_string(::syscall(SYS_gettid)));
            wait_for_ever();
        }).detach();
        return;
    }
    if (name == "user") {
        const auto user = static_cast<uid_t>(std::stoul(first));
        return require(::setresuid(user, user, user) == 0, name);
    }
    if (name == "ignore") {
        ::signal(std::stoi(first), SIG_IGN);
        return;
    }
    if (name == "pause") return probe::pause(first);
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
    report("end", "reached");
}

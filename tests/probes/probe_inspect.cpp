// SPDX-License-Identifier: MIT
// probe_inspect VERB...: makes the process something, and waits to be looked at; or looks at another one.
//
//   umask:OCTAL  directory:PATH
//   session        goes on as the leader of a session: pid=   terminal   which gets one   leaderless   whose leader ends: pid=
//   open:FD:PATH  append:FD:PATH  inherit:FD  lock:FD  close:FD    a file, close-on-exec until `inherit`
//   deep:FD:PATH   a file below that folder, with a path that is longer than a path may be
//   make:FD:KIND   a pipe, socket, event, epoll, signals, memory or terminal descriptor    many:N  from 100 on
//   catch:N ignore:N block:N raise:N   threads:NAMES   name:TEXT   without-first   its first thread ends
//   child:NAME  zombie   a child that waits, or has ended     limit:N:SOFT:HARD   nice:N
//   no-new-privileges  seccomp  undumpable  namespace   of UTS    user:ID   groups:N   capabilities:HEX   stop
//   pause          says paused=ready and waits for a line
//   inspect:PID    name= state= parent= descriptors= executable= directory= command= dumpable= own=: value or `?ERRNO`
//   vitals:PID     name= state= threads= memory= descriptors=
//   hidepid:N      /proc is mounted anew with that option         hide-proc  other-proc   none, or that of another namespace
//   reuse:NAME     from a PID namespace of its own: a process gets the number of the one that is looked at, before the
//                  N-th call, for each N; reports each reading that is not wholly of one process, and how many were
// Built with the fault seam.

#include <daemonkit/inspect.hpp>

#include "verbs.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>  // offsetof
#include <cstdio>
#include <cstdlib>
#include <future>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

int open_terminal() {
    const int end = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    require(end >= 0 && ::grantpt(end) == 0 && ::unlockpt(end) == 0, "a terminal");
    const int fd = ::open(::ptsname(end), O_RDWR | O_NOCTTY | O_CLOEXEC);
    require(fd >= 0, "a terminal");
    return fd;
}

int make(const std::string& kind) {
    sigset_t signals;
    sigemptyset(&signals), sigaddset(&signals, SIGUSR2);
    int ends[2] = {-1, -1};
    if (kind == "pipe") return ::pipe2(ends, O_CLOEXEC) == 0 ? ends[0] : -1;
    if (kind == "socket") return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (kind == "event") return ::eventfd(0, EFD_CLOEXEC);
    if (kind == "epoll") return ::epoll_create1(EPOLL_CLOEXEC);
    if (kind == "signals") return ::signalfd(-1, &signals, SFD_CLOEXEC);
    if (kind == "memory") return ::memfd_create("probe", MFD_CLOEXEC);
    if (kind == "terminal") return open_terminal();
    return -1;
}

void put(int made, int fd, const std::string& what) {
    require(made >= 0 && (made == fd || ::dup3(made, fd, O_CLOEXEC) == fd), what);
    if (made != fd) ::close(made);
}

void start_threads(const std::string& names) {
    std::istringstream parts(names);
    for (std::string name; std::getline(parts, name, ',');) {
        std::promise<void> named;
        std::thread([&named, name] {
            ::prctl(PR_SET_NAME, name.c_str());
            named.set_value();
            for (;;) ::pause();
        }).detach();
        named.get_future().wait();
    }
}

pid_t start_child(const std::string& name) {
    int ends[2];
    require(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    const pid_t child = ::fork();
    require(child >= 0, "fork");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::prctl(PR_SET_NAME, name.c_str());
        ::close(ends[1]);
        ::close(ends[0]);
        for (;;) ::pause();
    }
    ::close(ends[1]);
    char byte = 0;
    static_cast<void>(!::read(ends[0], &byte, 1));  // ends when the child has its name
    ::close(ends[0]);
    return child;
}

void allow_every_call() {
    ::sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    ::sock_fprog program{1, allow};
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
            "seccomp");
}

void set_capabilities(std::uint64_t set) {
    ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    ::__user_cap_data_struct words[2] = {};
    for (unsigned half = 0; half < 2; ++half)
        words[half].effective = words[half].permitted = static_cast<unsigned>(set >> (32 * half));
    require(::syscall(SYS_capset, &header, words) == 0, "capabilities");
}

void enter_namespace(int flags, const std::string& what) {
    if (::geteuid() != 0) probe::enter_user_namespace(::geteuid(), ::getegid());
    require(::unshare(flags) == 0, what);
}

void mount_proc(const std::string& options) {
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::mount("proc", "/proc", "proc", 0, options.c_str()) == 0,
            "a mount of /proc with " + options);
}

[[noreturn]] void follow(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 71);
}

template <class Value, class Words>
void tell(const std::string& key, const Known<Value>& value, Words words) {
    report(key, value ? words(*value) : "?" + std::to_string(value.error()));
}

std::string as_is(const std::string& text) { return text; }
std::string number(std::uint64_t count) { return std::to_string(count); }

void look(pid_t pid) {
    const ProcessReport found = inspect(pid);
    report("name", found.vitals.name);
    report("state", std::string(1, static_cast<char>(found.vitals.state)));
    report("parent", std::to_string(found.parent));
    report("threads", std::to_string(found.vitals.threads));
    tell("executable", found.executable, as_is);
    tell("directory", found.directory, as_is);
    tell("command", found.command_line, [](const auto& words) { return words.front(); });
    tell("descriptors", found.vitals.descriptors, number);
    tell("dumpable", found.dumpable, [](bool is_so) { return std::string(is_so ? "1" : "0"); });
    tell("own", found.vitals.memory, [](const ProcessMemory& memory) {
        return memory.own ? number(*memory.own) : "?" + std::to_string(memory.own.error());
    });
    tell("umask", found.umask, number);
    tell("session_leader", found.session_leader_name, as_is);
}

void look_at_vitals(pid_t pid) {
    const ProcessVitals found = inspect_vitals(pid);
    report("name", found.name);
    report("state", std::string(1, static_cast<char>(found.state)));
    report("threads", std::to_string(found.threads));
    tell("memory", found.memory,
         [](const ProcessMemory& memory) { return number(memory.resident); });
    tell("descriptors", found.descriptors, number);
}

// -- a number that changes hands --------------------------------------------------------------------------------------

std::atomic<int> calls_left{0};
pid_t first = 0;
pid_t second = 0;

pid_t start_numbered(pid_t wanted, const std::string& name) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (wanted != 0)
            probe::write_proc("/proc/sys/kernel/ns_last_pid", std::to_string(wanted - 1));
        const pid_t child = start_child(name);
        if (wanted == 0 || child == wanted) return child;
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    require(false, "a process number of one's choice");
    return 0;
}

void change_hands(const char*) {
    if (calls_left.fetch_sub(1) != 1) return;
    ::kill(first, SIGKILL);
    ::waitpid(first, nullptr, 0);
    second = start_numbered(first, "second");
}

void reuse() {
    enter_namespace(CLONE_NEWPID | CLONE_NEWNS, "a pid namespace");
    const pid_t init = ::fork();
    require(init >= 0, "fork");
    if (init != 0) follow(init);
    mount_proc("");
    int before = 0, after = 0, ended = 0;
    for (int call = 1;; ++call) {
        first = start_numbered(0, "first");
        second = 0;
        calls_left = call;
        fault::before_call = change_hands;
        std::string outcome;
        try {
            const ProcessReport found = inspect(first);
            fault::before_call = nullptr;
            const std::string& name = found.vitals.name;
            const bool is_whole = found.threads && found.threads->listed.size() == 1 &&
                                  found.threads->listed.front().name == name &&
                                  found.command_line && found.executable && found.descriptors &&
                                  found.users;
            if (!is_whole) report("mixed", std::to_string(call));
            ++(name == "first" ? before : after);
        } catch (const Error& error) {
            fault::before_call = nullptr;
            if (error.code().value() != ESRCH) report(error);
            ++ended;
        }
        const bool is_over = second == 0;  // the last call was made before
        const pid_t last = is_over ? first : second;
        ::kill(last, SIGKILL);
        ::waitpid(last, nullptr, 0);
        if (is_over) break;
    }
    report("before", std::to_string(before));
    report("after", std::to_string(after));
    report("ended", std::to_string(ended));
}

void act(const Verb& verb) {
    const std::string& name = verb.name;
    const int number = std::atoi(verb.first.c_str());
    const auto file = [&](int flags) {
        return ::open(verb.second.c_str(), flags | O_RDWR | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);
    };
    if (name == "umask")
        return static_cast<void>(::umask(static_cast<mode_t>(std::stoul(verb.first, nullptr, 8))));
    if (name == "directory") return require(::chdir(verb.first.c_str()) == 0, name);
    if (name == "session") {
        const pid_t child = ::fork();
        require(child >= 0, "fork");
        if (child != 0) follow(child);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        require(::setsid() > 0, name);
        return report("pid", std::to_string(::getpid()));
    }
    if (name == "leaderless") {
        const pid_t leader = ::getpid();
        const pid_t child = ::fork();
        require(child >= 0, "fork");
        if (child != 0) ::_exit(0);
        while (::getppid() == leader) ::poll(nullptr, 0, 1);
        return report("pid", std::to_string(::getpid()));
    }
    if (name == "terminal") return require(::ioctl(open_terminal(), TIOCSCTTY, 0) == 0, name);
    if (name == "open") return put(file(0), number, name);
    if (name == "append") return put(file(O_APPEND), number, name);
    if (name == "inherit") return require(::fcntl(number, F_SETFD, 0) == 0, name);
    if (name == "lock") return require(::flock(number, LOCK_EX | LOCK_NB) == 0, name);
    if (name == "close") return static_cast<void>(::close(number));
    if (name == "make") return put(make(verb.second), number, verb.second);
    if (name == "deep") {  // a file below a path of more than 4096 bytes, which is empty again
        const std::string part(250, 'x');
        const int above = ::open(verb.second.c_str(), O_DIRECTORY | O_CLOEXEC);
        require(above >= 0 && ::chdir(verb.second.c_str()) == 0, name);
        constexpr int levels = 20;
        for (int level = 0; level < levels; ++level)
            require(::mkdir(part.c_str(), 0700) == 0 && ::chdir(part.c_str()) == 0, name);
        put(::open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600), number, name);
        return require(::fchdir(above) == 0 && ::close(above) == 0, name);
    }
    if (name == "many") {
        for (int fd = 100; fd < 100 + number; ++fd) require(::dup3(0, fd, O_CLOEXEC) == fd, name);
        return;
    }
    if (name == "catch") return require(::signal(number, [](int) {}) != SIG_ERR, name);
    if (name == "ignore") return require(::signal(number, SIG_IGN) != SIG_ERR, name);
    if (name == "raise") return require(::raise(number) == 0, name);
    if (name == "block") {
        sigset_t signals;
        sigemptyset(&signals), sigaddset(&signals, number);
        return require(::sigprocmask(SIG_BLOCK, &signals, nullptr) == 0, name);
    }
    if (name == "threads") return start_threads(verb.first);
    if (name == "name") return require(::prctl(PR_SET_NAME, verb.first.c_str()) == 0, name);
    if (name == "without-first") {
        std::thread([] {
            ::prctl(PR_SET_NAME, "second");
            pollfd none{};
            while (::poll(&none, 0, 1) == 0) {  // until the first thread is a zombie
                std::FILE* const stat = std::fopen("/proc/self/stat", "re");
                char state = 0;
                if (std::fscanf(stat, "%*d %*s %c", &state) != 1) std::abort();
                std::fclose(stat);
                if (state == 'Z') break;
            }
            probe::pause("ready");
            ::_exit(0);
        }).detach();
        // pthread_exit unwinds the stack, and that ends a program of libc++ with SIGSEGV.
        ::syscall(SYS_exit, 0);
    }
    if (name == "child") return static_cast<void>(start_child(verb.first));
    if (name == "zombie") {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(0);
        siginfo_t ended{};
        require(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0, name);
        return report("zombie", std::to_string(child));
    }
    if (name == "limit") {
        const auto colon = verb.second.find(':');
        const ::rlimit limit{std::stoul(verb.second), std::stoul(verb.second.substr(colon + 1))};
        return require(::setrlimit(static_cast<decltype(RLIMIT_CORE)>(number), &limit) == 0, name);
    }
    if (name == "nice") return require(::setpriority(PRIO_PROCESS, 0, number) == 0, name);
    if (name == "no-new-privileges")
        return require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, name);
    if (name == "seccomp") return allow_every_call();
    if (name == "undumpable") return require(::prctl(PR_SET_DUMPABLE, 0) == 0, name);
    if (name == "dumpable") return require(::prctl(PR_SET_DUMPABLE, 1) == 0, name);
    if (name == "namespace") return enter_namespace(CLONE_NEWUTS, "a UTS namespace");
    if (name == "user")
        return require(
            ::setgid(static_cast<gid_t>(number)) == 0 && ::setuid(static_cast<uid_t>(number)) == 0,
            name);
    if (name == "groups") {
        std::vector<gid_t> groups;
        for (unsigned at = 0; at < static_cast<unsigned>(number); ++at)
            groups.push_back(3'000'000'000U + at);
        return require(::setgroups(groups.size(), groups.data()) == 0, name);
    }
    if (name == "capabilities") return set_capabilities(std::stoull(verb.first, nullptr, 16));
    if (name == "stop") return require(::raise(SIGSTOP) == 0, name);
    if (name == "pause") return probe::pause("ready");
    if (name == "inspect") return look(number == 0 ? ::getppid() : number);
    if (name == "vitals") return look_at_vitals(number == 0 ? ::getppid() : number);
    if (name == "hidepid") {
        enter_namespace(CLONE_NEWNS, "a mount namespace");
        return mount_proc("hidepid=" + verb.first);
    }
    if (name == "hide-proc") {
        enter_namespace(CLONE_NEWNS, "a mount namespace");
        return require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                           ::mount("tmpfs", "/proc", "tmpfs", 0, "size=4096") == 0,
                       "a mount over /proc");
    }
    if (name == "other-proc") {
        enter_namespace(CLONE_NEWPID, "a pid namespace");
        const pid_t child = ::fork();
        require(child >= 0, "fork");
        if (child != 0) follow(child);
        return;
    }
    if (name == "reuse") return reuse();
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
    std::fflush(nullptr);
    ::_exit(0);
}

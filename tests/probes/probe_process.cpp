// SPDX-License-Identifier: MIT
// probe_process VERB...: makes the process something, and has the library find out what it is.
//
//   detach:WANTED       decide_detach for automatic, always or never: choice= and reason=
//   status              read_proc_status: pid= threads= slots= ignored= caught= streams=, or status=unknown; self=
//   names               other_thread_names: names=
//   fill keep unfill    FilledStreams: made, released, destroyed         streams   which of 0-2 are open, and how
//   fill-known          FilledStreams: made with what read_proc_status says
//   socket:KIND         stdin is a tcp-listening, tcp-accepted, udp, unix-listening, unix-accepted, abstract or paired
//                       socket
//   threads:NAMES       threads with these names, with commas between them; they have them when the verb is done
//   close:FD  at:FD     one descriptor goes or comes       ignore:N  catch:N   what becomes of signal N
//   groups:N            N supplementary groups of ten digits    variable:NAME:VALUE   where SELF is this process's pid
//                                                             clear:NAME   no such variable
//   hide-proc           /proc is empty from now on              pid-one   the rest is done as pid 1 of a namespace
// Built with the fault seam. An Error is reported and the list goes on.

#include <daemonkit/detail/decide_detach.hpp>
#include <daemonkit/detail/fill_standard_streams.hpp>
#include <daemonkit/detail/proc_status.hpp>
#include <daemonkit/detail/thread_names.hpp>

#include "verbs.hpp"

#include <csignal>
#include <cstddef>  // offsetof
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

void decide(const std::string& wanted) {
    const auto decision = detail::decide_detach(wanted == "always"  ? Detach::always
                                                : wanted == "never" ? Detach::never
                                                                    : Detach::automatic);
    report("choice", decision.choice == Detach::always ? "always" : "never");
    report("reason", decision.reason);
}

void read_status() {
    report("self", std::to_string(::getpid()));
    const auto status = detail::read_proc_status();
    if (!status) return report("status", "unknown");
    report("pid", std::to_string(status->pid));
    report("threads", std::to_string(status->threads));
    report("slots", std::to_string(status->descriptor_slots));
    report("ignored", std::to_string(status->ignored));
    report("caught", std::to_string(status->caught));
    report("streams", status->streams_are_open ? "open" : "unknown");
}

void look_at_streams() {
    for (int fd = 0; fd <= 2; ++fd) {
        const int flags = ::fcntl(fd, F_GETFL);
        std::string what = "closed";
        if (flags != -1) what = (flags & O_ACCMODE) == O_RDWR ? "both ways" : "one way";
        report("fd" + std::to_string(fd), what);
    }
    report("fd3", ::fcntl(3, F_GETFD) == -1 ? "closed" : "open");
}

void start_threads(const std::string& names) {
    std::istringstream parts(names);
    for (std::string name; std::getline(parts, name, ',');) {
        std::promise<void> named;
        std::thread([&named, name] {
            ::prctl(PR_SET_NAME, name.c_str());
            named.set_value();
            for (;;) ::pause();  // until the process ends
        }).detach();
        named.get_future().wait();
    }
}

void bind_unix(int fd, const std::string& name) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(::sockaddr_un, sun_path) + name.size());
    require(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0, "bind");
}

// A connection to the listening socket; the end that was accepted.
int accept_own(int listening, int family) {
    ::sockaddr_storage address{};
    socklen_t size = sizeof address;
    require(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) == 0, "name");
    const int client = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(::connect(client, reinterpret_cast<const sockaddr*>(&address), size) == 0, "connect");
    return ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
}

int make_socket(const std::string& kind) {
    if (kind == "paired") {
        int ends[2];
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, kind);
        return ends[0];
    }
    if (kind == "udp") return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool is_tcp = kind.compare(0, 3, "tcp") == 0;
    const int family = is_tcp ? AF_INET : AF_UNIX;
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (is_tcp) {
        ::sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        require(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, kind);
    } else {
        const std::string name = "daemonkit-probe-" + std::to_string(::getpid());
        bind_unix(fd, kind == "abstract" ? std::string(1, '\0') + name : "/tmp/" + name);
    }
    require(::listen(fd, 1) == 0, kind);
    const bool is_accepted = kind.find("accepted") != std::string::npos;
    const int result = is_accepted ? accept_own(fd, family) : fd;
    if (!is_tcp && kind != "abstract")
        ::unlink(("/tmp/daemonkit-probe-" + std::to_string(::getpid())).c_str());
    return result;
}

void add_groups(const std::string& count) {
    std::vector<gid_t> groups;
    for (unsigned long at = 0; at < std::stoul(count); ++at)
        groups.push_back(static_cast<gid_t>(3'000'000'000 + at));
    require(::setgroups(groups.size(), groups.data()) == 0, "groups");
}

void set_variable(const Verb& verb) {
    std::string value = verb.second;
    if (const auto at = value.find("SELF"); at != std::string::npos)
        value.replace(at, 4, std::to_string(::getpid()));
    ::setenv(verb.first.c_str(), value.c_str(), 1);
}

void enter_namespace(int flags, const std::string& what) {
    if (::geteuid() != 0) probe::enter_user_namespace(::geteuid(), ::getegid());
    require(::unshare(flags) == 0, what);
}

void hide_proc() {
    enter_namespace(CLONE_NEWNS, "a mount namespace");
    require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::mount("tmpfs", "/proc", "tmpfs", 0, "size=4096") == 0,
            "a mount over /proc");
}

void become_pid_one() {
    enter_namespace(CLONE_NEWPID, "a pid namespace");
    const pid_t child = ::fork();
    require(child >= 0, "fork");
    if (child == 0) return;
    int status = 0;
    ::waitpid(child, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 71);
}

void act(const Verb& verb, std::optional<detail::FilledStreams>& filled) {
    const std::string& name = verb.name;
    const int number = std::atoi(verb.first.c_str());
    if (name == "detach") return decide(verb.first);
    if (name == "status") return read_status();
    if (name == "names") return report("names", detail::other_thread_names());
    if (name == "fill") return static_cast<void>(filled.emplace());
    if (name == "fill-known") return static_cast<void>(filled.emplace(detail::read_proc_status()));
    if (name == "keep") return filled->release();
    if (name == "unfill") return filled.reset();
    if (name == "streams") return look_at_streams();
    if (name == "socket") return require(::dup2(make_socket(verb.first), 0) == 0, name);
    if (name == "threads") return start_threads(verb.first);
    if (name == "close") return static_cast<void>(::close(number));
    if (name == "at") return require(::dup2(0, number) == number, name);
    if (name == "ignore") return require(::signal(number, SIG_IGN) != SIG_ERR, name);
    if (name == "catch") return require(::signal(number, [](int) {}) != SIG_ERR, name);
    if (name == "groups") return add_groups(verb.first);
    if (name == "variable") return set_variable(verb);
    if (name == "clear") return static_cast<void>(::unsetenv(verb.first.c_str()));
    if (name == "hide-proc") return hide_proc();
    if (name == "pid-one") return become_pid_one();
    require(false, "verb " + name);
}

}  // namespace

int main(int argc, char** argv) {
    // Whatever becomes of 0-2, the report goes where stdout led at the start.
    probe::report_fd = ::fcntl(1, F_DUPFD_CLOEXEC, 100);
    std::optional<detail::FilledStreams> filled;
    for (int at = 1; at < argc; ++at) {
        try {
            act(Verb(argv[at]), filled);
        } catch (const Error& error) {
            report(error);
        }
    }
    std::fflush(nullptr);
    ::_exit(0);  // threads are still waiting
}

// SPDX-License-Identifier: MIT
// probe_control PATH [verb...]: makes a control socket at the path, says `ready`, and serves it until it is told `stop`.
//
// Verbs before that: `umask:MODE`, `limit:N` descriptors, `ids:UID:GID`, `mode:MODE`, `group:NAME`; `everybody` is allowed;
// `most:N` clients; `thread`: it is served by a thread; `fork`: a child with a copy of everything stays until the end of
// its stdin; `chroot:FOLDER`, once it is made; `fork_end`: a child runs all destructors and ends; `foreign`: a child serves, and reports what comes of it.
// The socket's verbs: stop; echo TEXT; peer: pid, uid and gid of who asks; fork: a child returns from the handler, too, and
// stays until the end of its stdin; renew: whether it was named, and makes it again.
#include <daemonkit/control_socket.hpp>
#include <daemonkit/control_thread.hpp>
#include <daemonkit/error.hpp>

#include "verbs.hpp"

#include <atomic>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <grp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using daemonkit::ControlAnswer;
using daemonkit::ControlRequest;
using daemonkit::ControlSocket;

int run(const std::vector<std::string>& arguments) {
    daemonkit::ControlSocketOptions options{.path = arguments.at(0)};
    std::string way;
    std::string root;
    for (std::size_t at = 1; at < arguments.size(); ++at) {
        const probe::Verb verb(arguments[at]);
        if (verb.name == "umask") {
            ::umask(static_cast<mode_t>(std::stoul(verb.first, nullptr, 8)));
        } else if (verb.name == "limit") {
            const rlim_t most = std::stoul(verb.first);
            const rlimit limit{most, most};
            probe::require(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "a limit");
        } else if (verb.name == "ids") {
            const auto group = static_cast<gid_t>(std::stoul(verb.second));
            probe::require(::setgroups(0, nullptr) == 0 && ::setresgid(group, group, group) == 0,
                           "that group");
            const auto user = static_cast<uid_t>(std::stoul(verb.first));
            probe::require(::setresuid(user, user, user) == 0, "that user");
        } else if (verb.name == "mode") {
            options.mode = static_cast<mode_t>(std::stoul(verb.first, nullptr, 8));
        } else if (verb.name == "group") {
            options.group = verb.first;
        } else if (verb.name == "everybody") {
            options.allowed = [](const daemonkit::ControlPeer&) { return true; };
        } else if (verb.name == "most") {
            options.most_clients = std::stoul(verb.first);
        } else {
            way = verb.name;
            root = verb.first;
        }
    }

    ControlSocket socket(options);
    std::atomic<bool> stopped{false};
    socket.on("stop", [&](const ControlRequest&) {
        stopped = true;
        return ControlAnswer{0, "stopping"};
    });
    socket.on("echo", [&](const ControlRequest& request) {
        return ControlAnswer{0, request.arguments.at(0)};
    });
    socket.on("peer", [&](const ControlRequest& request) {
        return ControlAnswer{0, std::to_string(request.peer.pid) + " " +
                                    std::to_string(request.peer.uid) + " " +
                                    std::to_string(request.peer.gid)};
    });
    socket.on("renew", [&](const ControlRequest&) {
        const bool was_named = socket.is_named();
        socket.renew();
        return ControlAnswer{0, was_named ? "named" : "made again"};
    });
    if (way == "chroot") probe::require(::chroot(root.c_str()) == 0, "that root");
    bool is_child = false;
    socket.on("fork", [&](const ControlRequest&) {
        is_child = ::fork() == 0;
        return ControlAnswer{0, is_child ? "from the child" : "from the daemon"};
    });

    if (way == "fork") {
        const pid_t child = ::fork();
        if (child == 0) {
            char byte = 0;
            ::_exit(static_cast<int>(::read(0, &byte, 1)));
        }
        probe::report("child", std::to_string(child));
    }
    if (way == "fork_end" || way == "foreign") {
        const pid_t child = ::fork();
        if (child == 0) {
            if (way == "foreign") socket.serve();
            return 0;
        }
        int status = 0;
        ::waitpid(child, &status, 0);
    }
    std::optional<daemonkit::ControlThread> thread;
    if (way == "thread") thread.emplace(socket);
    probe::report("ready", std::to_string(::getpid()));
    while (!stopped) {
        pollfd set{socket.native_handle(), POLLIN, 0};
        if (thread)
            ::poll(nullptr, 0, 1);
        else if (::poll(&set, 1, -1) == 1)
            socket.serve();
        char byte = 0;
        if (is_child) return static_cast<int>(::read(0, &byte, 1));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const daemonkit::Error& error) {
        probe::report(error);
        return error.exit_status();
    } catch (const std::bad_alloc&) {
        return 71;
    }
}

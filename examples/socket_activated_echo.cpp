// SPDX-License-Identifier: MIT
// Sends back what it is sent. The same program is started by a service manager with an open socket, binds for itself
// as a daemon, or stays in the foreground.
//
//   socket_activated_echo [--foreground] [PORT [PIDFILE]]     binds to 127.0.0.1, unless it was given a socket
#include <daemonkit/listen_fds.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// Owns a socket.
class Socket {
public:
    explicit Socket(int fd) noexcept : fd_(fd) {}
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&&) = delete;
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

/// One connection, and what of it has not been sent back yet.
struct Client {
    Socket socket;
    std::string waiting{};
};

int check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::system_category(), what);
    return result;
}

Socket bind_to(std::uint16_t port) {
    Socket socket(
        check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
    const int yes = 1;
    check(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), "setsockopt");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    check(::listen(socket.get(), SOMAXCONN), "listen");
    return socket;
}

// [take]
/// The socket of the service manager, or one of our own.
Socket listener(std::uint16_t port) {
    daemonkit::ListenFds handed_over;
    auto socket = handed_over.take(daemonkit::ListenKind::stream);
    return socket ? Socket(socket->release()) : bind_to(port);
}
// [take]

/// Reads while nothing waits to be sent back, and sends while something does; false when the connection is over.
bool serve(Client& client) {
    char buffer[4096];
    if (client.waiting.empty()) {
        const auto got = ::recv(client.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        client.waiting.assign(buffer, static_cast<std::size_t>(got));
        if (got == 0) return false;
    }
    const auto sent = ::send(client.socket.get(), client.waiting.data(), client.waiting.size(),
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    client.waiting.erase(0, static_cast<std::size_t>(sent));
    return true;
}

void echo(const Socket& socket, daemonkit::SignalSet& signals) {
    constexpr std::size_t most = 256;  // more connections than that wait in the kernel's queue
    constexpr int moment_ms = 100;
    bool has_room = true;  // for one more descriptor, as far as is known
    std::list<Client> clients;
    while (!signals.poll()) {
        const short may_accept = has_room && clients.size() < most ? POLLIN : 0;
        std::vector<pollfd> set{{signals.native_handle(), POLLIN, 0},
                                {socket.get(), may_accept, 0}};
        for (const Client& client : clients)
            set.push_back({client.socket.get(),
                           static_cast<short>(client.waiting.empty() ? POLLIN : POLLOUT), 0});
        // Without room the connection stays in the queue; to ask again at once would spin.
        if (::poll(set.data(), set.size(), has_room ? -1 : moment_ms) < 0) continue;
        has_room = true;
        auto ready = set.begin() + 2;
        for (auto client = clients.begin(); client != clients.end(); ++ready) {
            const bool goes_on = ready->revents == 0 || serve(*client);
            client = goes_on ? std::next(client) : clients.erase(client);
        }
        if (set[1].revents == 0) continue;
        const int fd = ::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            clients.push_back({Socket(fd)});
        else
            has_room = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    }
}

}  // namespace

int main(int argc, char** argv) {
    daemonkit::DaemonOptions options{.ready_when = daemonkit::ReadyWhen::notified};
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == "--foreground") {
        options.detach = daemonkit::Detach::never;
        words.erase(words.begin());
    }
    std::uint16_t port = 7007;
    if (!words.empty()) {
        const char* const end = words[0].data() + words[0].size();
        const auto parsed = std::from_chars(words[0].data(), end, port);
        if (words.size() > 2 || parsed.ec != std::errc{} || parsed.ptr != end) {
            std::fprintf(stderr, "usage: %s [--foreground] [PORT [PIDFILE]]\n", argv[0]);
            return 64;
        }
    }
    if (words.size() == 2) options.pid_file = words[1];
    return daemonkit::run(argv[0], options, [&](daemonkit::DaemonContext& daemon) {
        daemonkit::SignalSet signals({SIGTERM, SIGINT});
        const Socket socket = listener(port);
        daemon.notify_ready();  // from here on a client finds somebody who answers
        echo(socket, signals);
        return 0;
    });
}

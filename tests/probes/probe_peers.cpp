// SPDX-License-Identifier: MIT
// Whom the programs of examples/ speak to: for each argument a peer, until this is killed.
//
//   open     a TCP port of 127.0.0.1 that takes connections; prints open=PORT
//   closed   one that refuses them, and that nobody else gets; prints closed=PORT
//   silent   one that does not answer; prints silent=PORT, or silent=none where the kernel has none
//   PATH     a log socket there; prints what arrives, a line each
//
// Before what arrives it prints ready=1.
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

int socket_of(int family, int kind) {
    const int fd = ::socket(family, kind | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    return fd;
}

::sockaddr_in bind_port(int fd) {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<::sockaddr*>(&address);
    ::socklen_t size = sizeof address;
    if (::bind(fd, any, size) != 0 || ::getsockname(fd, any, &size) != 0) fail("bind");
    return address;
}

// With its queue full, a listener does not answer. True when this one does not.
bool fill_queue(const ::sockaddr_in& address) {
    bool is_silent = false;
    for (int i = 0; i < 8 && !is_silent; ++i) {
        const int fd = socket_of(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
        if (::connect(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0)
            continue;
        ::pollfd connected{fd, POLLOUT, 0};
        is_silent = errno == EINPROGRESS && ::poll(&connected, 1, 200) == 0;
    }
    return is_silent;
}

int begin_port(std::string_view kind) {
    const int fd = socket_of(AF_INET, SOCK_STREAM);
    const ::sockaddr_in address = bind_port(fd);
    std::string port = std::to_string(ntohs(address.sin_port));
    if (kind != "closed" && ::listen(fd, kind == "open" ? 64 : 0) != 0) fail("listen");
    if (kind == "silent" && !fill_queue(address)) port = "none";
    std::printf("%s=%s\n", std::string(kind).c_str(), port.c_str());
    return kind == "open" ? fd : -1;  // the others keep whom they have, and wait for nobody
}

int begin_log(const char* path) {
    const int fd = socket_of(AF_UNIX, SOCK_DGRAM);
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof address.sun_path) std::exit(64);
    std::strcpy(address.sun_path, path);
    if (::bind(fd, reinterpret_cast<::sockaddr*>(&address), sizeof address) != 0) fail(path);
    return fd;
}

}  // namespace

int main(int, char** argv) {
    std::vector<::pollfd> peers;
    while (*++argv != nullptr) {
        const std::string_view peer = *argv;
        const bool is_port = peer == "open" || peer == "closed" || peer == "silent";
        peers.push_back({is_port ? begin_port(peer) : begin_log(*argv), POLLIN, 0});
    }
    std::puts("ready=1");
    std::fflush(stdout);
    for (char text[9000];;) {
        if (::poll(peers.data(), static_cast<::nfds_t>(peers.size()), -1) < 0 && errno != EINTR)
            fail("poll");
        for (const ::pollfd& peer : peers) {
            if (peer.revents == 0) continue;
            const int client = ::accept(peer.fd, nullptr, nullptr);
            if (client >= 0) ::close(client);
            const ::ssize_t size = client < 0 ? ::recv(peer.fd, text, sizeof text, 0) : 0;
            if (size > 0) std::printf("%.*s\n", static_cast<int>(size), text);
            std::fflush(stdout);
        }
    }
}

// SPDX-License-Identifier: MIT
// A server of the kind of syslogd, and its clients: one-way messages and requests with replies, as datagrams.
//
//   client_server serve [--foreground] SOCKET LOG PID_FILE   until SIGTERM; SIGHUP opens LOG anew
//   client_server send SOCKET TEXT                           a line of LOG
//   client_server ask SOCKET TEXT                            prints the reply, TEXT; to "counts", what the server counts
//   client_server flood SOCKET NAME NUMBER                   NUMBER lines, "NAME 1" and so on
//
// What the kernel has accepted is in the log: a client waits while the queue of the server is full, and a server that
// stops first lets nobody in any more, and then reads what has come in. Whatever else is lost is counted: a datagram
// that is none of ours, a reply that its client has no room for.
#include <daemonkit/log_file.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr std::size_t longest = 2048;  // of a datagram: a word, which says what it is, and a text
constexpr std::string_view one_way = "send ";
constexpr std::string_view request = "ask ";

template <class Value>
Value check(Value value, const std::string& what) {
    if (value == static_cast<Value>(-1))
        throw std::system_error(errno, std::system_category(), what);
    return value;
}

::sockaddr_un address_of(const std::string& path) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw std::system_error(ENAMETOOLONG, std::system_category(), path);
    path.copy(address.sun_path, path.size());
    return address;
}
const ::sockaddr* generic(const ::sockaddr_un& address) {
    return reinterpret_cast<const ::sockaddr*>(&address);
}

class Socket {
public:
    Socket() : fd_(check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")) {}
    ~Socket() { ::close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

/// What comes in at a socket, and what the kernel knows of its sender.
class Receiver {
public:
    explicit Receiver(const Socket& socket) : fd_(socket.fd()) {
        constexpr int on = 1;
        check(::setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), "SO_PASSCRED");
    }

    std::string_view text;
    bool is_whole = false;
    ::sockaddr_un sender{};  // what has no address cannot be answered
    ::socklen_t sender_size = 0;
    ::ucred process{};

    /// Receives the next datagram, without waiting; false when there is none.
    bool receive() {
        ::iovec data{buffer_, sizeof buffer_};
        // With room for the credentials and nothing else: a descriptor that somebody passes is closed by the kernel.
        alignas(::cmsghdr) char control[CMSG_SPACE(sizeof(::ucred))];
        ::msghdr message{};
        message.msg_name = &sender;
        message.msg_namelen = sizeof sender;
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        ::ssize_t size = 0;
        while ((size = ::recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0) {
            if (errno == EAGAIN) return false;
            if (errno != EINTR) check(size, "recvmsg");
        }
        text = {buffer_, static_cast<std::size_t>(size)};
        is_whole = (message.msg_flags & MSG_TRUNC) == 0;
        sender_size = message.msg_namelen;
        process = {};
        const ::cmsghdr* const header = CMSG_FIRSTHDR(&message);
        if (header != nullptr && header->cmsg_type == SCM_CREDENTIALS)
            std::memcpy(&process, CMSG_DATA(header), sizeof process);
        return true;
    }

private:
    int fd_;
    char buffer_[longest];
};

/// The socket that clients find by its path. Only for whoever holds the lock of the daemon.
class Entrance {
public:
    explicit Entrance(const std::string& path) : path_(path) {
        const ::sockaddr_un address = address_of(path);
        remove_stale(address);
        const ::mode_t before = ::umask(0117);  // 0660 from its first moment on
        const int bound = ::bind(socket_.fd(), generic(address), sizeof address);
        ::umask(before);
        check(bound, path);
        check(::lstat(path.c_str(), &made_), path);
    }
    ~Entrance() { remove(); }
    Entrance(const Entrance&) = delete;
    Entrance& operator=(const Entrance&) = delete;

    const Socket& socket() const { return socket_; }

    /// Lets nothing in any more; what is in can still be received.
    void close() {
        remove();
        // A client that has found it already, and waits for room, is told so: EPIPE.
        ::shutdown(socket_.fd(), SHUT_RD);
    }

private:
    /// A socket that nobody listens on is what a killed server has left. Anything else is not ours to remove.
    static void remove_stale(const ::sockaddr_un& address) {
        const char* const path = address.sun_path;
        struct ::stat status {};
        if (::lstat(path, &status) != 0) return;
        const auto refuse = [path](int error, const char* why) {
            throw daemonkit::Error(daemonkit::Step::application, path, error, why);
        };
        if (!S_ISSOCK(status.st_mode)) refuse(EEXIST, "it is no socket, and is left alone");
        const Socket probe;
        if (::connect(probe.fd(), generic(address), sizeof address) == 0)
            refuse(EADDRINUSE, "another server listens there");
        if (errno != ECONNREFUSED) check(-1, path);
        check(::unlink(path), path);
    }

    void remove() {
        struct ::stat now {};
        if (::lstat(path_.c_str(), &now) != 0) return;
        if (now.st_dev == made_.st_dev && now.st_ino == made_.st_ino) ::unlink(path_.c_str());
    }

    std::string path_;
    Socket socket_;
    struct ::stat made_ {};
};

// -- the server -----------------------------------------------------------------------------------

/// False when the client is gone, has no address, or no room: who does not read holds up nobody.
bool reply(const Receiver& to, std::string_view text) {
    if (to.sender_size <= offsetof(::sockaddr_un, sun_path)) return false;
    // By a socket of its own: what clients leave unread counts against the one it was sent from, for all of them.
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const auto sent = ::sendto(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                               generic(to.sender), to.sender_size);
    ::close(fd);
    return sent >= 0;
}

class Server {
public:
    Server(const std::string& path, daemonkit::LogFile& log)
        : entrance_(path), receiver_(entrance_.socket()), log_(log) {}

    void work(daemonkit::SignalSet& signals) {
        using daemonkit::Severity;
        log_.write(Severity::notice, "started");
        for (;;) {
            ::pollfd set[] = {{entrance_.socket().fd(), POLLIN, 0},
                              {signals.native_handle(), POLLIN, 0}};
            if (::poll(set, 2, -1) < 0 && errno != EINTR) check(-1, "poll");
            const auto signal = signals.poll();
            if (signal && signal->number != SIGHUP) break;
            if (signal) log_.reopen();  // what fails is told by a line of the log
            take_in(100);               // then a signal is looked for, whatever comes in
        }
        // [end]
        entrance_.close();
        while (take_in(100)) continue;
        // [end]
        log_.write(Severity::notice, "stopped: " + counts());
    }

private:
    /// Handles what has come in, up to that many; false when nothing is left.
    bool take_in(int most) {
        for (int taken = 0; taken < most; ++taken) {
            if (!receiver_.receive()) return false;
            handle();
        }
        return true;
    }

    void handle() {
        std::string_view text = receiver_.text;
        if (receiver_.is_whole && text.starts_with(one_way)) {
            ++logged_;
            text.remove_prefix(one_way.size());
            // What is no printable text is made one by the log.
            log_.write(daemonkit::Severity::info,
                       "from " + std::to_string(receiver_.process.pid) + ": " + std::string(text));
        } else if (receiver_.is_whole && text.starts_with(request)) {
            ++requests_;
            text.remove_prefix(request.size());
            const std::string answer = text == "counts" ? counts() : std::string(text);
            if (!reply(receiver_, answer)) ++replies_dropped_;
        } else {
            ++refused_;
        }
    }

    std::string counts() const {
        return "logged " + std::to_string(logged_ - log_.dropped()) + ", requests " +
               std::to_string(requests_) + ", refused " + std::to_string(refused_) +
               ", replies dropped " + std::to_string(replies_dropped_) + ", lines dropped " +
               std::to_string(log_.dropped());
    }

    Entrance entrance_;
    Receiver receiver_;
    daemonkit::LogFile& log_;
    unsigned long logged_ = 0;
    unsigned long requests_ = 0;
    unsigned long refused_ = 0;
    unsigned long replies_dropped_ = 0;
};

int serve(int argc, char** argv) {
    daemonkit::DaemonOptions options{.ready_when = daemonkit::ReadyWhen::notified};
    if (argc == 6 && std::string_view(argv[2]) == "--foreground") {
        options.detach = daemonkit::Detach::never;
    } else if (argc != 5) {
        return 64;
    }
    options.pid_file = argv[argc - 1];
    const std::string path = std::filesystem::absolute(argv[argc - 3]);
    daemonkit::LogFile log(argv[argc - 2]);
    daemonkit::SignalSet signals({SIGTERM, SIGINT, SIGHUP});
    return daemonkit::run("client_server", options, [&](daemonkit::DaemonContext& daemon) {
        Server server(path, log);  // under the lock: a socket that is there already is nobody's
        daemon.notify_ready();
        server.work(signals);
    });
}

// -- the clients ----------------------------------------------------------------------------------

class Client {
public:
    explicit Client(const std::string& path)
        : path_(path), server_(address_of(path)), receiver_(socket_) {
        // An address of its own, for replies: the kernel chooses one, which is no file.
        ::sockaddr_un any{};
        any.sun_family = AF_UNIX;
        check(::bind(socket_.fd(), generic(any), sizeof any.sun_family), "bind");
    }

    /// Waits while the server has no room; throws when there is none, or it takes nothing in any more.
    void send(std::string_view word, std::string_view text) const {
        const std::string datagram = std::string(word) + std::string(text);
        while (::sendto(socket_.fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                        generic(server_), sizeof server_) < 0)
            if (errno != EINTR) check(-1, path_);
    }

    std::string receive() {
        struct ::stat owned_by_server {};
        check(::stat(path_.c_str(), &owned_by_server), path_);
        constexpr int patience_ms = 10'000;
        ::pollfd set{socket_.fd(), POLLIN, 0};
        while (::poll(&set, 1, patience_ms) > 0) {
            // Anybody can send to an address that is no file; the server is known by its user.
            if (receiver_.receive() && receiver_.process.uid == owned_by_server.st_uid)
                return std::string(receiver_.text);
        }
        throw std::runtime_error("no reply");
    }

private:
    std::string path_;
    ::sockaddr_un server_;
    Socket socket_;
    Receiver receiver_;
};

int flood(const std::string& path, const std::string& name, long number) {
    long accepted = 0;
    try {
        const Client client(path);
        for (; accepted < number; ++accepted)
            client.send(one_way, name + ' ' + std::to_string(accepted + 1));
    } catch (const std::system_error& failure) {
        std::fprintf(stderr, "client_server: %s\n", failure.what());
    }
    std::printf("%s: %ld accepted\n", name.c_str(), accepted);
    return accepted == number ? 0 : 69;  // EX_UNAVAILABLE
}

int act(int argc, char** argv) {
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (verb == "serve") return serve(argc, argv);
    if (verb == "flood" && argc == 5) return flood(argv[2], argv[3], std::atol(argv[4]));
    if ((verb != "send" && verb != "ask") || argc != 4) return 64;
    Client client(argv[2]);
    client.send(verb == "ask" ? request : one_way, argv[3]);
    if (verb == "ask") std::puts(client.receive().c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    const int status = act(argc, argv);
    if (status == 64) {
        std::fputs(
            "usage: client_server serve [--foreground] SOCKET LOG PID_FILE\n"
            "       client_server send|ask SOCKET TEXT\n"
            "       client_server flood SOCKET NAME NUMBER\n",
            stderr);
    }
    return status;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "client_server: %s\n", error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "client_server: %s\n", failure.what());
    return 69;
}

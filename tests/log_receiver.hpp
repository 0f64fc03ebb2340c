// SPDX-License-Identifier: MIT
#pragma once
// LogReceiver: a log daemon's end of a socket, and LogLine: what a log daemon makes of a line. Every wait is bounded.

#include <daemonkit/syslog_client_options.hpp>

#include "catch.hpp"
#include "temp_folder.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>  // strptime
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// Something that lines are sent to. It can go away and come back at the same address.
class LogReceiver {
public:
    enum class Kind { datagrams, streams, udp, tcp, tcp_lines };

    explicit LogReceiver(Kind kind, std::string path = {}) : kind_(kind), path_(std::move(path)) {
        start();
    }
    ~LogReceiver() { stop(); }
    LogReceiver(const LogReceiver&) = delete;
    LogReceiver& operator=(const LogReceiver&) = delete;

    void start() {
        socket_ =
            ::socket(is_local() ? AF_UNIX : AF_INET,
                     (is_stream() ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (is_stream() && !is_local()) {
            const int small = 4096;  // so that a few lines fill it
            ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        }
        if (is_local()) {
            ::sockaddr_un address{};
            address.sun_family = AF_UNIX;
            path_.copy(address.sun_path, sizeof address.sun_path - 1);
            bind(address);
        } else {
            ::sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            address.sin_port = htons(port_);
            bind(address);
            socklen_t size = sizeof address;
            ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
            port_ = ntohs(address.sin_port);
        }
        if (is_stream()) REQUIRE(::listen(socket_, 16) == 0);
    }
    /// Nobody listens any more, and what was not read is lost.
    void stop() {
        for (const Connection& each : connections_) ::close(each.fd);
        connections_.clear();
        if (socket_ >= 0) ::close(std::exchange(socket_, -1));
        if (is_local()) ::unlink(path_.c_str());
    }

    std::uint16_t port() const noexcept { return port_; }

    /// How many connections were made.
    int connections_made() const noexcept { return made_; }

    /// The next line, without its frame; nothing when none comes within the time.
    std::optional<std::string> receive(std::chrono::milliseconds limit = std::chrono::seconds(5)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        for (;;) {
            if (auto line = is_stream() ? next_framed() : next_datagram()) return line;
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                deadline - std::chrono::steady_clock::now());
            if (left.count() <= 0) return {};
            std::vector<pollfd> set{{socket_, POLLIN, 0}};
            for (const Connection& each : connections_) set.push_back({each.fd, POLLIN, 0});
            ::poll(set.data(), set.size(), static_cast<int>(left.count()));
        }
    }
    /// All that was sent so far.
    std::vector<std::string> receive_all(
        std::chrono::milliseconds quiet = std::chrono::milliseconds(0)) {
        std::vector<std::string> lines;
        while (auto line = receive(quiet)) lines.push_back(*line);
        return lines;
    }

private:
    struct Connection {
        int fd;
        std::string bytes;
        std::size_t done = 0;  // how many of them were given out
    };

    bool is_stream() const noexcept {
        return kind_ == Kind::streams || kind_ == Kind::tcp || kind_ == Kind::tcp_lines;
    }
    bool is_local() const noexcept { return kind_ == Kind::datagrams || kind_ == Kind::streams; }

    template <class Address>
    void bind(const Address& address) const {
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }

    std::optional<std::string> next_datagram() const {
        std::array<char, 65536> bytes;
        const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
        if (size < 0) return {};
        return std::string(bytes.data(), static_cast<std::size_t>(size));
    }

    std::optional<std::string> next_framed() {
        for (int fd = 0;
             (fd = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;)
            connections_.push_back({fd, {}, 0}), ++made_;
        for (auto each = connections_.begin(); each != connections_.end();) {
            if (auto line = cut_frame(*each)) return line;
            static std::array<char, 65536> bytes;
            ssize_t size = 0;
            while ((size = ::recv(each->fd, bytes.data(), bytes.size(), 0)) > 0)
                each->bytes.append(bytes.data(), static_cast<std::size_t>(size));
            if (auto line = cut_frame(*each)) return line;
            if (size == 0) ::close(each->fd);
            each = size == 0 ? connections_.erase(each) : each + 1;
        }
        return {};
    }

    std::optional<std::string> cut_frame(Connection& from) const {
        const char mark = kind_ == Kind::streams ? '\0' : kind_ == Kind::tcp ? ' ' : '\n';
        const auto end = from.bytes.find(mark, from.done);
        if (end == std::string::npos) return {};
        std::size_t start = from.done;
        std::size_t size = end - start;
        if (kind_ == Kind::tcp) {
            size = std::stoul(from.bytes.substr(start, size));
            start = end + 1;
            if (from.bytes.size() < start + size) return {};
        }
        std::string line = from.bytes.substr(start, size);
        from.done = start + size + (kind_ == Kind::tcp ? 0 : 1);
        if (from.done == from.bytes.size()) {
            from.bytes.clear();
            from.done = 0;
        }
        return line;
    }

    Kind kind_;
    std::string path_;
    std::uint16_t port_ = 0;
    int socket_ = -1;
    int made_ = 0;
    std::vector<Connection> connections_;
};

/// The fields of a line.
struct LogLine {
    int facility = -1;
    int severity = -1;
    std::time_t time = 0;
    std::string host = {};
    std::string ident = {};
    std::string pid = {};
    std::string msgid = {};
    std::string data = {};  ///< structured data, as it stands there
    std::string text = {};
};

/// The part of `rest` up to the end mark, which is taken off with it; without one the test fails.
inline std::string take(std::string& rest, const std::string& mark) {
    const auto at = rest.find(mark);
    INFO(rest);
    REQUIRE(at != std::string::npos);
    std::string part = rest.substr(0, at);
    rest.erase(0, at + mark.size());
    return part;
}

inline void take_priority(LogLine& line, std::string& rest) {
    REQUIRE(rest.front() == '<');
    rest.erase(0, 1);
    const int priority = std::stoi(take(rest, ">"));
    line.facility = priority >> 3;
    line.severity = priority & 7;
}

enum class Host { absent, present };

/// "<PRI>Mmm dd hh:mm:ss [HOST ]IDENT[PID]: TEXT", where [PID] may be missing; anything else fails the test.
inline LogLine parsed_old(std::string rest, Host host = Host::absent) {
    LogLine line;
    take_priority(line, rest);
    std::tm fields{};
    const std::time_t now = std::time(nullptr);
    ::localtime_r(&now, &fields);  // the year, and whether it is summer time
    const std::string time = rest.substr(0, 16);
    REQUIRE(::strptime(time.c_str(), "%b %e %H:%M:%S ", &fields) == time.c_str() + 16);
    line.time = std::mktime(&fields);
    rest.erase(0, 16);
    if (host == Host::present) line.host = take(rest, " ");
    line.ident = take(rest, ": ");
    if (const auto bracket = line.ident.find('['); bracket != std::string::npos) {
        REQUIRE(line.ident.back() == ']');
        line.pid = line.ident.substr(bracket + 1, line.ident.size() - bracket - 2);
        line.ident.resize(bracket);
    }
    line.text = rest;
    return line;
}

/// "<PRI>1 TIMESTAMP HOST IDENT PID MSGID SD TEXT"; anything else fails the test.
inline LogLine parsed_new(std::string rest) {
    LogLine line;
    take_priority(line, rest);
    REQUIRE(take(rest, " ") == "1");
    const std::string stamp = take(rest, " ");
    INFO(stamp);
    std::tm fields{};
    const char* end = ::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
    REQUIRE(end != nullptr);
    REQUIRE(std::string(end).size() == sizeof ".123456+00:00" - 1);
    REQUIRE(*end == '.');
    const std::string zone = end + 7;
    REQUIRE((zone[0] == '+' || zone[0] == '-'));
    REQUIRE(zone[3] == ':');
    const int offset = (zone[0] == '-' ? -60 : 60) *
                       (std::stoi(zone.substr(1, 2)) * 60 + std::stoi(zone.substr(4)));
    line.time = ::timegm(&fields) - offset;
    line.host = take(rest, " ");
    line.ident = take(rest, " ");
    line.pid = take(rest, " ");
    line.msgid = take(rest, " ");
    if (rest.front() == '-') {
        line.data = take(rest, " ");
    } else {
        bool in_value = false;
        std::size_t at = 0;
        for (; at < rest.size() && (in_value || rest[at] != ' ' || rest[at - 1] != ']'); ++at) {
            if (rest[at] == '\\')
                ++at;
            else if (rest[at] == '"')
                in_value = !in_value;
        }
        line.data = rest.substr(0, at);
        rest.erase(0, at + 1);
    }
    line.text = rest;
    return line;
}

/// A receiver in a folder of its own, and the target that leads to it.
struct TestLog {
    explicit TestLog(LogReceiver::Kind kind) : receiver(kind, folder / "log"), kind_(kind) {}

    SyslogTarget target(HostForm form = Rfc5424{}) const {
        if (kind_ == LogReceiver::Kind::udp)
            return UdpHost{.host = "127.0.0.1",
                           .port = receiver.port(),
                           .form = std::move(form),
                           .hostname = "thermo1"};
        if (kind_ == LogReceiver::Kind::tcp || kind_ == LogReceiver::Kind::tcp_lines)
            return TcpHost{.host = "127.0.0.1",
                           .port = receiver.port(),
                           .form = std::move(form),
                           .hostname = "thermo1",
                           .framing = kind_ == LogReceiver::Kind::tcp ? TcpFraming::octet_counting
                                                                      : TcpFraming::newline};
        return LocalLog{.path = folder / "log"};
    }

    LogLine parsed(const std::string& line) const {
        const bool is_local =
            kind_ == LogReceiver::Kind::datagrams || kind_ == LogReceiver::Kind::streams;
        return is_local ? parsed_old(line) : parsed_new(line);
    }
    LogLine next() {
        const auto line = receiver.receive();
        REQUIRE(line);
        return parsed(*line);
    }

    TempFolder folder;
    LogReceiver receiver;

private:
    LogReceiver::Kind kind_;
};

/// The texts of all lines that were sent so far.
inline std::vector<std::string> texts(
    TestLog& log, std::chrono::milliseconds quiet = std::chrono::milliseconds(0)) {
    std::vector<std::string> all;
    for (const auto& line : log.receiver.receive_all(quiet)) all.push_back(log.parsed(line).text);
    return all;
}

}  // namespace daemonkit::testkit

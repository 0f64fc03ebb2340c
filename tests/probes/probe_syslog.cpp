// SPDX-License-Identifier: MIT
// probe_syslog OPERATION...: a SyslogSink, and the /dev/log that it writes to, in a private mount namespace.
//
//   open[:KEY=VALUE,...]    a SyslogSink; ident, facility, threshold (numbers), pid=left_out,
//                           connect=at_first_line, copy=to_console_if_lost|to_stderr
//   close                   its end
//   second                  another one, while the first lives
//   write:SEVERITY:TEXT     write-hex:SEVERITY:BYTES    write-x:SEVERITY:COUNT (that many x)
//   fork-write:SEVERITY:TEXT    from a forked process, whose pid is reported as child=
//   direct:PRIORITY:TEXT    through syslog(3) itself
//   threshold:SEVERITY  mask    sets the threshold; reports threshold= and libc's mask=
//   stop-server  start-server   the receiver on /dev/log: there from the start
//   receive                 reports line= for each datagram, as it is, with \xNN for what is not printable ASCII
//   rsyslogd:FOLDER         the receiver is rsyslogd, with FOLDER/conf, until the end
//   chroot:FOLDER  make-console  console    reports what went to /dev/console
// An Error is reported as error=, subject=, errno=, message=.

#include "private_dev.hpp"

#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/syslog_sink.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

using namespace daemonkit;

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::cout << "failed=" << what << std::endl;
    ::_exit(71);
}

void report(const std::string& key, const std::string& value) {
    std::cout << key << "=" << value << std::endl;
}

std::pair<std::string, std::string> split(const std::string& text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string::npos) return {text, ""};
    return {text.substr(0, at), text.substr(at + 1)};
}

::sockaddr_un dev_log() {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string("/dev/log").copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

// The receiver: a datagram socket, as rsyslog and journald have it.
class Server {
public:
    void start() {
        socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto address = dev_log();
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail("bind /dev/log");
    }
    void stop() {
        socket_.reset();
        ::unlink("/dev/log");
    }
    void receive() const {
        std::array<char, 65536> datagram;
        for (;;) {
            const ssize_t size = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
            if (size < 0) return;
            std::ostringstream line;
            for (ssize_t at = 0; at < size; ++at) {
                const auto byte =
                    static_cast<unsigned char>(datagram[static_cast<std::size_t>(at)]);
                std::array<char, 5> hex{};
                std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(byte));
                if (byte >= 0x20 && byte < 0x7f && byte != '\\')
                    line << static_cast<char>(byte);
                else
                    line << hex.data();
            }
            report("line", line.str());
        }
    }

private:
    detail::UniqueFd socket_;
};

// rsyslogd in the foreground. It ends with whatever its socket still holds unread, so that its end waits for a line of
// its own to stand in the log.
class Rsyslogd {
public:
    explicit Rsyslogd(const std::string& folder) : log_(folder + "/log") {
        const std::string conf = folder + "/conf";
        const std::string pid_file = folder + "/pid";
        pid_ = ::fork();
        if (pid_ < 0) fail("fork");
        if (pid_ == 0) {
            ::execlp("rsyslogd", "rsyslogd", "-n", "-f", conf.c_str(), "-i", pid_file.c_str(),
                     nullptr);
            ::_exit(127);
        }
        const auto address = dev_log();
        for (int attempt = 0; attempt < 1000; ++attempt) {
            const detail::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                          sizeof address) == 0)
                return;
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) fail("rsyslogd ended");
            ::poll(nullptr, 0, 10);
        }
        fail("rsyslogd opens no /dev/log");
    }
    ~Rsyslogd() {
        const std::string last = "<14>probe: the last line";
        const auto address = dev_log();
        const detail::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        static_cast<void>(::sendto(socket.get(), last.data(), last.size(), 0,
                                   reinterpret_cast<const sockaddr*>(&address), sizeof address));
        for (int attempt = 0; attempt < 1000 && !has_logged("the last line"); ++attempt) {
            ::poll(nullptr, 0, 10);
        }
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }
    Rsyslogd(const Rsyslogd&) = delete;
    Rsyslogd& operator=(const Rsyslogd&) = delete;

private:
    bool has_logged(const std::string& text) const {
        std::ifstream file(log_);
        std::ostringstream content;
        content << file.rdbuf();
        return content.str().find(text) != std::string::npos;
    }

    std::string log_;
    pid_t pid_;
};

SyslogOptions options_named(const std::string& text) {
    SyslogOptions options;
    std::istringstream fields(text);
    for (std::string field; std::getline(fields, field, ',');) {
        const auto [key, value] = split(field, '=');
        if (key == "ident")
            options.ident = value;
        else if (key == "facility")
            options.facility = static_cast<Facility>(std::stoi(value));
        else if (key == "threshold")
            options.threshold = static_cast<Severity>(std::stoi(value));
        else if (value == "left_out")
            options.pid = SyslogPid::left_out;
        else if (value == "at_first_line")
            options.connect = SyslogConnect::at_first_line;
        else if (value == "to_console_if_lost")
            options.copy = SyslogCopy::to_console_if_lost;
        else if (value == "to_stderr")
            options.copy = SyslogCopy::to_stderr;
        else
            fail("option " + field);
    }
    return options;
}

std::string bytes_of(const std::string& hex) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
    return bytes;
}

struct Stage {
    Server server;
    std::optional<Rsyslogd> rsyslogd;
    std::optional<SyslogSink> sink;
    bool chrooted = false;
};

void operate(const std::string& operation, Stage& stage) {
    const auto pair = split(operation, ':');
    const std::string& verb = pair.first;
    const std::string& rest = pair.second;
    const std::string second = split(rest, ':').second;
    const auto severity = [&] { return static_cast<Severity>(std::stoi(rest)); };

    if (verb == "open")
        stage.sink.emplace(options_named(rest));
    else if (verb == "close")
        stage.sink.reset();
    else if (verb == "second")
        const SyslogSink another({.ident = "another"});
    else if (verb == "write") {
        errno = E2BIG;
        stage.sink->write(severity(), second);
        if (errno != E2BIG) report("errno", "changed");
    } else if (verb == "write-hex") {
        stage.sink->write(severity(), bytes_of(second));
    } else if (verb == "write-x") {
        stage.sink->write(severity(), std::string(std::stoul(second), 'x'));
    } else if (verb == "fork-write") {
        const pid_t pid = ::fork();
        if (pid < 0) fail("fork");
        if (pid == 0) {
            stage.sink->write(severity(), second);
            ::_exit(0);
        }
        ::waitpid(pid, nullptr, 0);
        report("child", std::to_string(pid));
    } else if (verb == "direct") {
        ::syslog(std::stoi(rest), "%s", second.c_str());
    } else if (verb == "threshold") {
        stage.sink->set_threshold(severity());
    } else if (verb == "mask") {
        report("mask", std::to_string(::setlogmask(0)));
        if (stage.sink) report("threshold", to_string(stage.sink->threshold()));
    } else if (verb == "stop-server") {
        stage.server.stop();
    } else if (verb == "start-server") {
        stage.server.start();
    } else if (verb == "receive") {
        stage.server.receive();
    } else if (verb == "rsyslogd") {
        stage.server.stop();
        stage.rsyslogd.emplace(rest);
    } else if (verb == "chroot") {
        if (::chroot(rest.c_str()) != 0) fail("chroot");
        stage.chrooted = true;
    } else if (verb == "make-console") {
        std::ofstream("/dev/console").flush();
    } else if (verb == "console") {
        std::ifstream console("/dev/console");
        for (std::string line; std::getline(console, line);) report("console", line);
    } else {
        fail("operation " + operation);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (const std::string refused = testkit::enter_private_dev(); !refused.empty()) {
        report("not_allowed", refused);
        return 0;
    }
    report("pid", std::to_string(::getpid()));
    Stage stage;
    stage.server.start();
    for (int at = 1; at < argc; ++at) {
        try {
            operate(argv[at], stage);
        } catch (const Error& error) {
            report("error", to_string(error.step()));
            report("subject", error.subject());
            report("errno", std::to_string(error.code().value()));
            report("message", error.what());
        }
    }
    stage.sink.reset();
    if (stage.chrooted) ::_exit(0);  // LeakSanitizer, run at exit, needs /proc
}

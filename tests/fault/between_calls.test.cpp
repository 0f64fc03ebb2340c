// SPDX-License-Identifier: MIT
// Others who act between two system calls: a reader that goes away, a log host that never stops talking.
#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/syslog_client.hpp>

#include "catch.hpp"
#include "temp_folder.hpp"

#include <chrono>
#include <csignal>
#include <string>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::detail::UniqueFd;
using daemonkit::fault::Meddler;

namespace {

volatile std::sig_atomic_t sigpipes = 0;

// SIGPIPE is counted, and blocked if need be, for the length of a scope.
class CountedSigpipe {
public:
    explicit CountedSigpipe(int how) {
        sigpipes = 0;
        struct ::sigaction count {};
        count.sa_handler = [](int) { sigpipes = sigpipes + 1; };
        ::sigaction(SIGPIPE, &count, &action_);
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, SIGPIPE);
        ::pthread_sigmask(how, &only, &mask_);
    }
    ~CountedSigpipe() {
        ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
        ::sigaction(SIGPIPE, &action_, nullptr);
    }
    CountedSigpipe(const CountedSigpipe&) = delete;
    CountedSigpipe& operator=(const CountedSigpipe&) = delete;

    static bool is_pending() {
        sigset_t pending;
        ::sigpending(&pending);
        return sigismember(&pending, SIGPIPE) == 1;
    }

private:
    struct ::sigaction action_ {};
    sigset_t mask_{};
};

// Writes to a pipe that is read until poll(2) has called it writable.
std::size_t write_to_a_vanishing_reader() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    UniqueFd reader(ends[0]);
    const UniqueFd writer(ends[1]);
    const Meddler meddler([&](std::string_view call) {
        if (call == "poll") reader.reset();
    });
    return detail::write_before(writer.get(), "text", detail::monotonic_after(1'000'000'000));
}

}  // namespace

TEST_CASE("write_before: a reader that goes away between poll and write raises no signal",
          "[bounded_write][fault][unit]") {
    const CountedSigpipe counted(SIG_UNBLOCK);
    CHECK(write_to_a_vanishing_reader() == 0);
    CHECK(sigpipes == 0);
    ::raise(SIGPIPE);  // and the mask is as before
    CHECK(sigpipes == 1);
}

TEST_CASE("write_before: where SIGPIPE is blocked, none is left pending but one of before",
          "[bounded_write][fault][unit]") {
    const CountedSigpipe counted(SIG_BLOCK);
    CHECK(write_to_a_vanishing_reader() == 0);
    CHECK_FALSE(CountedSigpipe::is_pending());
    ::raise(SIGPIPE);
    CHECK(write_to_a_vanishing_reader() == 0);
    CHECK(CountedSigpipe::is_pending());
}

TEST_CASE("PidLock: the other threads have their SIGXFSZ while the pid is written",
          "[pid_lock][fault][unit]") {
    const testkit::TempFolder folder;
    PidLock lock(folder / "pid");
    struct ::rlimit before {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct ::rlimit limit = before;
    limit.rlim_cur = 1 << 20;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    bool is_ignored = false;
    {
        const Meddler meddler([&](std::string_view call) {
            struct ::sigaction action {};
            if (call == "pwrite") ::sigaction(SIGXFSZ, nullptr, &action);
            if (action.sa_handler == SIG_IGN) is_ignored = true;
        });
        lock.write_pid();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    CHECK_FALSE(is_ignored);
}

TEST_CASE("SyslogClient: a log host that never stops talking holds nobody up",
          "[syslog_client][fault][unit]") {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<::sockaddr*>(&address);
    REQUIRE(::bind(listener.get(), name, size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), name, &size) == 0);

    SyslogClient client({.to = TcpHost{.host = "127.0.0.1", .port = ntohs(address.sin_port)}});
    const UniqueFd host(::accept(listener.get(), nullptr, nullptr));
    REQUIRE(host.is_open());
    const std::string talk(4096, 'x');
    const auto say = [&] {
        return ::send(host.get(), talk.data(), talk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    };
    REQUIRE(say() > 0);
    constexpr int far_too_many = 10'000;
    int heard = 0;
    {
        const Meddler meddler([&](std::string_view call) {
            if (call == "recv" && ++heard < far_too_many) say();
        });
        client.write(Severity::info, "message");
    }
    CHECK(heard > 0);
    CHECK(heard < far_too_many);
    CHECK(client.dropped() == 0);
}

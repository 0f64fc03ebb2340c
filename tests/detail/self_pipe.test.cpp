// SPDX-License-Identifier: MIT
#include <daemonkit/detail/self_pipe.hpp>

#include "catch.hpp"
#include "run_program.hpp"

#include <csignal>
#include <type_traits>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

using daemonkit::detail::SelfPipe;

static_assert(!std::is_copy_constructible_v<SelfPipe>);

namespace {

bool is_readable(const SelfPipe& pipe) {
    ::pollfd one{pipe.read_end(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

int bytes_in(int fd) {
    int count = -1;
    ::ioctl(fd, FIONREAD, &count);
    return count;
}

}  // namespace

TEST_CASE("SelfPipe: readable from the first ring until it is silenced", "[self_pipe][unit]") {
    SelfPipe pipe;
    CHECK_FALSE(is_readable(pipe));
    pipe.ring();
    CHECK(is_readable(pipe));
    pipe.silence();
    CHECK_FALSE(is_readable(pipe));
    pipe.ring();
    CHECK(is_readable(pipe));
}

TEST_CASE("SelfPipe: a million rings leave one byte", "[self_pipe][unit]") {
    SelfPipe pipe;
    for (int i = 0; i < 1'000'000; ++i) pipe.ring();
    CHECK(bytes_in(pipe.read_end()) == 1);
}

TEST_CASE("SelfPipe: both ends are close-on-exec and never wait", "[self_pipe][unit]") {
    const SelfPipe pipe;
    for (const int end : {pipe.read_end(), pipe.write_end()}) {
        CHECK(end > 2);
        CHECK((::fcntl(end, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(end, F_GETFL) & O_NONBLOCK) != 0);
    }
}

TEST_CASE("SelfPipe: a pipe that others have filled stays readable and does not hold up a ring",
          "[self_pipe][unit]") {
    SelfPipe pipe;
    char bytes[4096]{};
    while (::write(pipe.write_end(), bytes, sizeof bytes) > 0) continue;
    while (::write(pipe.write_end(), bytes, 1) > 0) continue;
    pipe.ring();
    CHECK(is_readable(pipe));
    pipe.silence();
    CHECK_FALSE(is_readable(pipe));
    pipe.ring();
    CHECK(is_readable(pipe));
}

TEST_CASE("SelfPipe: a signal handler rings", "[self_pipe][unit]") {
    static SelfPipe* rung = nullptr;
    SelfPipe pipe;
    rung = &pipe;
    const auto before = std::signal(SIGUSR1, [](int) { rung->ring(); });
    ::raise(SIGUSR1);
    CHECK(is_readable(pipe));
    std::signal(SIGUSR1, before);
}

TEST_CASE("SelfPipe: disowned it rings nowhere, renewed it rings in a pipe of its own",
          "[self_pipe][unit]") {
    SelfPipe pipe;
    const int parents = ::fcntl(pipe.read_end(), F_DUPFD_CLOEXEC, 3);
    pipe.disown();
    CHECK_FALSE(pipe.is_own());
    pipe.ring();
    CHECK(bytes_in(parents) == 0);
    pipe.renew();
    CHECK(pipe.is_own());
    CHECK(is_readable(pipe));  // the ring in between is not forgotten
    CHECK(bytes_in(parents) == 0);
    pipe.silence();
    CHECK_FALSE(is_readable(pipe));
    ::close(parents);
}

TEST_CASE("SelfPipe: what the parent was rung for stays in the parent's pipe",
          "[self_pipe][unit]") {
    SelfPipe pipe;
    const int parents = ::fcntl(pipe.read_end(), F_DUPFD_CLOEXEC, 3);
    pipe.ring();
    pipe.disown();
    pipe.silence();
    CHECK(bytes_in(parents) == 1);
    pipe.renew();
    CHECK_FALSE(is_readable(pipe));
    ::close(parents);
}

TEST_CASE("SelfPipe: closed standard streams are not taken for it", "[self_pipe][process]") {
    const auto finished =
        daemonkit::testkit::run_program({daemonkit::testkit::probe("probe_signals"), "low"});
    CHECK(finished["handle_above"] == "1");
    CHECK(finished["taken"] == "0");
}

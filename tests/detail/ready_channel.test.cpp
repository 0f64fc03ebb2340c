// SPDX-License-Identifier: MIT
#include <daemonkit/detail/ready_channel.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "file_text.hpp"
#include "run_program.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using daemonkit::detail::Frame;
using daemonkit::detail::FrameHeader;
using daemonkit::detail::FrameKind;
using daemonkit::detail::longest_frame_text;
using daemonkit::detail::ReadyChannel;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;

namespace {

// Both ends in one process.
struct Line {
    Line() { ReadyChannel::open(launcher, daemon); }
    ReadyChannel launcher;
    ReadyChannel daemon;
};

// Everything that has arrived; the line must not have ended.
std::vector<Frame> arrived(ReadyChannel& end) {
    while (end.fill().value == 1) continue;
    std::vector<Frame> frames;
    Frame frame;
    while (end.take(frame)) frames.push_back(frame);
    return frames;
}

std::string bytes_of(const FrameHeader& header) {
    std::string bytes(sizeof header, '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

void put(const ReadyChannel& end, const std::string& bytes) {
    REQUIRE(::send(end.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
}

bool is_guarded(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

Finished play(const std::string& scene) {
    Finished finished = run_program({probe("probe_ready_channel"), scene});
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.exit_status == 0);
    return finished;
}

}  // namespace

TEST_CASE("ReadyChannel: both ends are close-on-exec and above 2, even when 0 is free",
          "[detail][unit]") {
    const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
    ::close(0);
    std::vector<int> fds;
    bool are_guarded = true;
    {
        const Line line;
        fds = {line.launcher.native_handle(), line.daemon.native_handle()};
        for (const int fd : fds) are_guarded = are_guarded && is_guarded(fd);
    }
    REQUIRE(::dup2(saved, 0) == 0);
    ::close(saved);
    CHECK(are_guarded);
    for (const int fd : fds) {
        CHECK(fd > 2);
        CHECK(::fcntl(fd, F_GETFD) == -1);  // closed with its object
    }
}

TEST_CASE("ReadyChannel: a frame arrives as it was sent, in either direction", "[detail][unit]") {
    Line line;
    const auto kind = GENERATE(FrameKind::hello, FrameKind::failed, FrameKind::status,
                               FrameKind::extend, FrameKind::ready, FrameKind::heard);
    const auto number = GENERATE(std::int32_t{0}, 1, -1, std::numeric_limits<std::int32_t>::max(),
                                 std::numeric_limits<std::int32_t>::min());
    const bool is_from_daemon = GENERATE(true, false);
    auto& from = is_from_daemon ? line.daemon : line.launcher;
    auto& to = is_from_daemon ? line.launcher : line.daemon;
    const std::string subject("sub\0ject\n", 9);
    REQUIRE(from.send(kind, number, Step::lock_pid_file, subject, "explanation %s"));
    const auto frames = arrived(to);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].kind == kind);
    CHECK(frames[0].number == number);
    CHECK(frames[0].step == Step::lock_pid_file);
    CHECK(frames[0].subject == subject);
    CHECK(frames[0].explanation == "explanation %s");
}

TEST_CASE("ReadyChannel: texts of any length and content arrive, cut where they are too long",
          "[detail][unit]") {
    Line line;
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    for (const auto& text :
         {std::string(), std::string("x"), every_byte, std::string(longest_frame_text, 'a'),
          std::string(longest_frame_text + 1, 'b'), std::string(100'000, 'c')}) {
        CAPTURE(text.size());
        REQUIRE(line.daemon.send(FrameKind::status, 0, Step::application, text, text));
        const auto frames = arrived(line.launcher);
        REQUIRE(frames.size() == 1);
        CHECK(frames[0].subject == text.substr(0, longest_frame_text));
        CHECK(frames[0].explanation == text.substr(0, longest_frame_text));
    }
}

TEST_CASE("ReadyChannel: an Error arrives as the same Error", "[detail][unit]") {
    Line line;
    const Error sent(Step::write_pid_file, "/run/x.pid", ENOSPC, "no room");
    send_failure(line.daemon, sent);
    const auto frames = arrived(line.launcher);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].kind == FrameKind::failed);
    const Error received(frames[0].step, frames[0].subject, frames[0].number,
                         frames[0].explanation);
    CHECK(std::string(received.what()) == sent.what());
    CHECK(received.exit_status() == sent.exit_status());
}

TEST_CASE("ReadyChannel: a frame counts when all of it is there, however it arrives",
          "[detail][unit]") {
    Line line;
    FrameHeader header{FrameKind::failed, Step::application, 3, 2, 7};
    const std::string bytes = bytes_of(header) + "subex";
    Frame frame;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        CHECK_FALSE(line.launcher.take(frame));
        put(line.daemon, bytes.substr(at, 1));
        CHECK(line.launcher.fill().value == 1);
    }
    REQUIRE(line.launcher.take(frame));
    CHECK(frame.subject == "sub");
    CHECK(frame.explanation == "ex");
    CHECK_FALSE(line.launcher.take(frame));

    put(line.daemon, bytes + bytes + bytes.substr(0, 4));
    CHECK(arrived(line.launcher).size() == 2);
    put(line.daemon, bytes.substr(4));
    CHECK(arrived(line.launcher).size() == 1);
}

TEST_CASE("ReadyChannel: the longest frame a header can announce is waited for and taken whole",
          "[detail][unit]") {
    Line line;
    put(line.daemon, bytes_of({FrameKind::status, Step::application, 65535, 65535, 0}));
    CHECK(arrived(line.launcher).empty());
    put(line.daemon, std::string(65535, 'a') + std::string(65534, 'b'));
    CHECK(arrived(line.launcher).empty());
    put(line.daemon, "b");
    const auto frames = arrived(line.launcher);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].subject == std::string(65535, 'a'));
    CHECK(frames[0].explanation == std::string(65535, 'b'));
}

TEST_CASE("ReadyChannel: silence, the end of the line, and what was said before it",
          "[detail][unit]") {
    Line line;
    CHECK(line.launcher.fill().error == EAGAIN);
    REQUIRE(line.daemon.send(FrameKind::ready, 1));
    line.daemon.close();
    CHECK_FALSE(line.daemon.is_open());
    CHECK(line.launcher.fill().value == 1);
    const auto end = line.launcher.fill();
    CHECK(end.error == 0);
    CHECK(end.value == 0);
    Frame frame;
    CHECK(line.launcher.take(frame));
    CHECK(frame.kind == FrameKind::ready);
    // Half a frame is none.
    Line other;
    put(other.daemon, bytes_of({FrameKind::ready, Step::application, 0, 0, 1}).substr(0, 5));
    other.daemon.close();
    CHECK(arrived(other.launcher).empty());
}

TEST_CASE("ReadyChannel: whoever speaks to nobody gets an error and no signal", "[detail][unit]") {
    Line line;
    line.launcher.close();
    CHECK(line.daemon.send(FrameKind::ready, 1).error == EPIPE);
    send_failure(line.daemon, Error(Step::application, "", EIO));
}

TEST_CASE("ReadyChannel: only an answer is an answer", "[detail][unit]") {
    Line line;
    SECTION("heard") {
        REQUIRE(line.launcher.send(FrameKind::heard, 0));
        CHECK(line.daemon.await_heard());
    }
    SECTION("the end of the line") {
        line.launcher.close();
        CHECK_FALSE(line.daemon.await_heard());
    }
    SECTION("a launcher that closes without having listened: a reset, and then the end") {
        REQUIRE(line.daemon.send(FrameKind::ready, 1));
        line.launcher.close();
        CHECK_FALSE(line.daemon.await_heard());
    }
    SECTION("heard, by a launcher that is gone already") {
        REQUIRE(line.launcher.send(FrameKind::heard, 0));
        line.launcher.close();
        CHECK(line.daemon.await_heard());
    }
}

TEST_CASE("ReadyChannel: a tied daemon ends with its launcher's end of the line, and no later",
          "[detail][process]") {
    const Finished tied = play("tied");
    CHECK(tied["tie"] == "yes");
    CHECK(tied["daemon"] == "signal 9");

    const Finished late = play("late");
    CHECK(late["tie"] == "no");

    const Finished untied = play("untied");
    CHECK(untied["untie"] == "yes");
    CHECK(untied["heard"] == "no");
    CHECK(untied["daemon"] == "status 0");
}

TEST_CASE("ReadyChannel: being listened to and answered does not end a daemon that was tied",
          "[detail][process]") {
    const Finished answered = play("answer");
    CHECK(answered["heard"] == "yes");
    CHECK(answered["daemon"] == "status 0");

    // Room in a line that was full is news of the descriptor, but not of its end.
    const Finished chatter = play("chatter");
    CHECK(chatter["frames"] == "2001");
    CHECK(chatter["heard"] == "yes");
    CHECK(chatter["daemon"] == "status 0");
}

TEST_CASE("ReadyChannel: a line that cannot be made is an error, and nothing stays open",
          "[detail][unit][fault]") {
    const int before = open_descriptors();
    const int error = GENERATE(EMFILE, ENFILE, ENOBUFS, EACCES);
    const Outcome outcome = with_fault("socketpair", 1, error, Repeat::for_good, [] { Line line; });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == Step::open_channel);
    CHECK(outcome.error->code().value() == error);
    CHECK(outcome.error->exit_status() == 71);
    CHECK(open_descriptors() == before);
}

TEST_CASE("ReadyChannel: interrupted calls are made again, other errors are told",
          "[detail][unit][fault]") {
    Line line;
    {
        const Fault fault("send", 1, EINTR);
        CHECK(line.daemon.send(FrameKind::ready, 1));
        CHECK(fault.hits() == 1);
    }
    {
        const Fault fault("recv", 1, EINTR);
        CHECK(line.launcher.fill().value == 1);
        CHECK(fault.hits() == 1);
    }
    for (const int error : {EPIPE, EIO, ENOBUFS, EAGAIN, EINTR}) {
        const Fault fault("send", 1, error, Repeat::for_good);
        CHECK(line.daemon.send(FrameKind::ready, 1).error == error);
        CHECK(fault.hits() <= 64);
    }
    for (const int error : {EIO, ECONNRESET, ENOMEM, EINTR}) {
        const Fault fault("recv", 1, error, Repeat::for_good);
        CHECK(line.launcher.fill().error == error);
        CHECK(fault.hits() <= 64);
    }
}

TEST_CASE("ReadyChannel: an error in place of the answer is asked about again, and is not the end",
          "[detail][unit][fault]") {
    Line line;
    REQUIRE(line.launcher.send(FrameKind::heard, 0));
    {
        const Fault fault("recv", 1, EIO);
        CHECK(line.daemon.await_heard());
        CHECK(fault.hits() == 1);
    }
    REQUIRE(line.launcher.send(FrameKind::heard, 0));
    {
        const Fault fault("recv", 1, EIO, Repeat::for_good);
        CHECK(line.daemon.await_heard());  // bounded, and then believed
        CHECK(fault.hits() > 1);
        CHECK(fault.hits() < 100);
    }
    CHECK(line.daemon.await_heard());  // it is still there
    line.launcher.close();
    const Fault fault("recv", 1, EIO);
    CHECK_FALSE(line.daemon.await_heard());
}

TEST_CASE("ReadyChannel: however often the answer cannot be read, it is waited for",
          "[detail][unit][fault]") {
    Line line;
    const Fault fault("recv", 1, EIO, Repeat::for_good);
    std::atomic<pid_t> waiter{0};
    std::atomic<bool> has_returned{false};
    bool was_heard = false;
    std::thread daemon([&] {
        waiter = static_cast<pid_t>(::syscall(SYS_gettid));
        was_heard = line.daemon.await_heard();
        has_returned = true;
    });
    const auto is_asleep = [&] {
        const std::string stat =
            read_file("/proc/self/task/" + std::to_string(waiter.load()) + "/stat");
        return stat.find(") S ") != std::string::npos;
    };
    while (!has_returned && (fault.hits() == 0 || !is_asleep())) std::this_thread::yield();
    CHECK_FALSE(has_returned);
    CHECK(line.launcher.send(FrameKind::heard, 0));
    daemon.join();
    CHECK(was_heard);
}

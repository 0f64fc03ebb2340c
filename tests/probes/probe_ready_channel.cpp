// SPDX-License-Identifier: MIT
// probe_ready_channel CASE: a launcher and a daemon with a line between them, tied or not.
//
//   tied        the daemon is tied and hangs; the launcher closes its end
//   untied      the same after untie: the daemon waits for an answer
//   late        the launcher's end is closed before the daemon is tied
//   chatter     the tied daemon says more than the line holds, to a launcher that listens late
//   answer      tied, untied, ready, heard
// Reports what the daemon found (tie=, heard=), frames= as the launcher counted them, and daemon= how it ended.

#include <daemonkit/detail/ready_channel.hpp>

#include "verbs.hpp"

#include <csignal>
#include <string>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using detail::Frame;
using detail::FrameKind;
using detail::ReadyChannel;
using probe::report;
using probe::require;

namespace {

constexpr int chatter_frames = 2000;

// The answer, or the end of the line, is there: whoever is still tied is gone by now. (To one that sleeps in recv the
// kernel sends no signal.)
void await_news(const ReadyChannel& line) {
    ::pollfd set{line.native_handle(), POLLIN, 0};
    require(::poll(&set, 1, -1) == 1, "poll");
}

[[noreturn]] void be_daemon(const std::string& scene, ReadyChannel& line) {
    if (scene == "late") await_news(line);
    report("tie", line.tie() ? "yes" : "no");
    if (scene == "tied") {
        line.send(FrameKind::status, 0);
        for (;;) ::pause();
    }
    if (scene == "chatter") {
        const std::string text(detail::longest_frame_text, 'x');
        for (int at = 0; at < chatter_frames; ++at)
            line.send(FrameKind::status, at, Step::application, text);
    }
    report("untie", line.untie() ? "yes" : "no");
    if (line.send(FrameKind::ready, ::getpid())) {
        await_news(line);
        report("heard", line.await_heard() ? "yes" : "no");
    }
    ::_exit(0);
}

// Waits until the daemon has written as much as the line holds: it sleeps in send.
void await_full_line(const ReadyChannel& line) {
    int before = -1;
    int now = 0;
    while (now != before || now == 0) {
        before = now;
        ::poll(nullptr, 0, 20);
        require(::ioctl(line.native_handle(), FIONREAD, &now) == 0, "FIONREAD");
    }
}

int listen_to(ReadyChannel& line, const std::string& scene) {
    int frames = 0;
    Frame frame;
    for (;;) {
        ::pollfd set{line.native_handle(), POLLIN, 0};
        ::poll(&set, 1, -1);
        const auto news = line.fill();
        if (news.value <= 0) return frames;
        while (line.take(frame)) {
            ++frames;
            const bool is_answered = scene == "answer" || scene == "chatter";
            if (frame.kind == FrameKind::status && scene == "tied") return frames;
            if (frame.kind == FrameKind::ready && is_answered) line.send(FrameKind::heard, 0);
            if (frame.kind == FrameKind::ready && !is_answered) return frames;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 64;
    const std::string scene = argv[1];
    ReadyChannel launcher;
    ReadyChannel daemon;
    ReadyChannel::open(launcher, daemon);
    const pid_t pid = ::fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        launcher.close();
        be_daemon(scene, daemon);
    }
    daemon.close();
    if (scene == "chatter") await_full_line(launcher);
    if (scene != "late") report("frames", std::to_string(listen_to(launcher, scene)));
    launcher.close();
    int status = 0;
    require(::waitpid(pid, &status, 0) == pid, "waitpid");
    report("daemon", WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                         : "status " + std::to_string(WEXITSTATUS(status)));
}

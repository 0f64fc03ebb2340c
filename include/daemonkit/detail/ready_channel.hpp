// SPDX-License-Identifier: MIT
#pragma once
// ReadyChannel: what launcher and daemon say to each other until the daemon is up. Floor 4.
//
// Ready is a commit with an answer: the daemon says ready, the launcher says heard, and only then does the
// daemon's body begin. With a one-way message there is always a moment in which the one believes in a start and
// the other does not; with the answer, whoever finds the line dead knows that the other side gives up as well.

#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <csignal>  // SIGKILL
#include <cstdint>
#include <cstring>  // std::memcpy
#include <exception>
#include <new>  // std::bad_alloc
#include <string>
#include <string_view>
#include <system_error>
#include <utility>  // std::move

#include <fcntl.h>  // O_ASYNC
#include <poll.h>
#include <sys/socket.h>

namespace daemonkit::detail {

/// What one frame says.
enum class FrameKind : std::uint8_t {
    hello,     ///< session leader: the daemon exists; number = its pid
    failed,    ///< session leader or daemon: step, errno and texts of the Error; the sender ends
    status,    ///< daemon: subject = what it is doing
    extend,    ///< daemon: number = milliseconds from now that the start may still take
    ready,     ///< daemon: everything is done but the answer; number = its pid
    executes,  ///< daemon: becomes another program; the end of the line says that it has; number = milliseconds that
               ///< the program has to last
    heard,     ///< launcher: the answer to ready
};

/// The fixed part of a frame; the two texts follow it. Both ends are the same program: no byte order, no padding
/// that matters, no version.
struct FrameHeader {
    FrameKind kind = FrameKind::hello;
    Step step = Step::application;
    std::uint16_t subject_size = 0;
    std::uint16_t explanation_size = 0;
    std::int32_t number = 0;
};

/// One frame as received.
struct Frame {
    FrameKind kind = FrameKind::hello;
    Step step = Step::application;
    std::int32_t number = 0;
    std::string subject;
    std::string explanation;
};

/// The longest text a frame carries; what is longer is cut.
inline constexpr std::size_t longest_frame_text = 2000;

/// One end of the line between launcher and daemon.
class ReadyChannel {
public:
    ReadyChannel() noexcept = default;
    explicit ReadyChannel(UniqueFd end) noexcept : fd_(std::move(end)) {}

    /// Makes both ends, close-on-exec and above descriptor 2.
    static void open(ReadyChannel& launcher, ReadyChannel& daemon) {
        int ends[2] = {-1, -1};
        check(sys::socketpair_cloexec(ends), Step::open_channel, "socketpair");
        launcher.fd_.reset(ends[0]);
        daemon.fd_.reset(ends[1]);
        check(above_standard(launcher.fd_), Step::open_channel, "socketpair");
        check(above_standard(daemon.fd_), Step::open_channel, "socketpair");
    }

    bool is_open() const noexcept { return fd_.is_open(); }
    int native_handle() const noexcept { return fd_.get(); }
    void close() noexcept { fd_.reset(); }

    /// Sends one frame whole; the errno otherwise.
    Result<int> send(FrameKind kind, std::int32_t number, Step step = Step::application,
                     std::string_view subject = "", std::string_view explanation = "") noexcept {
        char frame[sizeof(FrameHeader) + 2 * longest_frame_text];
        subject = subject.substr(0, longest_frame_text);
        explanation = explanation.substr(0, longest_frame_text);
        const FrameHeader header{kind, step, static_cast<std::uint16_t>(subject.size()),
                                 static_cast<std::uint16_t>(explanation.size()), number};
        std::memcpy(frame, &header, sizeof header);
        std::memcpy(frame + sizeof header, subject.data(), subject.size());
        std::memcpy(frame + sizeof header + subject.size(), explanation.data(), explanation.size());
        std::string_view rest(frame, sizeof header + subject.size() + explanation.size());
        while (!rest.empty()) {
            const auto sent =
                retry([&] { return sys::send(fd_.get(), rest.data(), rest.size(), 0); });
            if (!sent) return {-1, sent.error};
            rest.remove_prefix(static_cast<std::size_t>(sent.value));
        }
        return {0, 0};
    }

    /// Has memory for what `fill` reads at once; false when there is none.
    bool make_room() noexcept {
        try {
            received_.reserve(received_.size() + most_at_once);
        } catch (...) {
            return false;
        }
        return true;
    }

    /// Reads what has arrived, without waiting: 1 when there is something new, 0 at the end of the line.
    Result<int> fill() noexcept {
        char bytes[most_at_once];
        // First: what has been read and cannot be kept would be lost, and both sides would wait for it.
        if (!make_room()) return {-1, ENOMEM};
        const auto got =
            retry([&] { return sys::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT); });
        if (!got) return {-1, got.error};
        received_.append(bytes, static_cast<std::size_t>(got.value));
        return {got.value > 0 ? 1 : 0, 0};
    }

    /// Takes the next whole frame out of what has arrived; false when there is none.
    bool take(Frame& frame) {
        FrameHeader header;
        if (received_.size() < sizeof header) return false;
        std::memcpy(&header, received_.data(), sizeof header);
        const std::size_t size =
            sizeof header + header.subject_size + std::size_t{header.explanation_size};
        if (received_.size() < size) return false;
        frame.kind = header.kind;
        frame.step = header.step;
        frame.number = header.number;
        frame.subject = received_.substr(sizeof header, header.subject_size);
        frame.explanation =
            received_.substr(sizeof header + header.subject_size, header.explanation_size);
        received_.erase(0, size);
        return true;
    }

    /// Until `untie`, the kernel ends this process at once when the launcher's end of the line closes (Linux).
    ///
    /// A start may hang, and the launcher may be killed meanwhile: then nobody is left to end it. SIGKILL, because a
    /// hanging start heeds nothing else. False when the launcher has gone already.
    ///
    /// Source:   fcntl(2) F_SETSIG, O_ASYNC.
    bool tie() noexcept {
        tied_ = sys::fcntl_setsig(fd_.get(), SIGKILL) &&
                sys::fcntl_setown(fd_.get(), sys::getpid()) && sys::fcntl_setfl(fd_.get(), O_ASYNC);
        ::pollfd line{fd_.get(), POLLIN, 0};
        return sys::poll(&line, 1, 0).value < 1;
    }

    /// Before anything is said to which the launcher answers: an answer would be news of the descriptor too.
    ///
    /// Errors:   in the result; the daemon must not go on tied.
    Result<int> untie() noexcept {
        if (!tied_) return {};
        auto untied = sys::fcntl_setfl(fd_.get(), 0);
        if (!untied) untied = sys::fcntl_setown(fd_.get(), 0);
        tied_ = !untied;
        return untied;
    }

    /// Waits for the launcher's answer to ready; false when the line ended in its place.
    ///
    /// An error is not the end: it is asked again, and then taken for an answer, because the launcher has said
    /// that the start failed only when its end of the line is closed.
    bool await_heard() noexcept {
        constexpr int attempts = 20;
        for (int attempt = 0; attempt < attempts; ++attempt) {
            FrameHeader answer;
            const auto got = retry([&] { return sys::recv(fd_.get(), &answer, sizeof answer, 0); });
            if (got) return got.value > 0;
            ::pollfd line{fd_.get(), POLLIN, 0};  // not before there is something that can be read
            static_cast<void>(sys::poll(&line, 1, -1));
        }
        return true;
    }

private:
    static constexpr std::size_t most_at_once = 1024;

    UniqueFd fd_;
    bool tied_ = false;
    std::string received_;
};

/// Tells the other end that the program's own part of the start failed, and returns the exit status for it.
inline int send_failure(ReadyChannel& channel, int error, std::string_view subject,
                        std::string_view explanation) noexcept {
    constexpr int software = 70;  // EX_SOFTWARE
    static_cast<void>(
        channel.send(FrameKind::failed, error, Step::application, subject, explanation));
    return software;
}

/// Tells the other end what failed, and returns the exit status for it; the sender ends after it.
///
/// Makes no Error of what is none: memory may be what is missing.
inline int send_failure(ReadyChannel& channel, const std::exception& failure) noexcept {
    if (const auto* const error = dynamic_cast<const Error*>(&failure)) {
        static_cast<void>(channel.send(FrameKind::failed, error->code().value(), error->step(),
                                       error->subject(), error->explanation()));
        return error->exit_status();
    }
    if (const auto* const error = dynamic_cast<const std::system_error*>(&failure);
        error != nullptr && error->code().category() == std::system_category()) {
        return send_failure(channel, error->code().value(), "", error->what());
    }
    if (dynamic_cast<const std::bad_alloc*>(&failure) != nullptr) {
        return send_failure(channel, ENOMEM, "", "out of memory");
    }
    return send_failure(channel, ECANCELED, "", failure.what());
}

/// The words for what was thrown and is no exception.
inline constexpr const char* thrown_without_words =
    "something was thrown that is no std::exception";

}  // namespace daemonkit::detail

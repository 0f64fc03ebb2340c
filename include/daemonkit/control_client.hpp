// SPDX-License-Identifier: MIT
#pragma once
// ask: one request to a running daemon, over its control socket. Floor 5.

#include <daemonkit/control_message.hpp>
#include <daemonkit/detail/bounded_write.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/control_line.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/local_address.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/timeout.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <utility>  // std::move
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace daemonkit {

namespace detail {

/// One request over a connection of its own, bounded in time and size.
class ControlQuestion {
public:
    ControlQuestion(const std::string& path, Timeout timeout)
        : path_(path),
          address_(path, Step::ask_control_socket),
          until_(monotonic_after(timeout.in_nanoseconds())) {}

    ControlAnswer ask(std::string_view line, std::size_t longest_answer) {
        connect();
        send(line);
        return receive(longest_answer);
    }

private:
    static constexpr Step step = Step::ask_control_socket;

    void connect() {
        fd_.reset(check(sys::socket_nonblocking(AF_UNIX, SOCK_STREAM), step, path_));
        for (;;) {
            const auto connected =
                retry([&] { return sys::connect(fd_.get(), address_.storage, address_.size); });
            if (connected || connected.error == EISCONN) return;
            if (connected.error != EAGAIN)
                throw Error(step, path_, connected.error, explain(connected.error));
            // So many wait that there is no room for one more; nothing tells when there is.
            constexpr int moment_ms = 2;
            if (monotonic_now() >= until_) throw_late();
            static_cast<void>(sys::poll(nullptr, 0, moment_ms));
        }
    }

    static const char* explain(int error) noexcept {
        switch (error) {
            case ENOENT:
            case ENOTDIR: return "the daemon is not running: there is no such socket";
            case ECONNREFUSED: return "the daemon is not running: it has left the socket behind";
            case EACCES:
            case EPERM: return "this user may not talk to the daemon";
            case EPROTOTYPE: return "that is a socket, but not one for control";
            default: return "";
        }
    }

    void send(std::string_view line) {
        while (!line.empty()) {
            const auto sent =
                retry([&] { return sys::send(fd_.get(), line.data(), line.size(), 0); });
            if (sent)
                line.remove_prefix(static_cast<std::size_t>(sent.value));
            else if (sent.error == EAGAIN)
                wait(POLLOUT);
            // A daemon that wants no more has said why, or at least it may have.
            else if (sent.error == EPIPE || sent.error == ECONNRESET)
                return;
            else
                throw Error(step, path_, sent.error);
        }
    }

    ControlAnswer receive(std::size_t longest_answer) {
        using State = ControlAnswerReader::State;
        ControlAnswerReader reader;
        char bytes[4096];
        for (std::size_t taken = 0;;) {
            const auto got = retry([&] { return sys::recv(fd_.get(), bytes, sizeof bytes, 0); });
            if (got.error == EAGAIN) {
                wait(POLLIN);
                continue;
            }
            if (got.error != 0 || got.value == 0)
                throw Error(step, path_, got.error != 0 ? got.error : ECONNRESET,
                            "the daemon has closed the connection without an answer");
            const auto size = static_cast<std::size_t>(got.value);
            taken += size;
            const State state = reader.feed({bytes, size});
            if (state == State::whole) return std::move(reader.answer());
            if (state == State::broken)
                throw Error(step, path_, EPROTO, "what came back is no answer of a control socket");
            if (taken > longest_answer)
                throw Error(
                    step, path_, EMSGSIZE,
                    "the answer is longer than " + std::to_string(longest_answer) + " bytes");
        }
    }

    void wait(short events) {
        const int left = milliseconds_until(until_);
        if (left == 0) throw_late();
        ::pollfd set{fd_.get(), events, 0};
        const auto ready = sys::poll(&set, 1, left);
        if (!ready && ready.error != EINTR) throw Error(step, path_, ready.error);
    }

    [[noreturn]] void throw_late() const {
        throw Error(step, path_, ETIMEDOUT, "the daemon has not answered in time");
    }

    const std::string& path_;
    LocalAddress address_;
    Nanoseconds until_;
    UniqueFd fd_;
};

}  // namespace detail

/// Asks the daemon whose control socket is at the path, and waits for the answer; the first of the words is the verb.
///
/// Whoever sits at the socket can neither hold this up for longer than the timeout, nor fill the memory, nor end the
/// process by SIGPIPE. An answer with a status that is not 0 is an answer, and no exception.
///
/// Process:  any.
/// Errors:   Step::ask_control_socket: ENOENT and ECONNREFUSED when the daemon is not running, EACCES when this user may
///           not ask, ETIMEDOUT, ECONNRESET when it ended before it answered; all of these are actionable. EINVAL for
///           words that no request can hold: none at all, a NUL byte, a control character, what is not UTF-8.
/// Threads:  any.
inline ControlAnswer ask(const std::string& path, const std::vector<std::string>& words,
                         Timeout timeout = Timeout::seconds(10),
                         std::size_t longest_answer = std::size_t{1} << 20U) {
    const detail::ErrnoGuard keep_errno;
    std::string line;
    for (const std::string& word : words) {
        if (!detail::is_control_word(word))
            throw Error(Step::ask_control_socket, word, EINVAL,
                        "a request holds UTF-8, and no control characters but newlines and tabs");
        detail::append_control_word(line, word);
    }
    if (line.empty()) throw Error(Step::ask_control_socket, path, EINVAL, "a verb is missing");
    line += '\n';
    return detail::ControlQuestion(path, timeout).ask(line, longest_answer);
}

}  // namespace daemonkit

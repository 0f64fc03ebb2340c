// SPDX-License-Identifier: MIT
#pragma once
// ControlSocket: a running daemon is asked and told, over a socket in its runtime directory. Floor 5.

#include <daemonkit/control_message.hpp>
#include <daemonkit/control_socket_options.hpp>
#include <daemonkit/detail/above_standard.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/control_clients.hpp>
#include <daemonkit/detail/control_connection.hpp>
#include <daemonkit/detail/control_verbs.hpp>
#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/event_queue.hpp>
#include <daemonkit/detail/interest.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/named_socket.hpp>
#include <daemonkit/detail/peer_credentials.hpp>
#include <daemonkit/detail/self_pipe.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/syscall_server.hpp>
#include <daemonkit/detail/unique_fd.hpp>
#include <daemonkit/detail/user_database.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>  // std::move
#include <vector>

namespace daemonkit {

/// Answers requests over a Unix stream socket, many clients at a time, in the caller's loop.
///
/// A request is one line, `verb argument argument...`; an answer is one or more, `status text`. A person can speak it with
/// `socat - UNIX-CONNECT:/run/thermod/control`, a program with `ask` of control_client.hpp; the rules stand in
/// docs/guide/control.md.
/// A client can hold up only itself: what it sends, what it leaves unread, how long it takes and how many there are is
/// bounded (ControlSocketOptions). Descriptors that a client passes are closed.
///
/// A socket that somebody removes, or puts another file in the place of, is made again within a minute by `serve`, where
/// the process has the right to make it and no other daemon has the name by then.
///
/// Process:  made in the daemon, after the DaemonContext or by its hook `in_daemon`, and served by the process that made
///           it. A forked child removes nothing, and ends nobody's connection.
/// Errors:   Step::open_control_socket: EADDRINUSE when a daemon listens there — actionable, exit status 75; EEXIST for a
///           file that is no socket; ENAMETOOLONG; EINVAL for an option. Step::resolve_user for the group. A socket whose
///           daemon is dead, which is one that refuses, is replaced.
/// Undo:     the destructor removes the socket, where the path still leads to it, and drops the clients.
/// Threads:  one at a time; `look_again` from any.
/// Source:   unix(7).
class ControlSocket {
public:
    /// What is done for a verb. One that returns nothing has no answer yet: it is called again after `look_again`, and
    /// its client waits. For one that throws, Error::exit_status (or 70) and what() are the answer.
    using Handler = std::function<std::optional<ControlAnswer>(const ControlRequest&)>;

    /// The socket is there, with its owner and mode, and knows no verb yet but `help`.
    explicit ControlSocket(const ControlSocketOptions& options)
        : options_(checked(options)),
          socket_(options.path, options.mode, group_of(options)),
          queue_(step, path()),
          bell_(step),
          clients_(queue_, verbs_, options_) {
        detail::check(queue_.add(bell_.read_end(), bell_key, Interest::reading), step, path());
        detail::check(queue_.add(socket_.fd(), listener_key, Interest::reading), step, path());
        look_at_clock(detail::forever);
    }
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    /// From now on the handler answers the verb. `help`, which is there from the start, lists it with its summary.
    ///
    /// Errors:   Step::open_control_socket: EINVAL for a verb that is not one word.
    ControlSocket& on(const std::string& verb, Handler handler, std::string summary = {}) {
        verbs_.set(verb, std::move(handler), std::move(summary));
        return *this;
    }

    /// The one descriptor to wait for: readable as long as `serve` has something to do, be it that somebody's time is
    /// over, or that it is time to look after the name. Borrowed, close-on-exec, the same from beginning to end; to be
    /// polled level-triggered.
    int native_handle() const noexcept { return queue_.native_handle(); }

    /// All that it has open but its clients: for DaemonOptions::keep_open, where it is made by the hook `in_daemon`.
    std::vector<int> descriptors() const {
        std::vector<int> all{socket_.fd(), bell_.read_end(), bell_.write_end()};
        for (const int fd : queue_.descriptors()) all.push_back(fd);
        return all;
    }

    /// Does what is to be done now and never waits, except for the handlers, which it calls. Where they take long, it
    /// comes back between two of them, and the descriptor is readable. Does nothing when it is called by one of them.
    ///
    /// Errors:   Step::open_control_socket when the descriptors no longer work; EINVAL in another process than the one that
    ///           made it.
    void serve() {
        if (is_serving_) return;
        const detail::ErrnoGuard keep_errno;
        require_own();
        const Serving serving(is_serving_);
        if (next_key_ == last_key_) {
            const auto taken = queue_.take(keys_);
            if (!taken) throw Error(step, path(), taken.error, "it can no longer be served");
            next_key_ = 0;
            last_key_ = taken.value;
        }
        // The caller has signals and deadlines besides. Who is left is the first of the next turn.
        constexpr Nanoseconds longest_turn = 500'000'000;
        const Nanoseconds until = detail::monotonic_after(longest_turn);
        bool is_over = false;
        while (next_key_ < last_key_ && !is_over && clients_.is_own()) {
            const std::uint64_t key = keys_[next_key_++];
            if (key == listener_key) {
                accept_clients(until);
            } else if (key == bell_key) {
                static_cast<void>(bell_.silence());
                clients_.answer_deferred();
            } else {
                clients_.attend(key);
            }
            is_over = detail::monotonic_now() >= until;
        }
        if (!clients_.is_own()) return;
        look_at_name();
        // Who had no turn yet is not late.
        look_at_clock(is_over ? detail::forever : clients_.drop_overdue());
        if (is_over) bell_.ring();
    }

    /// False when the path no longer leads to this socket: nobody new can ask. `serve` looks as well, and mends it.
    bool is_named() const noexcept { return socket_.is_named(); }

    /// Makes the socket again, where `is_named` says no; who is connected stays so.
    ///
    /// Process:  the one that made it; in any other, nothing happens.
    /// Errors:   as the constructor; EADDRINUSE: another daemon has the name by now.
    void renew() {
        if (!clients_.is_own() || is_named()) return;
        const detail::UniqueFd before = socket_.renew();
        if (before.is_open())
            queue_.remove(before.get(), pause_ == Pause::none ? Interest::reading : Interest::end);
        pause_ = Pause::none;
        const auto added = queue_.add(socket_.fd(), listener_key, Interest::reading);
        if (added) return;
        socket_.release();  // nobody would be answered there
        throw Error(step, path(), added.error);
    }

    /// The next `serve` calls the handlers again that had no answer.
    void look_again() noexcept {
        if (clients_.is_own()) bell_.ring();
    }

    /// Throws where `serve` would, in another process than the one that made it.
    void require_own() const {
        if (!clients_.is_own())
            throw Error(step, path(), EINVAL,
                        "another process has made the socket: make it after the DaemonContext");
    }

    /// The absolute path of the socket.
    const std::string& path() const noexcept { return socket_.path(); }

private:
    using Interest = detail::Interest;
    using Nanoseconds = detail::Nanoseconds;

    static constexpr Step step = Step::open_control_socket;
    static constexpr std::uint64_t listener_key = 1;
    static constexpr std::uint64_t bell_key = 2;
    static constexpr Nanoseconds moment = 100'000'000;

    /// Why nobody is accepted.
    enum class Pause : std::uint8_t { none, full, lacking };

    class Serving {
    public:
        explicit Serving(bool& flag) noexcept : flag_(flag) { flag_ = true; }
        ~Serving() { flag_ = false; }
        Serving(const Serving&) = delete;
        Serving& operator=(const Serving&) = delete;

    private:
        bool& flag_;
    };

    static const ControlSocketOptions& checked(const ControlSocketOptions& options) {
        const auto refuse = [](const char* name, const char* why) {
            throw Error(step, name, EINVAL, why);
        };
        if ((options.mode & ~mode_t{0777}) != 0) refuse("mode", "it is outside of 0000 to 0777");
        if (options.most_clients == 0) refuse("most_clients", "nobody would be answered");
        if (options.longest_request == 0) refuse("longest_request", "no request would fit");
        if (options.longest_answer < 128) refuse("longest_answer", "it is below 128 bytes");
        if (options.patience.in_nanoseconds() <= 0) refuse("patience", "it is over at once");
        return options;
    }

    static std::optional<gid_t> group_of(const ControlSocketOptions& options) {
        if (!options.group) return {};
        const auto found = detail::find_group(*options.group);
        if (!found)
            throw Error(Step::resolve_user, *options.group, ENOENT, "there is no such group");
        return found;
    }

    bool is_allowed(const ControlPeer& peer) const {
        if (options_.allowed) return options_.allowed(peer);
        return options_.group || peer.uid == 0 || peer.uid == detail::sys::geteuid();
    }

    /// Some at a time, so that a crowd at the door does not hold up those inside.
    void accept_clients(Nanoseconds until) {
        constexpr int at_once = 64;
        int lost = 0;
        for (int count = 0; count < at_once && clients_.is_own(); ++count) {
            if (count > 0 && detail::monotonic_now() >= until) {
                --next_key_;  // the rest of the crowd comes first, in the next turn
                return;
            }
            try {
                if (!clients_.make_room()) return pause(Pause::full, clients_.room_at());
                const auto accepted = detail::sys::accept_nonblocking(socket_.fd());
                if (accepted.error == EAGAIN) return;
                if (is_of_one_client(accepted.error)) {
                    ++lost;
                    continue;
                }
                // A lack of descriptors or memory: the client stays in the queue, and asking again at once would spin.
                if (!accepted) return pause(Pause::lacking, detail::monotonic_after(moment));
                welcome(detail::UniqueFd(accepted.value));
            } catch (
                ...) {  // a lack of memory, or `allowed` that has thrown: that client is not answered
            }
        }
        if (lost == at_once) pause(Pause::lacking, detail::monotonic_after(moment));
    }

    static bool is_of_one_client(int error) noexcept {
        return error == ECONNABORTED || error == EINTR || error == EPERM || error == EPROTO;
    }

    void welcome(detail::UniqueFd fd) {
        if (!detail::above_standard(fd)) return;
        const auto peer = detail::peer_credentials(fd.get());
        if (!peer) return;
        if (is_allowed(peer.value)) return clients_.admit(std::move(fd), peer.value);
        detail::ControlConnection refused(std::move(fd), 0, peer.value, options_);
        refused.tell({77, "permission denied"});
    }

    void pause(Pause reason, Nanoseconds until) noexcept {
        paused_until_ = until;
        if (queue_.change(socket_.fd(), listener_key, Interest::reading, Interest::end))
            pause_ = reason;
    }

    /// At most once a second. What cannot be mended now, perhaps can be later.
    void look_at_name() noexcept {
        constexpr Nanoseconds second = 1'000'000'000;
        const Nanoseconds now = detail::monotonic_now();
        if (now < looked_at_ + second) return;
        looked_at_ = now;
        try {
            renew();
        } catch (...) {  // another daemon has the name, or this one may not make it
        }
    }

    void look_at_clock(Nanoseconds next) noexcept {
        constexpr Nanoseconds minute = 60'000'000'000;
        if (looked_at_ + minute < next) next = looked_at_ + minute;
        if (pause_ != Pause::none) {
            const bool is_over = detail::monotonic_now() >= paused_until_ ||
                                 (pause_ == Pause::full && clients_.has_room());
            if (is_over) paused_until_ = detail::monotonic_after(moment);
            if (is_over &&
                queue_.change(socket_.fd(), listener_key, Interest::end, Interest::reading))
                pause_ = Pause::none;
            else if (paused_until_ < next)
                next = paused_until_;
        }
        if (next == alarm_) return;
        constexpr Nanoseconds unknown = -1;
        alarm_ = queue_.wake_at(next) ? next : unknown;
    }

    ControlSocketOptions options_;
    detail::ControlVerbs verbs_;
    detail::NamedSocket socket_;
    detail::EventQueue queue_;
    detail::SelfPipe bell_;
    detail::ControlClients clients_;
    std::uint64_t keys_[64];
    std::size_t next_key_ = 0;  // of these, the first without a turn
    std::size_t last_key_ = 0;
    Pause pause_ = Pause::none;
    Nanoseconds paused_until_ = 0;
    Nanoseconds looked_at_ = detail::monotonic_now();
    Nanoseconds alarm_ = detail::forever;
    bool is_serving_ = false;
};

}  // namespace daemonkit

// SPDX-License-Identifier: MIT
#pragma once
// ControlClients: those who are connected to a control socket, each of which can hold up only itself. Floor 4.

#include <daemonkit/control_socket_options.hpp>
#include <daemonkit/detail/control_connection.hpp>
#include <daemonkit/detail/control_verbs.hpp>
#include <daemonkit/detail/event_queue.hpp>
#include <daemonkit/detail/interest.hpp>
#include <daemonkit/detail/monotonic.hpp>
#include <daemonkit/detail/own_pid.hpp>
#include <daemonkit/detail/unique_fd.hpp>

#include <cstdint>
#include <list>
#include <utility>  // std::move

namespace daemonkit::detail {

/// The connections of one control socket.
///
/// Process:  the one that made it. After a handler that has forked, and returns in the child, nothing is done there: the
///           connections and the queue are the parent's.
class ControlClients {
public:
    /// Keys below this are not a client's.
    static constexpr std::uint64_t first_key = 16;

    /// The three outlive it.
    ControlClients(EventQueue& queue, ControlVerbs& verbs,
                   const ControlSocketOptions& options) noexcept
        : queue_(queue), verbs_(verbs), options_(options) {}
    ~ControlClients() {
        if (!is_own()) return;  // the copies are closed, and nobody's connection ends
        for (Connection& client : clients_) drop(client);
    }
    ControlClients(const ControlClients&) = delete;
    ControlClients& operator=(const ControlClients&) = delete;

    /// True in the process that made it.
    bool is_own() const noexcept { return process_ == own_pid(); }

    /// True when one more can be admitted, if need be in the place of the one that has kept the daemon waiting longest.
    bool make_room() {
        forget_dropped();
        if (clients_.size() < options_.most_clients) return true;
        auto longest = clients_.begin();
        for (auto each = longest; each != clients_.end(); ++each)
            if (each->since < longest->since) longest = each;
        const Nanoseconds now = monotonic_now();
        if (now < longest->since + grace) {
            // All of them ask without a pause; that must not keep everybody else out.
            longest = clients_.begin();
            if (now < longest->admitted + turn) return false;
        }
        Connection& client = *longest;
        if (client.conversation().unsent().empty())
            client.tell({75, "too many clients: try again"});
        drop(client);
        forget_dropped();
        return true;
    }

    /// When `make_room` can be true at the latest.
    Nanoseconds room_at() const noexcept {
        Nanoseconds earliest = clients_.empty() ? forever : clients_.front().admitted + turn;
        for (const Connection& client : clients_)
            if (client.since + grace < earliest) earliest = client.since + grace;
        return earliest;
    }
    bool has_room() const noexcept { return clients_.size() < options_.most_clients; }

    /// Takes the connection over and answers what has come with it: a client that asks at once is never in the way.
    void admit(UniqueFd fd, const ControlPeer& peer) {
        Connection& client = clients_.emplace_back(std::move(fd), next_key_++, peer, options_);
        if (queue_.add(client.fd(), client.key(), client.interest))
            attend(client);
        else
            client.close();
    }

    /// Does what is to be done for the client of that key, if it is still there.
    void attend(std::uint64_t key) noexcept {
        for (Connection& client : clients_)
            if (client.key() == key && client.is_open()) return attend(client);
    }

    /// Calls the handlers again that had no answer.
    void answer_deferred() noexcept {
        for (Connection& client : clients_) {
            if (!is_own()) return;
            if (!client.is_open() || !client.deferred) continue;
            attempt(client, [&] {
                const auto answer = verbs_.answer(*client.deferred);
                if (!answer || !is_own()) return true;
                client.deferred.reset();
                client.conversation().answer(*answer);
                client.since = monotonic_now();
                return client.send() && !client.conversation().is_over() && wait_for(client);
            });
        }
    }

    /// Drops those whose time is over; returns when that is so for the next.
    Nanoseconds drop_overdue() noexcept {
        const Nanoseconds now = monotonic_now();
        const Nanoseconds patience = options_.patience.in_nanoseconds();
        Nanoseconds next = forever;
        for (Connection& client : clients_) {
            if (!client.is_open() || client.deferred || patience >= forever - client.since)
                continue;
            const Nanoseconds until = client.since + patience;
            if (until <= now)
                drop(client);
            else if (until < next)
                next = until;
        }
        forget_dropped();
        return next;
    }

private:
    using Connection = ControlConnection;

    /// A client that is just about to send its request is not sent away for another.
    static constexpr Nanoseconds grace = 100'000'000;
    /// For that long one that asks without a pause is not sent away for another.
    static constexpr Nanoseconds turn = 500'000'000;

    void attend(Connection& client) noexcept {
        attempt(client, [&] { return converse(client); });
    }

    /// Whatever goes wrong with a client, a lack of memory as well, is the end of it alone.
    template <class Attempt>
    void attempt(Connection& client, Attempt goes_on) noexcept {
        bool is_over = true;
        try {
            is_over = !goes_on();
        } catch (...) {  // it is over
        }
        if (is_over && is_own()) drop(client);
    }

    /// One request at most, so that who sends many does not hold up others. False: it is over.
    bool converse(Connection& client) {
        if (client.deferred) return false;  // nothing but its end was waited for
        auto& conversation = client.conversation();
        if (client.interest == Interest::reading && !client.receive()) return false;
        if (!conversation.unsent().empty()) {
            if (!client.send()) return false;
            if (!conversation.unsent().empty()) return true;
            client.since = monotonic_now();
        }
        if (conversation.has_line()) {
            if (auto request = conversation.take_request()) {
                request->peer = client.peer();
                const auto answer = verbs_.answer(*request);
                if (!is_own()) return true;
                if (answer)
                    conversation.answer(*answer);
                else
                    client.deferred = std::move(request);
            }
            client.since = monotonic_now();
            if (!client.send()) return false;
        }
        return !conversation.is_over() && wait_for(client);
    }

    /// Has the queue wait for what comes next; a request that has come already is reason enough to come again.
    bool wait_for(Connection& client) noexcept {
        const auto& conversation = client.conversation();
        const bool has_more = !conversation.unsent().empty() || conversation.has_line();
        const Interest next = client.deferred ? Interest::end
                              : has_more      ? Interest::writing
                                              : Interest::reading;
        if (next == client.interest) return true;
        const auto changed = queue_.change(client.fd(), client.key(), client.interest, next);
        client.interest = next;
        return !!changed;
    }

    void drop(Connection& client) noexcept {
        if (!client.is_open()) return;
        queue_.remove(client.fd(), client.interest);
        client.close();
    }

    void forget_dropped() noexcept {
        clients_.remove_if([](const Connection& client) { return !client.is_open(); });
    }

    EventQueue& queue_;
    ControlVerbs& verbs_;
    const ControlSocketOptions& options_;
    const pid_t process_ = (keep_own_pid(), own_pid());
    std::uint64_t next_key_ = first_key;
    std::list<Connection> clients_;  // which stay where they are, the first to come in front
};

}  // namespace daemonkit::detail

// SPDX-License-Identifier: MIT
#pragma once
// SignalQueue: signals on their way from handlers to threads. Floor 1.

#include <daemonkit/signal_info.hpp>

#include <atomic>
#include <cstddef>  // std::size_t

namespace daemonkit::detail {

/// A ring of signals in the order of their arrival, for any number of writers and readers, without a lock.
///
/// Each cell carries a ticket. It starts as the cell's place; a writer may fill the cell when the ticket equals the
/// place it has drawn, and sets it one higher; a reader may empty it then, and sets it to the place of the next
/// lap. A handler that interrupts a reader in the middle finds that cell still taken, and never waits for it.
///
/// Threads:  `push` and `pop` from any thread; `push` also from a signal handler that no handler of ours interrupts.
/// Source:   the bounded queue of Dmitry Vyukov, 1024cores.net.
class SignalQueue {
public:
    static constexpr std::size_t capacity = 256;

    SignalQueue() noexcept { clear(); }
    SignalQueue(const SignalQueue&) = delete;
    SignalQueue& operator=(const SignalQueue&) = delete;

    /// False when there is no room.
    bool push(const SignalInfo& signal) noexcept {
        for (std::size_t place = next_in_.load();;) {
            Cell& cell = cells_[place % capacity];
            const std::size_t ticket = cell.ticket.load(std::memory_order_acquire);
            if (ticket == place) {
                if (!next_in_.compare_exchange_weak(place, place + 1)) continue;
                cell.signal = signal;
                // Sequentially consistent, like the look of `empty`: of a writer who then asks whether anyone
                // listens, and a listener who then looks in here, one sees the other.
                cell.ticket.store(place + 1);
                return true;
            }
            const std::size_t newer = next_in_.load();
            if (newer == place) return false;
            place = newer;
        }
    }

    /// False when nothing waits.
    bool pop(SignalInfo& signal) noexcept {
        for (std::size_t place = next_out_.load();;) {
            Cell& cell = cells_[place % capacity];
            const std::size_t ticket = cell.ticket.load(std::memory_order_acquire);
            if (ticket == place + 1) {
                if (!next_out_.compare_exchange_weak(place, place + 1)) continue;
                signal = cell.signal;
                cell.ticket.store(place + capacity, std::memory_order_release);
                return true;
            }
            const std::size_t newer = next_out_.load();
            if (newer == place) return false;
            place = newer;
        }
    }

    /// True when a `pop` now would find nothing.
    bool empty() const noexcept {
        for (std::size_t place = next_out_.load();;) {
            const Cell& cell = cells_[place % capacity];
            if (cell.ticket.load() == place + 1) return false;
            const std::size_t newer = next_out_.load();
            if (newer == place) return true;
            place = newer;
        }
    }

    /// How many signals wait, those being written or read at this moment among them.
    std::size_t size() const noexcept {
        const std::size_t out = next_out_.load();  // first: it is never ahead of the other
        return next_in_.load() - out;
    }

    /// Forgets everything; nothing else may use the queue at that time.
    void clear() noexcept {
        for (std::size_t place = 0; place < capacity; ++place) cells_[place].ticket = place;
        next_in_ = 0;
        next_out_ = 0;
    }

private:
    struct Cell {
        std::atomic<std::size_t> ticket;
        SignalInfo signal;
    };
    static_assert(std::atomic<std::size_t>::is_always_lock_free);  // or a handler could deadlock

    Cell cells_[capacity];
    std::atomic<std::size_t> next_in_;
    std::atomic<std::size_t> next_out_;
};

}  // namespace daemonkit::detail

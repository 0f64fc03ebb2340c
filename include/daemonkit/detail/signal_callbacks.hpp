// SPDX-License-Identifier: MIT
#pragma once
// SignalCallbacks: what to call for a signal. Floor 1.
//
// In place of std::function and std::unique_ptr, whose headers would double what signal_set.hpp costs to compile.

#include <daemonkit/signal_info.hpp>

#include <type_traits>  // std::is_invocable_v
#include <utility>      // std::exchange, std::move

namespace daemonkit::detail {

/// Callbacks in the order in which they were added; one may add others while it runs.
class SignalCallbacks {
public:
    SignalCallbacks() = default;
    ~SignalCallbacks() {
        while (first_ != nullptr) delete std::exchange(first_, first_->next);
    }
    SignalCallbacks(const SignalCallbacks&) = delete;
    SignalCallbacks& operator=(const SignalCallbacks&) = delete;

    /// Called for this signal from now on, with the SignalInfo if it takes one.
    template <class Function>
    void add(int number, Function function) {
        auto* const added = new Callback<Function>(number, std::move(function));
        (last_ != nullptr ? last_->next : first_) = added;
        last_ = added;
    }

    /// Calls those that were there before the call; false when none is for this signal.
    bool call(const SignalInfo& signal) {
        bool called = false;
        const Entry* const last = last_;
        for (Entry* each = first_; each != nullptr; each = each != last ? each->next : nullptr) {
            if (each->number != signal.number) continue;
            each->call(signal);
            called = true;
        }
        return called;
    }

private:
    struct Entry {
        explicit Entry(int signal_number) noexcept : number(signal_number) {}
        virtual ~Entry() = default;
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        virtual void call(const SignalInfo& signal) = 0;

        const int number;
        Entry* next = nullptr;
    };

    template <class Function>
    struct Callback final : Entry {
        Callback(int signal_number, Function&& given)
            : Entry(signal_number), function(std::move(given)) {}
        void call(const SignalInfo& signal) override {
            if constexpr (std::is_invocable_v<Function&, const SignalInfo&>)
                function(signal);
            else
                function();
        }

        Function function;
    };

    Entry* first_ = nullptr;
    Entry* last_ = nullptr;
};

}  // namespace daemonkit::detail

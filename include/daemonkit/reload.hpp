// SPDX-License-Identifier: MIT
#pragma once
// Reloadable: a value that is replaced whole while threads read it; ReloadGuard: the scope of a reload. Floor 5.
//
// No std::function: its header would cost half as much to compile as all the rest.

#include <daemonkit/detail/errno_guard.hpp>
#include <daemonkit/detail/mutex.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>  // std::is_invocable_r_v
#include <utility>      // std::move

namespace daemonkit {

/// Who hears of reloads: a log, a client that has asked, a service manager. A function not overridden does nothing.
///
/// After each `reload_begins` comes one of the others, once, in the same thread, before the next reload begins.
class ReloadListener {
public:
    ReloadListener() = default;
    virtual ~ReloadListener() = default;
    ReloadListener(const ReloadListener&) = delete;
    ReloadListener& operator=(const ReloadListener&) = delete;

    /// A reload begins; nothing of it has been done.
    virtual void reload_begins() noexcept {}
    /// It has taken effect.
    virtual void reload_succeeded() noexcept {}
    /// What was in force before goes on.
    virtual void reload_failed(std::string_view) noexcept {}
};

/// A reload from its begin to its end, of which the listener hears whichever way the scope is left.
///
/// It has succeeded only if that was said: a scope that is left by an exception or an early return is a reload that
/// failed. A service manager that heard of the begin is never left waiting for the end.
///
/// Undo:     the destructor tells the failure, unless an end was told.
/// Threads:  one; a listener that is told by several guards at once sorts that out itself.
class ReloadGuard {
public:
    /// The listener has heard that a reload begins; it outlives the guard.
    [[nodiscard]] explicit ReloadGuard(ReloadListener& listener) noexcept : listener_(listener) {
        listener_.reload_begins();
    }
    ~ReloadGuard() {
        const detail::ErrnoGuard keep_errno;
        fail("it was not brought to its end");
    }
    ReloadGuard(const ReloadGuard&) = delete;
    ReloadGuard& operator=(const ReloadGuard&) = delete;

    /// The listener has heard that the reload took effect; once an end is told, this does nothing.
    void succeed() & noexcept {
        if (!ended_) listener_.reload_succeeded();
        ended_ = true;
    }
    /// The listener has heard why the reload failed; once an end is told, this does nothing.
    void fail(std::string_view reason) & noexcept {
        if (!ended_) listener_.reload_failed(reason);
        ended_ = true;
    }
    /// A guard without a name would begin and end the reload in one expression, with nothing in between.
    void succeed() && = delete;
    void fail(std::string_view reason) && = delete;

private:
    ReloadListener& listener_;
    bool ended_ = false;
};

namespace detail {

template <class Load, class T>
concept Loads = std::is_invocable_r_v<T, Load&>;

}  // namespace detail

/// How the reloads of a value went.
struct ReloadStatus {
    std::uint64_t succeeded = 0;                 ///< that took effect; the first load is none
    std::uint64_t failed = 0;                    ///< that left the old value in force
    std::optional<std::string> last_error = {};  ///< why the last one failed; nothing if it did not
};

/// A value, such as a configuration, that is loaded again while threads read it, whole or not at all.
///
/// <!-- region: examples/reload_single_threaded.cpp reload -->
///
///     // The daemon runs in "/", and opens the file there.
///     const std::string path = std::filesystem::absolute(argv[1]);
///     // Before the context: with a configuration that cannot be read, nothing starts.
///     daemonkit::Reloadable config([&] { return read_config(path); });
///
///     daemonkit::SignalSet signals({SIGTERM, SIGINT});
///     signals.on(SIGHUP, [&] {
///         const auto failure = config.reload();
///         say(failure ? "the old configuration stays: " + *failure : "reloaded " + path);
///         next = Clock::now();  // a new interval counts from here
///     });
///
/// Readers take what is in force with `get` and use that for one piece of work. A reload runs the function given at
/// construction: what it returns is in force at once, what it throws is the reason why the old value stays.
///
/// Process:  made before the forks, a value that cannot be loaded fails the start where somebody sees it.
/// Threads:  all functions from any, but `reload` not from within the load or the listener.
template <class T>
class Reloadable {
public:
    /// A value that never changes, for as long as it is held.
    using Snapshot = std::shared_ptr<const T>;

    /// The first value is in force; what `load` throws comes out of here. The listener outlives this.
    ///
    /// Shape:    `load` takes nothing and returns a T, or throws a std::exception that says what is wrong with it.
    template <detail::Loads<T> Load>
    Reloadable(Load load, ReloadListener& listener)
        : load_(std::make_unique<LoadBy<Load>>(std::move(load))),
          listener_(listener),
          current_(load_->load()) {}

    /// The same, where nobody needs to hear of reloads.
    template <detail::Loads<T> Load>
    explicit Reloadable(Load load) : Reloadable(std::move(load), nobody()) {}

    ~Reloadable() = default;
    Reloadable(const Reloadable&) = delete;
    Reloadable& operator=(const Reloadable&) = delete;

    /// The value in force, never half of two; what is held is not changed or freed by a reload.
    ///
    /// Two calls may return two values: what belongs together is read from one snapshot. It is held under a name as
    /// long as something in it is used; `for (auto& one : config.get()->list)` would not hold it.
    Snapshot get() const {
        const detail::MutexLock lock(state_);
        return current_;
    }

    /// Loads the value again; returns nothing when the new one is in force, or why the old one stays.
    ///
    /// Requests during a reload wait for its end and are then served together, by one more: each returns the outcome
    /// of a reload that began after it was made.
    ///
    /// Errors:   what is thrown and is no std::exception leaves here; the old value stays.
    [[nodiscard]] std::optional<std::string> reload() {
        const std::uint64_t request = ++requests_;
        const detail::MutexLock one_at_a_time(reloading_);
        if (served_ < request) {
            served_ = requests_;
            load_again();
        }
        return status().last_error;
    }

    /// How the reloads went until now.
    ReloadStatus status() const {
        const detail::MutexLock lock(state_);
        return status_;
    }

private:
    struct AnyLoad {
        AnyLoad() = default;
        virtual ~AnyLoad() = default;
        AnyLoad(const AnyLoad&) = delete;
        AnyLoad& operator=(const AnyLoad&) = delete;
        virtual Snapshot load() = 0;
    };

    template <class Load>
    struct LoadBy final : AnyLoad {
        explicit LoadBy(Load&& given) : function(std::move(given)) {}
        Snapshot load() override { return std::make_shared<const T>(function()); }

        Load function;
    };

    static ReloadListener& nobody() {
        static ReloadListener listener;
        return listener;
    }

    void load_again() {
        ReloadGuard reload(listener_);
        try {
            replace(load_->load());
            reload.succeed();
        } catch (const std::exception& failure) {
            keep(failure.what());
            reload.fail(failure.what());
        } catch (...) {
            keep("what was thrown is no std::exception");
            throw;
        }
    }

    // The value that leaves is freed after the lock: its destructor is the program's, and may take long.
    void replace(Snapshot next) {
        const detail::MutexLock lock(state_);
        current_.swap(next);
        ++status_.succeeded;
        status_.last_error.reset();
    }

    void keep(const char* reason) {
        const detail::MutexLock lock(state_);
        ++status_.failed;
        status_.last_error.emplace();  // a failure, also where there is no memory for its reason
        status_.last_error->assign(reason);
    }

    std::unique_ptr<AnyLoad> load_;
    ReloadListener& listener_;
    std::atomic<std::uint64_t> requests_{0};
    detail::Mutex reloading_;
    std::uint64_t served_ = 0;     // requests that a reload came after; `reloading_` guards it
    mutable detail::Mutex state_;  // guards what follows
    Snapshot current_;
    ReloadStatus status_;
};

template <class Load>
Reloadable(Load) -> Reloadable<std::remove_cvref_t<std::invoke_result_t<Load&>>>;
template <class Load>
Reloadable(Load, ReloadListener&) -> Reloadable<std::remove_cvref_t<std::invoke_result_t<Load&>>>;

}  // namespace daemonkit

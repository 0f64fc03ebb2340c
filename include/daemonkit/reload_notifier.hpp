// SPDX-License-Identifier: MIT
#pragma once
// ReloadNotifier: a service manager hears of each reload, and of its end. Floor 6.

#include <daemonkit/notify.hpp>
#include <daemonkit/reload.hpp>

#include <string>
#include <string_view>
#include <utility>  // std::move

namespace daemonkit {

/// Tells a service manager that a reload begins and how it ended, as Type=notify-reload wants it.
///
/// The beginning goes out with its time in one message; every end, also one by an exception, with its status in one
/// message: the reason of a failure, or what the service does. The manager is never left waiting, and nobody can forget
/// it. A RunningService has one; a program of its own gives it to its Reloadable, or to a ReloadGuard.
///
/// Process:  the one whose reloads the manager is to hear of; until `tell` it hears nothing.
/// Threads:  `tell` before the first reload; reloads from any.
/// Source:   sd_notify(3) "RELOADING=1", systemd.service(5) "Type=notify-reload".
class ReloadNotifier final : public ReloadListener {
public:
    /// For a Reloadable that is made before the DaemonContext.
    ReloadNotifier() noexcept = default;

    /// The manager hears, and reads what the service is doing after each reload that took effect. The notifier,
    /// DaemonContext::notifier for one, outlives the reloads.
    explicit ReloadNotifier(const Notifier& manager, std::string doing = {})
        : manager_(&manager), doing_(std::move(doing)) {}

    /// From now on this manager hears.
    void tell(const Notifier& manager) noexcept { manager_ = &manager; }

    void reload_begins() noexcept override {
        if (manager_ != nullptr) static_cast<void>(manager_->reloading());
    }
    void reload_succeeded() noexcept override { end(doing_); }
    void reload_failed(std::string_view reason) noexcept override { end(reason); }

private:
    void end(std::string_view status) const noexcept {
        if (manager_ != nullptr) static_cast<void>(manager_->ready(status));
    }

    const Notifier* manager_ = nullptr;
    std::string doing_;
};

}  // namespace daemonkit

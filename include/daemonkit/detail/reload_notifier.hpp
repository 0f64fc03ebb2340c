// SPDX-License-Identifier: MIT
#pragma once
// ReloadNotifier: a service manager hears of each reload, and of its end. Floor 6.

#include <daemonkit/notify.hpp>
#include <daemonkit/reload.hpp>

#include <string>
#include <string_view>
#include <utility>  // std::move

namespace daemonkit::detail {

/// Tells the manager; after a reload that took effect it shows again what the service is doing.
class ReloadNotifier final : public ReloadListener {
public:
    ReloadNotifier(const Notifier& manager, std::string doing)
        : manager_(manager), doing_(std::move(doing)) {}

    void reload_begins() noexcept override { static_cast<void>(manager_.reloading()); }
    void reload_succeeded() noexcept override { end(doing_); }
    void reload_failed(std::string_view reason) noexcept override { end(reason); }

private:
    void end(std::string_view status) noexcept {
        static_cast<void>(manager_.status(status));
        static_cast<void>(manager_.ready());
    }

    const Notifier& manager_;
    std::string doing_;
};

}  // namespace daemonkit::detail

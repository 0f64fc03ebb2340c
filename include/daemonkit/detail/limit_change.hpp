// SPDX-License-Identifier: MIT
#pragma once
// LimitChange: the daemon's resource limits, and those before. Floor 3.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <string>
#include <vector>

namespace daemonkit::detail {

/// Sets resource limits, and can put them back as far as the process has the right to.
class LimitChange {
public:
    /// The limits are in force.
    ///
    /// Errors:   Step::limit_resources on the resource's number.
    void apply(const std::vector<ResourceLimit>& limits) {
        for (const ResourceLimit& limit : limits) {
            const std::string subject = "resource " + std::to_string(limit.resource);
            struct ::rlimit before {};
            check(sys::getrlimit(limit.resource, &before), Step::limit_resources, subject);
            const struct ::rlimit wanted { limit.soft, limit.hard };
            before_.push_back({limit.resource, before});  // first: there may be no memory for it
            check(sys::setrlimit(limit.resource, &wanted), Step::limit_resources, subject);
        }
    }

    /// The limits are what they were.
    void undo() noexcept {
        for (; !before_.empty(); before_.pop_back()) {
            static_cast<void>(sys::setrlimit(before_.back().resource, &before_.back().limit));
        }
    }

private:
    struct Saved {
        int resource = 0;
        struct ::rlimit limit {};
    };

    std::vector<Saved> before_;
};

}  // namespace daemonkit::detail

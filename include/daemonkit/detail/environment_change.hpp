// SPDX-License-Identifier: MIT
#pragma once
// EnvironmentChange: the daemon's environment, and the one it replaces. Floor 3.

#include <daemonkit/context_options.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <string>
#include <utility>  // std::pair
#include <vector>

namespace daemonkit::detail {

/// Changes the environment and can put it back.
///
/// Errors:   Step::set_environment on the variable.
/// Threads:  one: a change beside a getenv in another thread is undefined.
class EnvironmentChange {
public:
    /// The environment is what the option says.
    void apply(const Environment& wanted) {
        if (wanted.inherited == InheritedEnvironment::only_listed) {
            for (const auto& [name, value] : variables()) {
                if (lists(wanted, name)) continue;
                remember(name, value);
                check(sys::unsetenv(name.c_str()), Step::set_environment, name);
            }
        }
        for (const auto& [name, value] : wanted.set) {
            const char* const before = std::getenv(name.c_str());
            if (before != nullptr) remember(name, before);
            if (before == nullptr) added_.push_back(name);
            check(sys::setenv(name.c_str(), value.c_str()), Step::set_environment, name);
        }
    }

    /// The variable is not set.
    void remove(const std::string& name) {
        const char* const before = std::getenv(name.c_str());
        if (before == nullptr) return;
        remember(name, before);
        check(sys::unsetenv(name.c_str()), Step::set_environment, name);
    }

    /// The environment is what it was.
    void undo() noexcept {
        for (const auto& name : added_) static_cast<void>(sys::unsetenv(name.c_str()));
        for (const auto& [name, value] : before_)
            static_cast<void>(sys::setenv(name.c_str(), value.c_str()));
        added_.clear();
        before_.clear();
    }

private:
    using Variable = std::pair<std::string, std::string>;

    static bool lists(const Environment& wanted, const std::string& name) noexcept {
        for (const std::string& listed : wanted.listed) {
            if (listed == name) return true;
        }
        return false;
    }

    static std::vector<Variable> variables() {
        std::vector<Variable> all;
        char** const environment = sys::environment();
        if (environment == nullptr) return all;  // after clearenv(3)
        for (char** text = environment; *text != nullptr; ++text) {
            const std::string variable = *text;
            const auto equals = variable.find('=');
            // Without a sign or a name it is no variable that unsetenv could be told of.
            if (equals == std::string::npos || equals == 0) continue;
            all.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
        }
        return all;
    }

    /// The first value counts: a variable may be removed and set again, and one that was added had none.
    void remember(const std::string& name, const std::string& value) {
        for (const std::string& added : added_) {
            if (added == name) return;
        }
        for (const Variable& known : before_) {
            if (known.first == name) return;
        }
        before_.emplace_back(name, value);
    }

    std::vector<Variable> before_;
    std::vector<std::string> added_;
};

}  // namespace daemonkit::detail

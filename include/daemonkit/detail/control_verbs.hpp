// SPDX-License-Identifier: MIT
#pragma once
// ControlVerbs: what a daemon does for each verb, and `help`. Floor 2.

#include <daemonkit/control_message.hpp>
#include <daemonkit/detail/control_line.hpp>
#include <daemonkit/error.hpp>

#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>  // std::move

namespace daemonkit::detail {

/// What is done for each verb. A handler may set verbs, its own among them: none is destroyed while one runs.
class ControlVerbs {
public:
    using Handler = std::function<std::optional<ControlAnswer>(const ControlRequest&)>;

    /// From now on that is done for the verb; what was done for it before is not.
    ///
    /// Errors:   Step::open_control_socket: EINVAL for a verb that is not one word, or no handler.
    void set(const std::string& name, Handler handler, std::string summary) {
        std::string written;
        if (is_control_word(name)) append_control_word(written, name);
        if (written.empty() || written != name || !handler)
            throw Error(Step::open_control_socket, name, EINVAL,
                        "a verb is one word without spaces and quotes, and has a handler");
        Verb added{name, std::move(handler), std::move(summary)};
        for (auto each = verbs_.begin(); each != verbs_.end(); ++each) {
            if (each->name != name) continue;
            verbs_.insert(each, std::move(added));
            replaced_.splice(replaced_.end(), verbs_, each);
            if (running_ == 0) replaced_.clear();
            return;
        }
        verbs_.push_back(std::move(added));
    }

    /// The answer, whatever the handler does; nothing where it wants to be asked again.
    std::optional<ControlAnswer> answer(const ControlRequest& request) {
        const Running running(*this);
        for (const Verb& verb : verbs_) {
            if (verb.name != request.verb) continue;
            try {
                return verb.handler(request);
            } catch (const Error& error) {
                return ControlAnswer{error.exit_status(), error.what()};
            } catch (const std::exception& error) {
                return ControlAnswer{70, error.what()};
            } catch (...) {
                return ControlAnswer{70, "it failed, and did not say why"};
            }
        }
        if (request.verb == "help") return ControlAnswer{0, help()};
        std::string verb;
        append_control_word(verb, request.verb);
        return ControlAnswer{64, "unknown verb " + verb + "; help lists those there are"};
    }

private:
    struct Verb {
        std::string name;
        Handler handler;
        std::string summary;
    };

    class Running {
    public:
        explicit Running(ControlVerbs& verbs) noexcept : verbs_(verbs) { ++verbs_.running_; }
        ~Running() {
            if (--verbs_.running_ == 0) verbs_.replaced_.clear();
        }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;

    private:
        ControlVerbs& verbs_;
    };

    std::string help() const {
        std::string::size_type widest = 4;
        for (const Verb& verb : verbs_)
            if (verb.name.size() > widest) widest = verb.name.size();
        std::string text = "help" + std::string(widest - 4, ' ') + "  lists the verbs";
        for (const Verb& verb : verbs_) {
            text += '\n' + verb.name;
            if (!verb.summary.empty())
                text += std::string(widest - verb.name.size() + 2, ' ') + verb.summary;
        }
        return text;
    }

    std::list<Verb> verbs_;  // which stay where they are
    std::list<Verb> replaced_;
    int running_ = 0;
};

}  // namespace daemonkit::detail

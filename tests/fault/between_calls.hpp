// SPDX-License-Identifier: MIT
#pragma once
// A seam of its own: somebody else acts right after a system call of daemonkit, before the next one.
//
//   -DDAEMONKIT_SYSCALL_HEADER='"fault/between_calls.hpp"'   puts it into a test.

#include <cerrno>
#include <functional>
#include <string_view>
#include <utility>

namespace daemonkit::fault {

/// What is done after each call, which is given by its name.
inline std::function<void(std::string_view)> after_call;

/// Does that for the length of a scope.
class Meddler {
public:
    explicit Meddler(std::function<void(std::string_view)> act) { after_call = std::move(act); }
    ~Meddler() { after_call = nullptr; }
    Meddler(const Meddler&) = delete;
    Meddler& operator=(const Meddler&) = delete;
};

}  // namespace daemonkit::fault

namespace daemonkit::detail::sys {

inline int refusal(const char* /*name*/) noexcept { return 0; }

template <class Call>
auto invoke(const char* name, Call call) noexcept -> Result<decltype(call())> {
    const auto value = call();
    const int error = value == static_cast<decltype(value)>(-1) ? errno : 0;
    if (fault::after_call) fault::after_call(name);
    return {value, error};
}

}  // namespace daemonkit::detail::sys

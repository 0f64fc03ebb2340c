// SPDX-License-Identifier: MIT
#pragma once
// From a system call's result to an Error, and the one rule for EINTR. Floor 2.

#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <string>
#include <string_view>

namespace daemonkit::detail {

/// The value of a call that worked; throws the Error that names step and subject when it did not.
///
/// Nothing else is thrown: a descriptor that was just opened cannot get lost to a lack of memory here.
template <class Value>
Value check(Result<Value> result, Step step, std::string_view subject) {
    if (result.error != 0) throw Error(step, std::string(subject), result.error);
    return result.value;
}

/// Calls again while the call is interrupted, a bounded number of times.
///
/// The bound turns a kernel or a filter that always says EINTR into an error in place of a hang.
template <class Call>
auto retry(Call call) {
    constexpr int attempts = 64;
    auto result = call();
    for (int attempt = 1; result.error == EINTR && attempt < attempts; ++attempt) result = call();
    return result;
}

}  // namespace daemonkit::detail

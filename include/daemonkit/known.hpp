// SPDX-License-Identifier: MIT
#pragma once
// Known: a value, or the reason why it is not known. Floor 0.

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>  // std::system_category
#include <utility>       // std::move

namespace daemonkit {

/// A value that was read, or the errno value that says why it could not be.
///
/// Errors:   ENOTSUP: this kernel does not tell; EACCES, EPERM: it does not tell this user; ESRCH: the process has
///           ended; ENOENT: it has none; EBADMSG: what the kernel says is not in the form it is documented in.
template <class Value>
class Known {
public:
    /// Not known, as this kernel does not tell.
    Known() noexcept = default;

    /// Known; not explicit: a value stands for itself.
    Known(Value value) : value_(std::move(value)) {}

    /// Not known, for that reason.
    static Known unknown(int error_number) noexcept {
        Known nothing;
        nothing.error_ = error_number;
        return nothing;
    }

    /// True when there is a value.
    explicit operator bool() const noexcept { return value_.has_value(); }

    /// The value; it has to be there.
    const Value& operator*() const noexcept { return *value_; }
    /// The value, to be changed; it has to be there.
    Value& operator*() noexcept { return *value_; }
    /// A member of the value; it has to be there.
    const Value* operator->() const noexcept { return &*value_; }
    /// A member of the value, to be changed; it has to be there.
    Value* operator->() noexcept { return &*value_; }

    /// The value, or that one where it is not known.
    Value value_or(Value other) const { return value_ ? *value_ : std::move(other); }

    /// Why there is no value, as errno value; 0 when there is one.
    int error() const noexcept { return value_ ? 0 : error_; }

    /// Why there is no value, in words; empty when there is one.
    std::string why() const {
        switch (error()) {
            case 0: return {};
            case ENOTSUP: return "this kernel does not tell";
            case EACCES:
            case EPERM: return "not told to this user";
            case ESRCH: return "the process has ended";
            case ENOENT: return "it has none";
            case EBADMSG: return "told in no known form";
            default: return std::system_category().message(error_);
        }
    }

private:
    std::optional<Value> value_;
    int error_ = ENOTSUP;
};

}  // namespace daemonkit

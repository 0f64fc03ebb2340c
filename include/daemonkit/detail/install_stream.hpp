// SPDX-License-Identifier: MIT
#pragma once
// install_stream: a descriptor becomes stdin, stdout or stderr. Floor 3.

#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/stream_target.hpp>

#include <cerrno>

namespace daemonkit::detail {

/// The stream leads where `source` leads and is kept across exec; `source` stays open.
///
/// The exchange is atomic: at no moment is the stream closed, and after a failure it is what it was.
///
/// Errors:   in the result. EBUSY (another thread is opening a descriptor of that number) and EINTR are tried
///           again a bounded number of times.
/// Source:   dup2(2): a descriptor duplicated onto itself keeps its close-on-exec flag.
inline Result<int> try_install_stream(int source, Stream stream) noexcept {
    const int target = static_cast<int>(stream);
    if (source == target) return retry([&] { return sys::fcntl_setfd(target, 0); });
    constexpr int attempts = 64;
    auto installed = retry([&] { return sys::dup2(source, target); });
    for (int attempt = 1; installed.error == EBUSY && attempt < attempts; ++attempt)
        installed = retry([&] { return sys::dup2(source, target); });
    return installed;
}

/// As `try_install_stream`; throws when it fails.
///
/// Errors:   Step::redirect_stream on `stdin`, `stdout` or `stderr`.
inline void install_stream(int source, Stream stream) {
    check(try_install_stream(source, stream), Step::redirect_stream, to_string(stream));
}

}  // namespace daemonkit::detail

# SPDX-License-Identifier: MIT
# Every header, by name; scripts/check-floors compares this list with the directory.
set(DAEMONKIT_HEADERS
    include/daemonkit/detail/check.hpp
    include/daemonkit/detail/errno_guard.hpp
    include/daemonkit/detail/platform.hpp
    include/daemonkit/detail/syscall.hpp
    include/daemonkit/detail/unique_fd.hpp
    include/daemonkit/error.hpp
    include/daemonkit/stream_target.hpp
    include/daemonkit/version.hpp
)

# SPDX-License-Identifier: MIT
# Every header, by name; scripts/check-floors compares this list with the directory.
set(DAEMONKIT_HEADERS
    include/daemonkit/detail/above_standard.hpp
    include/daemonkit/detail/absolute_path.hpp
    include/daemonkit/detail/check.hpp
    include/daemonkit/detail/errno_guard.hpp
    include/daemonkit/detail/install_stream.hpp
    include/daemonkit/detail/log_text.hpp
    include/daemonkit/detail/null_device.hpp
    include/daemonkit/detail/open_target.hpp
    include/daemonkit/detail/platform.hpp
    include/daemonkit/detail/syscall.hpp
    include/daemonkit/detail/unique_fd.hpp
    include/daemonkit/error.hpp
    include/daemonkit/fd_redirect.hpp
    include/daemonkit/severity.hpp
    include/daemonkit/stream_target.hpp
    include/daemonkit/syslog_sink.hpp
    include/daemonkit/version.hpp
)

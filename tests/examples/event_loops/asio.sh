# SPDX-License-Identifier: MIT
. "$(dirname "$0")/epoll.sh"

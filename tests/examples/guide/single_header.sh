# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat program.pid)
started+=("$pid")
run
expect "a second instance is refused with 75" [ "$status" -eq 75 ]
kill -TERM "$pid"
wait_for "SIGTERM ends the daemon" is_gone "$pid"
expect "the pid file is gone" [ ! -e program.pid ]

# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run pid
expect "it ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
expect "it was told the daemon's pid" grep -qx "started $pid" out
run pid
expect "a second daemon is refused with 75" [ "$status" -eq 75 ]
expect "and told the pid of the first" grep -qw "$pid" err
kill -TERM "$pid"
wait_for "SIGTERM ends the daemon" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

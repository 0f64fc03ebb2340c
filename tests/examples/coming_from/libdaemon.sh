# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run --is-running pid
expect "nobody is running: 3" [ "$status" -eq 3 ]
run pid
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
run --is-running pid
expect "the daemon is running" [ "$status" -eq 0 ]
expect "and named" grep -qx "$pid" out
run pid
expect "a second instance is refused with 75" [ "$status" -eq 75 ]

kill -HUP "$pid"
run --is-running pid
expect "SIGHUP does not end it" grep -qx "$pid" out
kill -QUIT "$pid"
wait_for "SIGQUIT does" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

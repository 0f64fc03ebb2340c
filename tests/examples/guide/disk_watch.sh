# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run missing
expect "a folder that does not exist fails the start" [ "$status" -eq 70 ]
expect "which is told, with its name" grep -q "application: .*$folder/missing" err
expect "and leaves no pid file" [ ! -e disk_watch.pid ]

run .
expect "it is up" [ "$status" -eq 0 ]
pid=$(cat disk_watch.pid)
started+=("$pid")
wait_for "it writes what it finds" grep -qx '[0-9]* MiB free' disk_watch.log
run .
expect "a second one is refused" [ "$status" -eq 75 ]
kill "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "and its pid file goes" [ ! -e disk_watch.pid ]

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

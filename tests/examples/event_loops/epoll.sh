# SPDX-License-Identifier: MIT
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
lines_are() { [ "$(grep -csx "$1" out)" -eq "$2" ]; }

"$program" >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "the loop runs" lines_are ready 1
for round in 1 2 3; do
    kill -HUP "$child"
    wait_for "SIGHUP comes through the loop, round $round" lines_are reloaded "$round"
done
kill -TERM "$child"
wait "$child"
status=$?
expect "SIGTERM ends the loop with 0" [ "$status" -eq 0 ]
expect "and the program with it" lines_are ended 1

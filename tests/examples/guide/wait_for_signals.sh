# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

"$program" --run >out 2>err </dev/null &
child=$!
started+=("$child")
# Of the three signals SIGHUP is the last; until the program has begun, the process is a shell with handlers of its own.
catches_hangup() { cmp -s "$program" "/proc/$child/exe" && grep -q '^SigCgt:.*[13579bdf]$' "/proc/$child/status"; }
wait_for "SIGHUP is caught" catches_hangup
kill -HUP "$child"
wait_for "SIGHUP calls its callback" grep -qx reloaded out
kill -INT "$child"
wait "$child"
status=$?
expect "SIGINT ends it with 0" [ "$status" -eq 0 ]

"$program" --ticks >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "ticks come" eval '[ "$(grep -cx tick out)" -ge 3 ]'
kill -TERM "$child"
wait "$child"
status=$?
expect "SIGTERM ends it with 0" [ "$status" -eq 0 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run --run
expect "it ends with 0" [ "$status" -eq 0 ]
expect "what the helper printed, then how it ended" [ "$(cat out)" = $'checked\nended with status 3' ]

"$program" --beside >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "the helper is ready" grep -qx ready out
helper=$(cat "/proc/$child/task/$child/children")
started+=($helper)
expect "there is one helper" [ "$(wc -w <<<"$helper")" -eq 1 ]
kill -TERM "$child"
wait "$child"
status=$?
expect "SIGTERM ends it with 0" [ "$status" -eq 0 ]
expect "and the helper with it" is_gone $helper

: >out  # what is ready is the next helper
"$program" --beside >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "the helper is ready" grep -qx ready out
helper=$(cat "/proc/$child/task/$child/children")
expect "there is one again" [ "$(wc -w <<<"$helper")" -eq 1 ]
kill -KILL $helper
wait "$child"
expect "a helper that is killed is told of" [ "$(tail -n 1 out)" = "killed by SIGKILL" ]

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

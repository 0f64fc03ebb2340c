# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

run --holder lock
expect "nobody holds it: 3" [ "$status" -eq 3 ]

"$program" lock >holder 2>&1 </dev/null &
first=$!
started+=("$first")
wait_for "the first one holds the lock" grep -qs '^holding ' holder
expect "the file names it" [ "$(cat lock)" = "$first" ]
run --holder lock
expect "the holder is told" grep -qx "running as pid $first" out
run lock
expect "a second one is refused with 75" [ "$status" -eq 75 ]
expect "and told the pid of the first" grep -qw "$first" err

kill -TERM "$first"
wait "$first"
status=$?
expect "SIGTERM ends it with 0" [ "$status" -eq 0 ]
expect "the file is gone" [ ! -e lock ]
run --holder lock
expect "nobody holds it any more" [ "$status" -eq 3 ]

"$program" lock >next_holder 2>&1 </dev/null &
second=$!
started+=("$second")
wait_for "the next one holds the lock" grep -qs '^holding ' next_holder
kill -KILL "$second"
wait "$second" 2>/dev/null
expect "after SIGKILL the file is left" [ -e lock ]
run --holder lock
expect "but nobody holds it" [ "$status" -eq 3 ]

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
orphans() { sed -n 's/^orphan \([0-9]*\): its parent is this process$/\1/p' out; }
are_there() { [ "$(orphans | wc -l)" -eq 3 ]; }

# -- the tour to its end
run 0.2
expect "the tour ends with 0" [ "$status" -eq 0 ]
expect "fork copies the memory" grep -qx 'fork: the copy has the value 2, this process still has 1' out
expect "exec changes the program, not the process" grep -qE '^exec: the process [0-9]+ is sleep now$' out
expect "wait tells an exit status" grep -qx 'wait: ended with status 3' out
expect "and a signal" grep -qx 'wait: killed by SIGKILL' out
expect "who has ended is a zombie" grep -qx 'zombie: ended, and in the state Z' out
expect "until it is waited for" grep -qx 'zombie: waited for, and in the state -' out
expect "three orphans are adopted" are_there
for orphan in $(orphans); do
    expect "each is reaped" grep -qx "reaped $orphan: ended with status 0" out
    expect "and gone" [ ! -e "/proc/$orphan" ]
done
expect "the tour knows when all have ended" [ "$(tail -n 1 out)" = 'orphans: all have ended' ]

# -- with signals
"$program" 1000 >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "the orphans are there" are_there
mapfile -t pids < <(orphans)
started+=("${pids[@]}")
kill -USR1 "${pids[0]}"
wait_for "an orphan's end by a signal is told" grep -qx "reaped ${pids[0]}: killed by SIGUSR1" out
kill -TERM "$child"
wait "$child"
status=$?
expect "SIGTERM ends the tour with 0" [ "$status" -eq 0 ]
expect "it says what becomes of the others" [ "$(tail -n 1 out)" = 'orphans: the rest ends now' ]
for orphan in "${pids[@]}"; do expect "no orphan is left" [ ! -e "/proc/$orphan" ]; done
expect "nothing is said on stderr" [ ! -s err ]

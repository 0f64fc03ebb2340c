# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
says() { grep -qsxF "$1" out; }
invites() { grep -qs '^send SIGUSR2 to [0-9]*, then SIGINT$' out; }
begin() {  # <argument>...
    : >out
    "$program" "$@" >out 2>err </dev/null &
    child=$!
    started+=("$child")
    wait_for "the tour comes to its last station" invites
}

begin
while IFS= read -r line; do expect "the tour says: $line" says "$line"; done <<'LINES'
blocked: SIGUSR1 was sent 3 times and is pending
unblocked: it came 1 time
queued: real-time signals with the values 1 2 3
ignored: a write that nobody reads: Broken pipe
timer: alarm 3
children: 5 reaped, 5 of them with status 7
read, no SA_RESTART: EINTR
read, SA_RESTART: goes on
poll, SA_RESTART: EINTR
SignalSet::wait_for: goes on
LINES
expect "it names its own pid" says "send SIGUSR2 to $child, then SIGINT"
kill -USR2 "$child"
wait_for "it knows who sent a signal" says "SIGUSR2 from process $$ of user $(id -u)"
kill -INT "$child"
wait "$child"
status=$?
expect "SIGINT ends it with 0" [ "$status" -eq 0 ]
expect "after it has tidied up" says "tidying up"

begin --hang
kill -INT "$child"
wait_for "it tidies up, without an end" says "tidying up"
kill -INT "$child"
wait "$child"
status=$?
expect "the second SIGINT kills it" [ "$status" -eq $((128 + 2)) ]

run --surplus
expect "wrong use ends with 64" [ "$status" -eq 64 ]

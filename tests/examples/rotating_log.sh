# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

run log pid 1000
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon rotates its log" [ -e log.2 ]
form='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}[+-][0-9]{2}:[0-9]{2} thermod\['$pid'\] (info|notice): (tick [0-9]+|started|stopped)$'
is_in_form() { ! grep -hvE "$form" log log.* >wrong; }
expect "each line has its form, and is whole" is_in_form
expect "no file is larger than it may be" [ "$(stat -c %s log.1)" -le 1000 ]

kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "and is told" eval 'tail -n 1 log | grep -q "notice: stopped$"'
expect "the pid file is gone" [ ! -e pid ]

rm -f log*
begun=$(date +%s%N)
run log pid
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon works" grep -qs tick log
kill -USR1 "$pid"
wait_for "SIGUSR1 rotates it" [ -e log.1 ]
mv log mine
kill -HUP "$pid"
wait_for "after SIGHUP the log is a new file" grep -qs tick log
mv log yours
mkdir log
kill -HUP "$pid"
wait_for "where it cannot be opened, the old one says so" grep -qs 'warning: the log could not be opened anew: open_log_file: .*/log: ' yours
lines=$(grep -c . yours)
wait_for "and goes on" eval '[ "$(grep -c . yours)" -ge $((lines + 2)) ]'
for _ in {1..3000}; do kill -HUP "$pid"; done
ticks=$(sed -n 's/.*: tick //p' yours | tail -n 1)
expect "a signal is no tick" [ "$ticks" -le $((($(date +%s%N) - begun) / 10000000 + 1)) ]
kill -INT "$pid"
wait_for "SIGINT ends it" is_gone "$pid"
cat log.1 mine yours | sed -n 's/.*: tick //p' >ticks
expect "of three files no line is missing" eval 'seq "$(grep -c . ticks)" | cmp - ticks'

run missing/log pid
expect "a log that cannot be made ends the start with 73" [ "$status" -eq 73 ]
expect "and the launcher tells it" grep -q 'open_log_file: .*/missing/log: its folder does not exist' err
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

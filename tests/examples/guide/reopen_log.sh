# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

begun=$(date +%s%N)
run log pid
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon works" grep -qsx alive log
mv log log.1
kill -HUP "$pid"
wait_for "after SIGHUP the log is a new file" grep -qsx alive log

mv log log.2
mkdir log
lines=$(grep -c . log.2)
kill -HUP "$pid"
wait_for "where it cannot be opened, the old one says so" grep -qs '^the old log goes on: open_stream: .*/log: ' log.2
wait_for "and goes on" eval '[ "$(grep -c . log.2)" -ge $((lines + 2)) ]'
for _ in {1..3000}; do kill -HUP "$pid"; done
ticks=$(cat log.1 log.2 | grep -cx alive)
expect "a signal is no second" [ "$ticks" -le $((($(date +%s%N) - begun) / 1000000000 + 1)) ]
kill -INT "$pid"
wait_for "SIGINT ends it" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]

run missing/log pid
expect "a log that cannot be made ends the start with 73" [ "$status" -eq 73 ]
expect "and the launcher tells it" grep -q 'open_stream: .*/missing/log: ' err
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

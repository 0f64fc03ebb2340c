# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
timestamp='^Daemon is running at [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$'
lines_are() { [ "$(grep -csE "$timestamp" "$1")" -ge "$2" ] 2>/dev/null; }

# -- as a daemon
run --log log --pid-file pid --interval 0.05
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "timestamps arrive" lines_are log 3
kill -TERM "$pid"
wait_for "SIGTERM ends the daemon" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]
expect "the log holds nothing else" eval '! grep -qvE "$timestamp" log'

# -- in the foreground
"$program" --foreground --interval 0.05 --pid-file pid >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "timestamps arrive on stdout" lines_are out 2
expect "the process that was started is the one in the pid file" [ "$(cat pid)" = "$child" ]
kill -INT "$child"
wait "$child"
status=$?
expect "SIGINT ends it with 0, although a background process starts with it ignored" [ "$status" -eq 0 ]
expect "the pid file is gone again" [ ! -e pid ]

# -- wrong use
for arguments in "" "--interval 5" "--log log --interval 0" "--log log --interval -1" "--log log --interval nan" \
    "--log log --interval 5x" "--log log --interval" "--log log --unknown" "--log log surplus"; do
    # shellcheck disable=SC2086  # the arguments are words
    run $arguments
    expect "wrong use ends with 64: $arguments" [ "$status" -eq 64 ]
    expect "and tells the right one" grep -q '^usage: ' err
done
run --log missing/log --pid-file pid
expect "a log that cannot be made ends the start with 73" [ "$status" -eq 73 ]
expect "names step, file and reason" grep -qE 'open_stream: .*/missing/log: .*No such file or directory' err
expect "and leaves no pid file" [ ! -e pid ]

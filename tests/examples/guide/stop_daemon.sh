# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

export RUNTIME_DIRECTORY=$folder/run  # as systemd sets it; root would have /run/thermod
mkdir -m 0755 run
file=run/thermod.pid

run --stop
expect "nothing runs yet" grep -qx "not running" out
expect "which is no failure" [ "$status" -eq 0 ]

sleep 60 &
stranger=$!
started+=("$stranger")
echo "$stranger" >"$file"
run --stop
expect "a number in the file is nobody" grep -qx "not running" out
expect "the stranger of that number lives on" kill -0 "$stranger"

run --start
expect "the daemon starts" [ "$status" -eq 0 ]
pid=$(cat "$file")
started+=("$pid")
run --start
expect "a second one is refused" [ "$status" -eq 75 ]

echo "$stranger" >"$file"
run --stop
expect "the holder is stopped, whatever the file says" [ "$status" -eq 0 ]
expect "it is gone when the stop comes back" is_gone "$pid"
expect "so is the file" [ ! -e "$file" ]
expect "the stranger lives on" kill -0 "$stranger"

run --start
pid=$(cat "$file")
started+=("$pid")
rm "$file"
wait_for "a file that was removed is made again" grep -qsx "$pid" "$file"
run --start
expect "and keeps a second one out" [ "$status" -eq 75 ]

kill -STOP "$pid"
run --stop "CONT 0s, STOP 5s"
expect "a schedule is refused with the place" grep -q "character 10: SIGSTOP ends no process" err
expect "as wrong configuration" [ "$status" -eq 78 ]
run --stop "WINCH/0/WINCH/0"
expect "it is told that the daemon is still there" grep -qx "it is still there" out
expect "as a failure" [ "$status" -eq 1 ]
kill -STOP "$pid"
run --stop "KILL 20s"
expect "it is told that it had to be killed" grep -qx "it had to be killed" out
expect "a daemon that is frozen ends" is_gone "$pid"

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
chmod 0777 run
run --start
expect "a folder that others can write to is refused" grep -q "other users can write to it" err

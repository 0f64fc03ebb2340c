# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

client=$(dirname "$program")/control_client
[ -x "$client" ] || fail "the client is built"
ask() {  # <word>...: sets status, keeps the streams in out and err
    "$client" control "$@" >out 2>err </dev/null
    status=$?
}

ask status
expect "without a daemon: 69" [ "$status" -eq 69 ]
expect "and the reason" grep -q 'the daemon is not running: there is no such socket' err

run .
started+=("$(cat pid)")
expect "the daemon starts" [ "$status" -eq 0 ]
pid=$(cat pid)

ask status
expect "it answers" [ "$status" -eq 0 ]
expect "with its pid" grep -qx "pid $pid" out
ask set 1000
expect "a request changes it" grep -qx "set by user $(id -u)" out
ask set "12 monkeys"
expect "a wrong argument is refused with 64" [ "$status" -eq 64 ]
expect "and the usage" grep -qx 'usage: set NUMBER' err
ask wait-for 1002
expect "an answer that comes later" grep -q '^count 100[2-9]$' out
ask help
expect "help lists the verbs" grep -q '^wait-for  *waits until a number is reached$' out
ask nonsense
expect "an unknown verb is refused with 64" [ "$status" -eq 64 ]

run .
expect "a second daemon is refused" [ "$status" -eq 75 ]
rm pid  # the lock is lost with its file, the socket is not
run .
expect "a second daemon is refused by the socket, too" [ "$status" -eq 75 ]
expect "in the shell" grep -q "already running as pid $pid" err

ask stop
expect "stop is answered" grep -qx stopping out
wait_for "it ends" is_gone "$pid"
expect "the socket is gone" [ ! -e control ]

run .
pid=$(cat pid)
started+=("$pid")
kill -KILL "$pid"
wait_for "it is killed" is_gone "$pid"
ask status
expect "a dead daemon: 69" [ "$status" -eq 69 ]
expect "and the reason" grep -q 'it has left the socket behind' err
run .
pid=$(cat pid)
started+=("$pid")
ask status
expect "the next one takes its place" grep -qx "pid $pid" out

# By hand, as a person would.
for tool in "socat - UNIX-CONNECT:control" "nc -N -U control"; do
    command -v "${tool%% *}" >/dev/null || continue
    printf 'set 7\nset x\n' | $tool >out 2>err
    expect "${tool%% *} gets both answers" [ "$(cat out)" = "0 set by user $(id -u)
64 usage: set NUMBER" ]
done

kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "the socket is gone" [ ! -e control ]

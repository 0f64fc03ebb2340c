# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
is_marked() {  # <mark> <what> [<regular expression in the reason>]
    grep -qE "^$1 +$2 +.*${3-}" out
}
hello=$(dirname "$program")/00_hello_daemon

run
expect "no process is a wrong use" [ "$status" -eq 64 ]
run --help
expect "nor is an option one" [ "$status" -eq 64 ]
run 4194304
expect "a number that no process has" [ "$status" -eq 69 ]
expect "is told of as that" grep -q 'inspect_process: pid 4194304: No such process' err
run hello.pid
expect "a pid file that is not there names nobody" [ "$status" -eq 69 ]
echo 1 >forged.pid
run forged.pid
expect "nor does one that nobody holds, whatever is in it" [ "$status" -eq 69 ]

# -- a daemon of this library
umask 027
"$hello" >/dev/null || fail "hello starts"
pid=$(cat hello.pid)
started+=("$pid")
at_rest() {  # <process>: looked at while it waits, not while it writes or is about to wait
    run "$1"
    grep -qE "^process +$pid \(00_hello_daemon\), sleeping" out && grep -qE '^blocked +none$' out
}
wait_for "a daemon is described by name and number" at_rest "$pid"
for line in state 'ignored signals' 'blocked signals' SIGTERM 'controlling terminal' session umask 'core dumps' children; do
    expect "as to $line, it is as it ought to be" is_marked ok "$line"
done
# A daemon that leaves no core is not dumpable: root alone sees what it has open.
if [ "$(id -u)" -eq 0 ]; then
    for line in descriptors 'descriptor limit' 'standard input' 'standard output' 'standard error' executable; do
        expect "as to $line, too" is_marked ok "$line"
    done
    expect "its pid file is found" is_marked ok 'pid file' "$folder/hello.pid, locked"
    expect "its log is found" grep -qE "^  1 +$folder/hello.log, append" out
else
    expect "its descriptors are hidden from its user" is_marked 'not known' descriptors 'not told to this user'
fi
expect "a reload by SIGHUP would end it" is_marked warning SIGHUP
expect "a warning is told by the status" [ "$status" -eq 1 ]
mv out by_number
wait_for "a daemon is found by its pid file" at_rest hello.pid
expect "by its pid file it is the same" [ "$(sed 's/, up .*//; /^memory/d' out)" = "$(sed 's/, up .*//; /^memory/d' by_number)" ]
kill -TERM "$pid"
wait_for "it ends" is_gone "$pid"

# -- what is no daemon
sleep 1000 &
sleeper=$!
disown
started+=("$sleeper")
wait_for "it runs" grep -qx sleep "/proc/$sleeper/comm"  # until then it is a copy of this shell
run "$sleeper"
expect "a sleep is no daemon" [ "$status" -eq 1 ]
expect "SIGTERM ends it at once" is_marked warning SIGTERM 'not caught'
expect "its parent is this shell" is_marked warning parent "$$ \(bash\)"
run "$$"
expect "nor is a shell" is_marked warning parent

# -- names that are made to deceive
cp "$(command -v sleep)" $'evil\nok         state' || fail "a copy of sleep"
./$'evil\nok         state' 1000 >$'\e[2Jlog' 2>&1 &
evil=$!
disown
started+=("$evil")
wait_for "it runs" grep -qs evil "/proc/$evil/comm"
run "$evil"
expect "a newline in a name begins no line" grep -qE '^process +[0-9]+ \(evil\\nok ' out
expect "and a terminal is told nothing by it" grep -qF '\x1b[2Jlog' out
expect "not one escape comes through" [ -z "$(tr -d '[:print:]\n' <out)" ]

# -- an ordinary user, and the process of another
as_user=()
if [ "$(id -u)" -eq 0 ]; then
    command -v setpriv >/dev/null || not_tested "setpriv is not installed"
    cp "$program" ordinary && chmod 755 . ordinary
    program=$folder/ordinary
    as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
"${as_user[@]}" "$program" 1 >out 2>err
expect "what is public is told" grep -qE '^process +1 \(' out
expect "what is not is not known" is_marked 'not known' descriptors 'not told to this user'
expect "and no descriptor is listed" [ -z "$(grep -E '^  [0-9]' out)" ]

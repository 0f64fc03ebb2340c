# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
configure() { printf '%s\n' "# a room" "low = $1" "high = $2" "interval = $3ms" >new && mv new config; }

printf '%s\n' "low = 18" "hgih = 22" >config
run config log pid
expect "a bad configuration ends the start with 78" [ "$status" -eq 78 ]
expect "which tells file, line and reason" grep -q ": $folder/config:2: there is no key hgih$" err
expect "nothing is left of it" [ ! -e pid ]

configure 18 22 2
run config log pid
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
for worker in 1 2 3 4; do wait_for "worker $worker works" grep -qsx "worker $worker keeps 18 to 22" log; done

# The main thread lets SIGHUP, SIGINT and SIGTERM through, the others nothing that can be blocked.
if [ -r "/proc/$pid/task" ]; then
    threads=(/proc/"$pid"/task/*)
    expect "each worker is a thread" [ "${#threads[@]}" -ge 5 ]
    for thread in "${threads[@]}"; do
        blocked=$((0x$(sed -n 's/^SigBlk:\t//p' "$thread/status")))
        case $thread in
            */"$pid") expect "the main thread hears of its signals" [ $((blocked & 0x4003)) -eq 0 ] ;;
            *) expect "a worker hears of none" [ $((blocked & 0x4003)) -eq $((0x4003)) ] ;;
        esac
        expect "SIGUSR1 is blocked in each" [ $((blocked & 0x200)) -ne 0 ]
    done
fi

configure 30 36 2
kill -HUP "$pid"
for worker in 1 2 3 4; do
    wait_for "worker $worker uses the new configuration" grep -qsx "worker $worker keeps 30 to 36" log
done
expect "the reload is told" grep -qx "reloaded $folder/config" log

refused() {  # <text of the configuration> <reason>
    printf '%b' "$1" >config
    kill -HUP "$pid"
    wait_for "refused with its place: $2" grep -qsx "the old configuration stays: $folder/config$2" log
}
refused 'low = 1\nhigh = 2x\n' ':2: high: "2x" is not a whole number'
refused '\n\nlow 5\n' ':3: "low 5" is not of the form key = value'
refused 'low =\n' ':1: low: it has no value'
refused '\nlow = 50\nhigh = 40\n' ':2: low: not below high'
refused 'interval = 25h\n' ':1: interval: 25h is not from 1ms to 1d'
rm config
kill -HUP "$pid"
wait_for "a file that is gone is told" grep -qs "^the old configuration stays: $folder/config: No such file" log
last=$(grep -n '^the old configuration stays: ' log | tail -n 1 | cut -d: -f1)
keeps_old() { tail -n "+$last" log | grep -qsx 'worker 3 keeps 30 to 36'; }
wait_for "after all of these the old one is in force" keeps_old

# A storm: the configuration changes all the time, and nobody sees half of one.
for ((i = 0; i < 100; ++i)); do
    if ((i % 2)); then configure 18 22 1; else configure 30 36 1; fi
    kill -HUP "$pid"
done
configure 1 2 1
kill -HUP "$pid"
wait_for "the last one comes into force" grep -qsx 'worker 4 keeps 1 to 2' log
expect "none was mixed" eval '! grep "^worker" log | grep -qvxE "worker [1-4] keeps (18 to 22|30 to 36|1 to 2)"'

kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "after the workers have ended" [ "$(tail -n 1 log)" = stopped ]
expect "the pid file is gone" [ ! -e pid ]

# -- in the foreground, at last with an interval that nobody wants to wait for
configure 18 22 1
"$program" --foreground config log.foreground pid >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "the workers work" grep -qs '^worker' log.foreground
for ((i = 0; i < 20; ++i)); do
    configure 18 $((22 + i)) 1
    kill -HUP "$child"
done
configure 30 36 3600000
kill -HUP "$child"
wait_for "they wait now" grep -qs '^worker 2 keeps 30 to 36' log.foreground
kill -INT "$child"
wait "$child"
status=$?
expect "SIGINT ends it at once, with 0" [ "$status" -eq 0 ]
expect "in order" [ "$(tail -n 1 log.foreground)" = stopped ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

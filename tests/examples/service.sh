# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
mkdir run
export RUNTIME_DIRECTORY=$folder/run
unset "${!THERMOD_@}"

configure() { printf '%s\n' "interval = ${2-20ms}" "degrees = $1" "log = $folder/log" "syslog = $folder/no_log" >new && mv new config; }
verb() {  # <verb> <word>...: sets status, out, err
    "$program" "${options[@]}" config "$@" >out 2>err </dev/null
    status=$?
}
options=()
says() { grep -qxF "thermod: $1" out err; }
is_json() {  # <name> <value>: of the status for programs, as a reader that is strict takes it
    verb status --json
    if command -v jq >/dev/null; then
        [ "$(jq -r ".$1" out)" = "$2" ]
    elif command -v python3 >/dev/null; then
        [ "$(python3 -c "import json; print(json.load(open('out'))['$1'])" | sed 's/^None$/null/')" = "$2" ]
    else
        not_tested "neither jq nor python3 is here, to read JSON"
    fi
}
expect_stopped() {  # <why>
    verb status
    expect "$1: its status is 3" [ "$status" -eq 3 ]
    expect "$1: nothing is left" [ -z "$(ls -A run)" ]
}

# -- before anything runs
expect_stopped "before the first start"
verb stop
expect "a stop of what does not run is done" [ "$status" -eq 0 ]
verb reload
expect "a reload of it has 7" [ "$status" -eq 7 ]
verb restart
expect "without a configuration nothing is restarted: 6" [ "$status" -eq 6 ]
printf '%s\n' 'degrees = hot' 'leevl = info' >config
verb start
expect "a bad configuration ends the start with 1" [ "$status" -eq 1 ]
expect "which tells where" grep -qF "$folder/config:1: degrees: \"hot\" is not a whole number" err
expect "and where else" grep -qF "$folder/config:2: there is no key leevl" err
expect_stopped "after it"

# -- a life
configure 21
verb start
expect "it is started" [ "$status" -eq 0 ]
pid=$(cat run/thermod.pid)
started+=("$pid")
expect "which is told" says "started as pid $pid"
expect "with what it does" grep -qx "measures every 20ms" err
wait_for "it works" grep -qs 'info: 21 degrees$' log
verb start
expect "a second start is done" [ "$status" -eq 0 ]
expect "as it runs" says "already running as pid $pid"
verb status
expect "the status is 0" [ "$status" -eq 0 ]
expect "with the pid" grep -q "^thermod: running as pid $pid for " out
expect "its threads" grep -qx "  threads     1" out
expect "its descriptors, although it cannot be looked into" grep -qE "^  descriptors [0-9]+$" out
for pair in state=running pid="$pid" threads=1 reloads=0 failed_reloads=0 last_error=null no_report=null \
    "doing=measures every 20ms"; do
    expect "as JSON: $pair" is_json "${pair%%=*}" "${pair#*=}"
done
verb status --json
expect "the status of which is the same" [ "$status" -eq 0 ]
"$program" config status >/dev/full 2>err
expect "a status that nobody can read is unknown: 4" [ "$?" -eq 4 ]

# -- its own verbs
verb measured
expect "its own verb is answered" grep -qxE '[0-9]+' out
verb measurd
expect "one that it has not is refused: 2" [ "$status" -eq 2 ]
verb help
expect "help lists it" grep -qx "measured    how often it has measured" out
verb log-level
expect "the level is told" grep -qx info out
verb log-level error
expect "and changed" [ "$status" -eq 0 ]
verb reload
lines=$(wc -l <log)
verb measured
measured=$(cat out)
has_measured_more() { verb measured && [ "$(cat out)" -gt "$((measured + 2))" ]; }
wait_for "it measures on" has_measured_more
expect "and logs no more of it" [ "$(wc -l <log)" -eq "$lines" ]
verb log-level info
verb log-level loud
expect "a level that is none is refused: 2" [ "$status" -eq 2 ]

# -- reload
configure 23 30ms
verb reload
expect "a reload is done" [ "$status" -eq 0 ]
wait_for "it is in force" grep -qs 'info: 23 degrees$' log
expect "and the status tells of it" is_json doing "measures every 30ms"
echo 'degrees = 200' >config
verb reload
expect "a bad one has failed" [ "$status" -eq 1 ]
expect "with the reason" says "$folder/config:1: degrees: 200 is not from -50 to 150"
expect "which the status has as well" is_json last_error "$folder/config:1: degrees: 200 is not from -50 to 150"
expect "beside the number" is_json failed_reloads 1
verb restart
expect "a restart with it is refused: 6" [ "$status" -eq 6 ]
expect "before anything is stopped" [ "$(cat run/thermod.pid)" = "$pid" ]
configure 24
kill -HUP "$pid"
wait_for "SIGHUP does the same" grep -qs 'info: 24 degrees$' log
expect "the last error is gone" is_json last_error null

# A storm of reloads, by the verb and by the signal: each verb has the outcome of one that began after it was asked.
storm=()
for ((i = 0; i < 30; ++i)); do
    kill -HUP "$pid"
    "$program" config reload >>storm 2>&1 &
    storm+=("$!")
done
configure 30
verb reload
expect "the last one is done" [ "$status" -eq 0 ]
for process in "${storm[@]}"; do
    wait "$process"
    expect "each one is done" [ "$?" -eq 0 ]
done
expect "and says so" [ "$(sort -u storm)" = "thermod: reloaded" ]
wait_for "the last one is in force" grep -qs 'info: 30 degrees$' log

# -- restart and stop
verb restart
expect "it is started again" [ "$status" -eq 0 ]
expect "after its end" is_gone "$pid"
pid=$(cat run/thermod.pid)
started+=("$pid")
verb stop
expect "it is stopped" [ "$status" -eq 0 ]
expect "and gone" is_gone "$pid"
expect "in order" eval 'tail -n 1 log | grep -q "notice: stopped$"'
expect_stopped "after the stop"
verb stop
expect "a second stop is done" [ "$status" -eq 0 ]

# -- killed
verb start
pid=$(cat run/thermod.pid)
started+=("$pid")
kill -KILL "$pid"
wait_for "it is killed" is_gone "$pid"
verb status
expect "dead with a pid file is 1" [ "$status" -eq 1 ]
expect "for programs too" is_json state crashed
sleep 60 &
victim=$!
started+=("$victim")
echo "$victim" >run/thermod.pid  # whose number is somebody else's by now
verb stop
expect "there is nothing to stop" says "not running"
verb reload
expect "and nothing to reload" [ "$status" -eq 7 ]
verb start
expect "it is started all the same" [ "$status" -eq 0 ]
pid=$(cat run/thermod.pid)
started+=("$pid")
echo "$victim" >run/thermod.pid  # while it runs
verb stop
expect "the daemon is stopped" is_gone "$pid"
expect "nobody else is" eval '! is_gone "$victim"'
kill "$victim"

# -- many at once
starters=()
for ((i = 0; i < 50; ++i)); do
    "$program" config start >"start.$i" 2>&1 </dev/null &
    starters+=("$!")
done
for process in "${starters[@]}"; do
    wait "$process"
    expect "each of 50 starts is done" [ "$?" -eq 0 ]
done
pid=$(cat run/thermod.pid)
started+=("$pid")
expect "by one daemon" [ "$(grep -lx "thermod: started as pid $pid" start.* | wc -l)" -eq 1 ]
expect "that all name" [ "$(grep -lx "thermod: already running as pid $pid" start.* | wc -l)" -eq 49 ]
for ((i = 0; i < 10; ++i)); do
    verb stop
    expect "it is stopped" [ "$status" -eq 0 ]
    "$program" config start >/dev/null 2>&1 </dev/null &
    launcher=$!
    verb stop
    expect "a stop beside a start is done" [ "$status" -eq 0 ]
    wait "$launcher"
    launched=$?
    [ -s run/thermod.pid ] && started+=("$(cat run/thermod.pid)")
    expect "and the start: done, or ended" [ "$launched" -le 1 ]
done
verb stop
expect_stopped "after ten of them"

# -- in the foreground
"$program" config run >out.run 2>err.run </dev/null &
child=$!
started+=("$child")
is_ready() { verb wait-ready && says "running as pid $child"; }
wait_for "it runs" is_ready
kill -INT "$child"
wait "$child"
expect "SIGINT ends it with 0" [ "$?" -eq 0 ]
expect_stopped "after it"

# -- wrong use
"$program" config >out 2>err
expect "without a verb it is 2" [ "$?" -eq 2 ]
expect "and the usage" grep -q '^usage: thermod VERB$' err
"$program" config --help >out
expect "which --help prints" grep -q '^usage: thermod VERB$' out

# -- the unit, printed by a program that was found in PATH
(PATH=${program%/*}:$PATH && "${program##*/}" config print-unit) >unit
expect "the unit has the path of the program" grep -qxF "ExecStart=$program $folder/config run" unit

# -- as another user
[ "$(id -u)" -eq 0 ] || not_tested "another user: only root can become one"
id -u nobody >/dev/null 2>&1 || not_tested "another user: there is no nobody"
chmod 711 .
mkdir logs && chown nobody logs
configure 21
sed -i "s,^log = .*,log = $folder/logs/log," config
chmod 644 config
options=(--user nobody --group "$(id -gn nobody)")
verb start
expect "it is started as another user" [ "$status" -eq 0 ]
pid=$(cat run/thermod.pid)
started+=("$pid")
expect "which it is" grep -qx "Uid:\(	$(id -u nobody)\)\{4\}" "/proc/$pid/status"
expect "with its log" [ "$(stat -c %U logs/log)" = nobody ]
verb reload
expect "its control socket is root's to use" [ "$status" -eq 0 ]
verb stop
expect "it is stopped" [ "$status" -eq 0 ]
verb status
expect "its status is 3" [ "$status" -eq 3 ]
verb start
expect "what it could not remove is no obstacle" [ "$status" -eq 0 ]
started+=("$(cat run/thermod.pid)")
verb stop
expect "and it is stopped" [ "$status" -eq 0 ]

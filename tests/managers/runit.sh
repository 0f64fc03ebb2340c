# SPDX-License-Identifier: MIT
# <the example service>: under a real runsv. Its verb status is the check by which sv knows that it is up.
. "$(dirname "$0")/../examples/common.sh"
command -v runsv >/dev/null && command -v sv >/dev/null || not_tested "runit is not installed"
export RUNTIME_DIRECTORY=$folder/run
unset "${!THERMOD_@}"

mkdir run thermod
printf '#!/bin/sh\nexec "%s" "%s" run\n' "$program" "$folder/config" >thermod/run
printf '#!/bin/sh\nexec "%s" "%s" status >/dev/null\n' "$program" "$folder/config" >thermod/check
printf '#!/bin/sh\necho "$1 $2" >>"%s/ends"\n' "$folder" >thermod/finish
chmod +x thermod/run thermod/check thermod/finish
configure() { printf '%s\n' "degrees = $1" "interval = 20ms" "log = $folder/log" "syslog = $folder/no_log" >new && mv new config; }

configure hot
runsv thermod >runsv.out 2>runsv.err &
supervisor=$!
started+=("$supervisor")
ask() { sv -w 15 "$@" "$folder/thermod" >>sv.out 2>&1; }
measures() { grep -qs "info: $1 degrees\$" log; }  # <degrees>

wait_for "a configuration that is wrong fails the start" grep -qs '^70 0' ends
expect "and a start is not done" eval '! sv -w 0 start "$folder/thermod" >>sv.out 2>&1'
configure 21
expect "a start is done when the check says so" ask start
expect "it works" wait_for "it measures" measures 21
pid=$(cat thermod/supervise/pid)
started+=("$pid")
expect "the process that runsv has started is the daemon" [ "$(cat run/thermod.pid)" = "$pid" ]

configure 22
expect "HUP is passed on" ask hup
wait_for "and the configuration read again" measures 22

kill -KILL "$pid"
wait_for "runsv knows how it ended" grep -qx -- '-1 9' ends  # until then it is up for sv
expect "after a crash it is started again, and up when the check says so" ask start
first=$pid
pid=$(cat thermod/supervise/pid)
started+=("$pid")
expect "in another process" [ "$pid" != "$first" ]
expect "and sv check asks it" ask check

expect "a stop is over when it has ended" ask stop
expect "by itself, and well" grep -qx '0 0' ends
expect "it leaves nothing" [ -z "$(ls -A run)" ]
expect "and asked for its status it says so" eval '! ./thermod/check 2>>sv.out'

ask exit
wait_for "runsv ends" is_gone "$supervisor"

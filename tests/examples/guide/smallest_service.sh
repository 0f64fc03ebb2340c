# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"
mkdir run
export RUNTIME_DIRECTORY=$folder/run
run start
expect "it is started" [ "$status" -eq 0 ]
pid=$(cat run/thermod.pid)
started+=("$pid")
expect "which is told" grep -qx "thermod: started as pid $pid" out
run start
expect "it is not started twice" grep -qx "thermod: already running as pid $pid" out
run status
expect "its status is 0" [ "$status" -eq 0 ]
expect "with its pid" grep -q "^thermod: running as pid $pid for [0-9]* s$" out
run restart
expect "it is started again" [ "$status" -eq 0 ]
next=$(cat run/thermod.pid)
started+=("$next")
expect "as another process" [ "$next" != "$pid" ]
chmod 0777 run
run restart
expect "a restart that would find no safe folder is refused" [ "$status" -eq 4 ]
expect "with the reason" grep -q "^thermod: not restarted: runtime_directory: $folder/run: " err
expect "and stops nothing" kill -0 "$next"
chmod 0755 run
run stop
expect "it is stopped" [ "$status" -eq 0 ]
expect "and gone" is_gone "$next"
run status
expect "its status is 3" [ "$status" -eq 3 ]
expect "nothing is left" [ -z "$(ls run)" ]
"$program" run >out.run 2>err.run </dev/null &
child=$!
started+=("$child")
wait_for "it runs in the foreground" eval '"$program" wait-ready >wait 2>&1'
wait_for "what it says is not kept in a buffer" grep -qx "21 degrees" out.run
kill -TERM "$child"
wait "$child"
expect "SIGTERM ends it with 0" [ "$?" -eq 0 ]

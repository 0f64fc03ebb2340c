# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"
is_ready() { grep -qsx ready out; }
reloads() { kill -HUP "$child" && grep -qsx reloaded out; }  # until the thread listens, the signal is ignored

(trap '' HUP; exec "$program" >out 2>err </dev/null) &
child=$!
started+=("$child")
wait_for "the program is ready" is_ready
wait_for "the thread hears of SIGHUP" reloads
kill -TERM "$child"
wait "$child"
status=$?
expect "SIGTERM ends the thread and the program" [ "$status" -eq 0 ]

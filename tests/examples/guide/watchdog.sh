# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run log pid
expect "without a manager it is a daemon like any other" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "the worker works" grep -qsx "line 3" log
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"

# In the foreground, with the manager's limit but nobody to hear: the program itself tells that its worker hangs.
WATCHDOG_USEC=400000 LISTEN_PID= NOTIFY_SOCKET=/nobody "$program" log2 pid 3 >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "the worker works" grep -qsx "line 3" log2
wait_for "and when it hangs that is told" grep -qsx "no progress: worker" err
kill -TERM "$pid"
wait "$pid"
expect "SIGTERM ends it as well" [ $? -eq 0 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

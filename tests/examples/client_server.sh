# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

start() {  # a server that the test ends; sets pid
    run serve socket log pid
    expect "the launcher ends with 0: $(cat err)" [ "$status" -eq 0 ]
    pid=$(cat pid)
    started+=("$pid")
}
end() { kill -TERM "$pid"; wait_for "SIGTERM ends the server" is_gone "$pid"; }
lines_of() { cat log.* log 2>/dev/null | grep -c "info: from [0-9]*: $1"; }
descriptors() { ls "/proc/$pid/fd" 2>/dev/null | wc -l; }  # for root; to others a process that dumps no core tells 0
send_hostile() { expect "$* is accepted" [ "$("$PROBE_DATAGRAMS" socket "$@")" = "${2:-1}" ]; }
counts() {  # sets counts
    run ask socket counts
    expect "the server answers: $(cat err)" [ "$status" -eq 0 ]
    counts=$(cat out)
}

# -- one message, one reply
start
expect "the socket is for owner and group" [ "$(stat -c %a socket)" = 660 ]
run send socket 'the cellar is wet'
expect "a message is sent" [ "$status" -eq 0 ]
run ask socket hello
expect "a request is answered" [ "$(cat out)" = hello ]
expect "after what was sent before it" [ "$(lines_of 'the cellar is wet$')" -eq 1 ]
run serve socket log pid
expect "a second server is refused" [ "$status" -eq 75 ]
run serve socket log other_pid
expect "with another pid file, too" [ "$status" -eq 70 ]
expect "and told why" grep -q 'another server listens there' err
expect "and the first one goes on" [ -S socket ]

# -- many clients at once: each message is in the log, in the order of its client
clients=20 each=200
flooders=()
for client in $(seq $clients); do
    "$program" flood socket "client$client" $each >"flood$client" 2>&1 </dev/null &
    flooders+=($!)
done
for flooder in "${flooders[@]}"; do wait "$flooder" || fail "a client has failed"; done
counts  # what is asked last is answered last
expect "nothing is lost" [ "$(lines_of client)" -eq $((clients * each)) ]
expect "and all is counted: $counts" \
    [ "$counts" = "logged $((clients * each + 1)), requests 2, refused 0, replies dropped 0, lines dropped 0" ]
seq $each >wanted
for client in $(seq $clients); do
    sed -n "s/.*: client$client \([0-9]*\)$/\1/p" log >got
    expect "client $client has all of its messages, in order" cmp -s wanted got
done

# -- what no honest client sends
before=$(descriptors)
send_hostile empty
send_hostile oversize
send_hostile binary
send_hostile nameless
send_hostile descriptors
send_hostile garbage 200
counts
expect "what is no message is refused: $counts" grep -q ' refused 202,' out
expect "a request without an address has no reply" grep -q ' replies dropped 1,' out
expect "text of any bytes is one line of the log" grep -q ': #000#012#033\[2J' log
expect "a descriptor that is passed is not kept" [ "$(descriptors)" -eq "$before" ]
expect "its message is" [ "$(lines_of 'with descriptors$')" -eq 1 ]
qlen=$(cat /proc/sys/net/unix/max_dgram_qlen)
"$PROBE_DATAGRAMS" socket deaf 200 >deaf &
deaf=$!
started+=("$deaf")
wait_for "200 clients have asked, and do not read" grep -qsx 4000 deaf
counts
lost=$(sed 's/.*replies dropped \([0-9]*\),.*/\1/' out)
[ "$qlen" -ge 20 ] || expect "what they have no room for is dropped, and counted: $lost" [ "$lost" -gt 200 ]
run ask socket hello
expect "and who reads is answered all the same" [ "$(cat out)" = hello ]
kill "$deaf"

# -- SIGHUP: the log was renamed
mv log log.old
kill -HUP "$pid"
wait_for "there is a new log" [ -e log ]
run send socket 'after the reload'
counts
expect "it has what comes now" [ "$(lines_of 'after the reload$')" -eq 1 ]
rm log.old
end

# -- a stop in the middle of a flood: what was accepted is in the log, and no client waits for ever
for round in 1 2 3 4 5; do
    rm -f log
    start
    flooders=()
    for client in 1 2 3 4; do
        "$program" flood socket "flood$client" 10000000 >"flood$client" 2>/dev/null </dev/null &
        flooders+=($!)
        started+=($!)
    done
    wait_for "the flood has begun" eval '[ "$(lines_of flood)" -gt 100 ]'
    end
    for flooder in "${flooders[@]}"; do wait "$flooder"; expect "a client is told" [ $? -eq 69 ]; done
    accepted=0
    for client in 1 2 3 4; do accepted=$((accepted + $(sed 's/.*: \([0-9]*\) accepted/\1/' "flood$client"))); done
    expect "round $round: what was accepted, $accepted, is in the log: $(lines_of flood)" \
        [ "$(lines_of flood)" -eq "$accepted" ]
    expect "the socket is gone" [ ! -e socket ]
    expect "the end is told" grep -q 'notice: stopped: logged' log
done
run send socket 'nobody hears'
expect "without a server a client fails" [ "$status" -eq 69 ]

# -- what a killed server leaves, and what is somebody else's
start
kill -KILL "$pid"
wait_for "SIGKILL ends the server" is_gone "$pid"
expect "its socket is left" [ -S socket ]
start
run ask socket hello
expect "the next server takes its place" [ "$(cat out)" = hello ]
rm socket && echo mine >socket
end
expect "what stands there instead at the end is left" [ "$(cat socket)" = mine ]
run serve socket log pid
expect "what is no socket is not replaced" [ "$status" -eq 70 ]
expect "and told" grep -q 'it is no socket, and is left alone' err
expect "nor harmed" [ "$(cat socket)" = mine ]

# -- in the foreground, and wrong use
"$program" serve --foreground other_socket log pid >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "it serves" [ -S other_socket ]
kill -TERM "$pid"
wait "$pid"
expect "SIGTERM ends it with 0" [ $? -eq 0 ]
for wrong in '' serve 'serve a b' 'send socket' 'flood socket name' 'ask'; do
    run $wrong
    expect "wrong use ends with 64: $wrong" [ "$status" -eq 64 ]
done

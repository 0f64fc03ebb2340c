# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
nothing_lost='^produced ([1-9][0-9]*), consumed \1, out of order 0$'

# -- SIGTERM at a random moment, with an idle, a busy, a waiting producer: each end is an event, nothing is waited out.
rates=("0 0" "0 50" "50 0" "1000000 0")
most=0
for ((round = 0; round < 200; ++round)); do
    # shellcheck disable=SC2086  # two arguments
    exec {lines}< <(exec "$program" --foreground ${rates[round % 4]} 2>&1)
    child=$!
    started=("$child")
    read -r line <&"$lines"
    expect "it starts" [ "$line" = started ]
    for ((moment = RANDOM % 3000; moment > 0; --moment)); do :; done
    kill -TERM "$child"
    line=$(cat <&"$lines")  # to the end of the process
    exec {lines}<&-
    wait "$child"
    status=$?
    echo "round $round, rates ${rates[round % 4]}: status $status, $line" >last
    expect "SIGTERM ends it with 0" [ "$status" -eq 0 ]
    expect "every item that was produced is consumed, in order" grep -qE "$nothing_lost" <<<"$line"
    count=${line#produced }
    count=${count%%,*}
    [ "$count" -le "$most" ] || most=$count
done
expect "items went round the ring many times" [ "$most" -gt 100 ]

# -- as a daemon
for signal in TERM INT; do
    rm -f log
    run log pid 3600000000 0
    expect "the launcher ends with 0" [ "$status" -eq 0 ]
    pid=$(cat pid)
    started+=("$pid")
    kill -"$signal" "$pid"
    wait_for "SIG$signal ends a pause of an hour" is_gone "$pid"
    expect "the counts are logged" grep -qE "$nothing_lost" log
    expect "the pid file is gone" [ ! -e pid ]
done

for arguments in "" "log" "log pid 1" "log pid 1 x" "log pid -1 0" "log pid 1 2 3" "--foreground 1"; do
    # shellcheck disable=SC2086  # the arguments are words
    run $arguments
    expect "wrong use ends with 64: $arguments" [ "$status" -eq 64 ]
done
run missing/log pid
expect "a log that cannot be made ends the start with 73" [ "$status" -eq 73 ]

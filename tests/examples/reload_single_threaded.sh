# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

echo nonsense >config
run config log pid
expect "a bad configuration ends the start with 78" [ "$status" -eq 78 ]
expect "which tells file, line and reason" grep -q ": $folder/config:1: not a number" err
expect "nothing is left of it" [ ! -e pid ]

echo 20 >config
run config log pid
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon works" grep -qsx "alive, again in 20 ms" log

echo 30 >config
kill -HUP "$pid"
wait_for "SIGHUP puts the new configuration in force" grep -qsx "alive, again in 30 ms" log
for bad in "" 0 -5 5x 99999999999999999999 "7 8"; do
    printf '%s' "$bad${bad:+$'\n'}" >config
    : >log
    kill -HUP "$pid"
    wait_for "a bad one is told with file and line: $bad" grep -qs "^the old configuration stays: $folder/config:1: " log
    wait_for "and the old one stays" grep -qsx "alive, again in 30 ms" log
done
rm config
kill -HUP "$pid"
wait_for "so it is without a file" grep -qs "^the old configuration stays: $folder/config: No such file" log
mkdir config
kill -HUP "$pid"
wait_for "and with a folder in its place" grep -qs "^the old configuration stays: $folder/config: Is a directory" log

rmdir config
echo 60000 >config
kill -HUP "$pid"
wait_for "a long interval is in force" grep -qsx "alive, again in 60000 ms" log
echo 40 >config
kill -HUP "$pid"
wait_for "and does not hold up what comes after it" grep -qsx "alive, again in 40 ms" log
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

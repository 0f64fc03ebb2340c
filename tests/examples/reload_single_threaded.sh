# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

echo nonsense >config
run config log pid
expect "a bad configuration ends the start with 78" [ "$status" -eq 78 ]
expect "which tells file, line and reason" grep -qF "$folder/config:1: \"nonsense\" is not of the form key = value" err
expect "nothing is left of it" [ ! -e pid ]

echo "interval = 20ms" >config
run config log pid
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon works" grep -qsx "alive, again in 20ms" log

echo "interval = 30ms" >config
kill -HUP "$pid"
wait_for "SIGHUP puts the new configuration in force" grep -qsx "alive, again in 30ms" log
for bad in "" 0s -5s 5x 99999999999999999999s "7 8"; do
    printf 'interval = %s\n' "$bad" >config
    : >log
    kill -HUP "$pid"
    wait_for "a bad one is told with file and line: $bad" grep -qs "^the old configuration stays: $folder/config:1: interval: " log
    wait_for "and the old one stays" grep -qsx "alive, again in 30ms" log
done
rm config
kill -HUP "$pid"
wait_for "so it is without a file" grep -qs "^the old configuration stays: $folder/config: No such file" log
mkdir config
kill -HUP "$pid"
wait_for "and with a folder in its place" grep -qs "^the old configuration stays: $folder/config: not a plain file" log

rmdir config
echo "interval = 10h" >config
kill -HUP "$pid"
wait_for "a long interval is in force" grep -qsx "alive, again in 10h" log
echo "interval = 40ms" >config
kill -HUP "$pid"
wait_for "and does not hold up what comes after it" grep -qsx "alive, again in 40ms" log
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

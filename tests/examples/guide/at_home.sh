# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"
mkdir -m 700 state secrets
printf 'open sesame' >secrets/database
mkfifo state/pressure
export STATE_DIRECTORY=$folder/state CREDENTIALS_DIRECTORY=$folder/secrets MEMORY_PRESSURE_WATCH=$folder/state/pressure
unset MEMORY_PRESSURE_WRITE
start() { "$program" thermod >out 2>err </dev/null & pid=$!; started+=("$pid"); }
stop() {
    kill -TERM "$pid"
    wait "$pid"
    expect "SIGTERM ends it" [ "$?" -eq 0 ]
}
is_told() { [ "$(grep -cx "memory is short: the cache is empty now" out)" -eq "$1" ]; }

start
wait_for "it has its folder and its secret" grep -qsx "start 1, a password of 11 bytes" out
echo 1 >state/pressure
wait_for "it hears that memory is short" is_told 1
echo 1 >state/pressure
wait_for "and a second time" is_told 2
stop
start
wait_for "its folder stays" grep -qsx "start 2, a password of 11 bytes" out
stop
rm secrets/database
unset MEMORY_PRESSURE_WATCH
start
wait_for "without a secret and a watch it works as well" grep -qsx "start 3, a password of 0 bytes" out
stop

chmod 777 state
run thermod
expect "a folder that others can write to is refused" [ "$status" -eq 77 ]
expect "with what to do" grep -qF "service_directory: $folder/state: other users can write to it: chmod go-w" err
chmod 700 state
MEMORY_PRESSURE_WATCH=pressure run thermod
expect "a watch that makes no sense is refused" [ "$status" -eq 78 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
